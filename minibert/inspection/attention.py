"""Where attention goes, and which heads a prediction hangs on; both are read off runs of the model."""

from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError
from minibert.trace import Trace


def attention_rollout(model: Any, residual: float = 0.5, **inputs: Any) -> np.ndarray:
    """How much of every token reaches every place by the end, by attention alone: (B, T, T), rows sum to 1.

    The attentions of a layer, averaged over heads and mixed with the identity for the residual connection, multiplied
    through the layers (Abnar & Zuidema 2020, section 3).

    Args:
        model: any of the 23 classes.
        residual: the share of the residual connection, from 0 to 1.
        inputs: of the model's call.

    Returns:
        [b, t, s]: the share of token s in what stands at place t after the last layer, in the model's dtype.

    Raises:
        InputError: residual is outside 0 to 1, or the inputs do not fit the model.

    Example:
        >>> import minibert as mb
        >>> model = mb.BertForMaskedLM.from_pretrained("tiny-bert")
        >>> inputs = mb.AutoTokenizer.from_pretrained("tiny-bert")("the dog barked", return_tensors="np")
        >>> rollout = attention_rollout(model, **inputs)
        >>> rollout.shape, rollout.sum(axis=-1).round(3)
        ((1, 6, 6), array([[1., 1., 1., 1., 1., 1.]], dtype=float32))
    """
    if not 0.0 <= residual <= 1.0:
        raise InputError(f"residual is {residual:g}: a share from 0 to 1 belongs there.")
    output = model(**inputs, output_attentions=True, return_dict=True)
    rollout: Any = None
    for probs in output.attentions:
        mean = to_numpy(probs).mean(axis=1)
        mixed = residual * np.eye(mean.shape[-1], dtype=mean.dtype) + (1.0 - residual) * mean
        rollout = mixed if rollout is None else mixed @ rollout
    return rollout


def head_importance(model: Any, **inputs: Any) -> np.ndarray:
    """(L, N): how much the loss changes, to first order, when a head is switched off: |d loss / d head_mask|.

    Michel et al. 2019, equation 2, over one batch.

    Args:
        model: of a task class.
        inputs: of the model's call, with `labels`.

    Returns:
        [layer, head] in units of the loss (nats for cross-entropy), in the model's dtype.

    Raises:
        InputError: the inputs do not fit the model, or hold no labels, so that there is no loss.

    Example:
        >>> import minibert as mb
        >>> model = mb.BertForMaskedLM.from_pretrained("tiny-bert")
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> inputs = tokenizer("the dog [MASK].", return_tensors="np")
        >>> ran = tokenizer.convert_tokens_to_ids("ran")
        >>> labels = np.where(inputs["input_ids"] == tokenizer.mask_token_id, ran, -100)
        >>> importance = head_importance(model, **inputs, labels=labels)
        >>> importance.shape, bool((importance > 0).all())
        ((2, 4), True)
    """
    config = model.config
    mask = np.ones((config.num_hidden_layers, config.num_attention_heads))
    trace = Trace(["backward", "head_mask"])
    model(**inputs, head_mask=mask, trace=trace)
    model.backward(trace)
    return np.abs(to_numpy(trace.grad["head_mask"]))
