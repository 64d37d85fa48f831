"""The logit lens at a few places: the language-model head applied to every layer's hidden state.

Only the places asked for go through the head, a layer at a time: the logits of a whole text over every layer would be
many times the model's size.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minibert.errors import InputError
from minibert.explorer.packing import rounded
from minibert.explorer.tokens import Reader
from minibert.functional.softmax import log_softmax
from minibert.inspection.logit_lens import logits_of_states


def lens(model: Any, states: Iterable[Any], places: list[int]) -> Iterator[np.ndarray]:
    """Log-probabilities (places, V) that each state (1, T, D) leads to.

    Raises:
        InputError: the model has no language-model head.
    """
    if getattr(model, "lm_head_module", None) is None:
        raise InputError(f"{type(model).__name__} has no language-model head, so its layers predict no tokens.")
    for logits in logits_of_states(model, states, places):
        yield log_softmax(logits[0].astype(np.float64))


def choose_places(places: Any, tokens: list[dict[str, Any]]) -> list[int]:
    """The places as numbers: those asked for, "all", or the masked ones.

    Raises:
        InputError: a place lies outside the text.
    """
    if places is None:
        return [i for i, token in enumerate(tokens) if token["mask"]]
    if isinstance(places, str):
        if places != "all":
            raise InputError(f'places is {places!r}: "all", a list of token numbers, or nothing for the masked ones.')
        return list(range(len(tokens)))
    chosen = [int(place) for place in places]
    for place in chosen:
        if not 0 <= place < len(tokens):
            raise InputError(f"place {place} lies outside the text: its {len(tokens)} tokens count from 0.")
    return chosen


def describe(model: Any, read: Reader, states: list[Any], places: list[int], top: int) -> list[dict[str, Any]]:
    """For every place: for every layer the likeliest tokens, and how the final answer stands there.

    Args:
        read: an id's token as text.
        states: the embeddings' output, then every layer's.
    """
    if not places:
        return []
    records: list[dict[str, Any]] = [{"place": place, "layers": []} for place in places]
    by_layer = list(lens(model, states, places))
    for i, record in enumerate(records):
        answer = int(by_layer[-1][i].argmax())
        record["answer"] = read(answer)
        for scores in by_layer:
            best = np.argsort(-scores[i], kind="stable")[:top]
            record["layers"].append(
                {
                    "top": [[read(int(id_)), rounded(float(np.exp(scores[i, id_])), 4)] for id_ in best],
                    "probability": rounded(float(np.exp(scores[i, answer])), 4),
                    "rank": int((scores[i] > scores[i, answer]).sum()) + 1,
                }
            )
    return records
