"""The logit lens: what the layers of a language model would say already (nostalgebraist 2020)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minibert.backend import Array, array_module, to_numpy
from minibert.errors import InputError
from minibert.trace import Run


def logit_lens(model: Any, **inputs: Any) -> np.ndarray:
    """The language-model head applied to every layer's hidden state -> (L + 1, B, T, V), the embeddings' first.

    What the model would predict if it stopped at that layer (nostalgebraist 2020). The last is the model's own logits.

    Args:
        model: with a language-model head.
        inputs: of the model's call.

    Raises:
        InputError: the model has no language-model head, or the inputs do not fit.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=2, num_attention_heads=2,
        ...                        intermediate_size=6)
        >>> logit_lens(mb.BertForMaskedLM(config), input_ids=[[1, 2, 3]]).shape
        (3, 1, 3, 9)
    """
    if getattr(model, "lm_head_module", None) is None:
        raise InputError(f"{type(model).__name__} has no language-model head for a logit lens.")
    states = model(**inputs, output_hidden_states=True, return_dict=True).hidden_states
    return np.stack(list(logits_of_states(model, states)))


def logits_of_states(
    model: Any, states: Iterable[Array], places: Sequence[int] | None = None
) -> Iterator[np.ndarray]:
    """Hidden states (B, T, D) -> the head's logits (B, T, V) of each, on the host, one state at a time.

    Args:
        places: only these tokens, (B, places, V); the logits of a whole text over every layer may be many times the
            model's size.
    """
    for state in states:
        if places is not None:
            state = state[:, array_module(state).asarray(places, dtype=int)]
        yield to_numpy(model.lm_head_module.forward(state, Run()))
