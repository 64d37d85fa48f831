"""Reading a model: what its layers would say already, where attention goes, and which inputs a prediction hangs on.

Every function takes a model and a batch of its inputs, runs what it needs with traces and edits, and gives arrays on
the host. Attributions are explanations of a model's arithmetic, not of language.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array, to_numpy
from minibert.errors import InputError
from minibert.trace import Run, Trace

PARTS = ("word", "position", "type")


def logit_lens(model: Any, **inputs: Any) -> np.ndarray:
    """The language-model head applied to every layer's hidden state: (L + 1, B, T, V), the embeddings' first.

    What the model would predict if it stopped at that layer (nostalgebraist 2020). The last is the model's own logits.

    Raises:
        InputError: the model has no language-model head.
    """
    head = getattr(model, "lm_head_module", None)
    if head is None:
        raise InputError(f"{type(model).__name__} has no language-model head for a logit lens.")
    states = model(**inputs, output_hidden_states=True, return_dict=True).hidden_states
    return np.stack([to_numpy(head.forward(state, Run())) for state in states])


def attention_rollout(model: Any, residual: float = 0.5, **inputs: Any) -> np.ndarray:
    """How much of every token reaches every place by the end, by attention alone: (B, T, T), rows sum to 1.

    The attentions of a layer, averaged over heads and mixed with the identity for the residual connection, multiplied
    through the layers (Abnar & Zuidema 2020, section 3).

    Args:
        residual: the share of the residual connection.
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


class Attribution(NamedTuple):
    """What each token's embeddings contribute to a number of the output.

    Attributes:
        word, position, type: (B, T), the contribution of each of the three embeddings of every token.
        target: (B,), the number itself.
        baseline: (B,), the number at the baseline.
        gap: (B,), target - baseline - the sum of all contributions; 0 for a complete attribution.
    """

    word: np.ndarray
    position: np.ndarray
    type: np.ndarray
    target: np.ndarray
    baseline: np.ndarray
    gap: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """(B, T): all three together."""
        return self.word + self.position + self.type


def gradient_x_input(model: Any, target: Any, **inputs: Any) -> Attribution:
    """The gradient of a number of the output times each embedding, summed over its width.

    A first-order reading: exact for a linear model, and the gap says how far this one is from that.

    Args:
        target: (field, index): which number of the output, an index of the field without its batch axis, such as
            ("logits", 2) for a class, or ("logits", (5, 1037)) for a token's word.
    """
    inputs = _with_own_positions(model, inputs)
    trace, value, gradients = _gradients(model, target, inputs, edits=None)
    values = {part: _embedding(trace, model, part) for part in PARTS}
    baseline = _value(_at_zero(model, values, inputs), target)
    return _attribution(value, baseline, [gradients], [values])


def integrated_gradients(model: Any, target: Any, steps: int = 32, **inputs: Any) -> Attribution:
    """The gradient averaged along the straight way from zero embeddings to the real ones, times the embeddings.

    Complete up to the error of the average: the contributions sum to the difference that `gap` is measured against
    (Sundararajan et al. 2017). The way is cut at the midpoints of `steps` equal pieces.

    Args:
        target: as of `gradient_x_input`.
        steps: pieces of the way; more give a smaller gap.
    """
    if steps < 1:
        raise InputError(f"steps is {steps}: at least one belongs there.")
    inputs = _with_own_positions(model, inputs)
    trace, value, _ = _gradients(model, target, inputs, edits=None)
    values = {part: _embedding(trace, model, part) for part in PARTS}
    present = [_name(model, part) for part in PARTS if values[part] is not None]
    baseline = _value(_at_zero(model, values, inputs), target)
    gradients = []
    for step in range(steps):
        shrink = functools.partial(np.multiply, (step + 0.5) / steps)
        gradients.append(_gradients(model, target, inputs, dict.fromkeys(present, shrink))[2])
    return _attribution(value, baseline, gradients, [values] * steps)


def head_importance(model: Any, **inputs: Any) -> np.ndarray:
    """(L, N): how much the loss changes, to first order, when a head is switched off: |d loss / d head_mask|.

    Michel et al. 2019, equation 2, over one batch; the inputs must hold labels.
    """
    config = model.config
    mask = np.ones((config.num_hidden_layers, config.num_attention_heads))
    trace = Trace(["backward", "head_mask"])
    model(**inputs, head_mask=mask, trace=trace)
    model.backward(trace)
    return np.abs(to_numpy(trace.grad["head_mask"]))


def _name(model: Any, part: str) -> str:
    embeddings = getattr(model, "base_model", model).embeddings
    return embeddings.at(f"{'token_type' if part == 'type' else part}_embeddings")


def _with_own_positions(model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with position ids for every text, so that each has a gradient of its own."""
    if inputs.get("input_ids") is None:
        raise InputError("attributions need input_ids: with inputs_embeds there is no word embedding to attribute to.")
    if inputs.get("position_ids") is not None:
        return inputs
    prepared = getattr(model, "base_model", model).prepare(input_ids=inputs["input_ids"])
    positions = np.broadcast_to(to_numpy(prepared.position_ids), (prepared.batch, prepared.tokens))
    return {**inputs, "position_ids": positions}


def _at_zero(model: Any, values: dict[str, Any], inputs: dict[str, Any]) -> Any:
    """The output with every embedding that the model has replaced by zeros."""
    return model(**inputs, edits={_name(model, part): np.zeros_like for part in PARTS if values[part] is not None})


def _embedding(trace: Trace, model: Any, part: str) -> Array | None:
    """The embedding of this kind as the pass had it, None where it has none (relative positions)."""
    name = _name(model, part)
    return to_numpy(trace[name]) if name in trace else None


def _value(output: Any, target: Any) -> np.ndarray:
    """(B,): the target's number of every text."""
    field, index = target
    if field not in output:
        raise InputError(f"target names {field!r}, but the output has {', '.join(output.keys())}.")
    index = index if isinstance(index, tuple) else (index,)
    array = to_numpy(output[field])
    try:
        value = array[(slice(None), *index)]
    except IndexError:
        raise InputError(f"target's index {index} lies outside {field}, which has shape {array.shape}.") from None
    if value.ndim != 1:
        raise InputError(f"target's index {index} leaves shape {value.shape[1:]} of {field}: it must name one number.")
    return value


def _gradients(model: Any, target: Any, inputs: dict[str, Any], edits: Any) -> tuple[Trace, np.ndarray, dict[str, Any]]:
    """One pass and the gradients of the target's number with respect to the three embeddings."""
    names = [_name(model, part) for part in PARTS]
    trace = Trace(["backward", *names])
    output = model(**inputs, trace=trace, edits=edits)
    value = _value(output, target)
    field, index = target
    seed = np.zeros(output[field].shape, dtype=model.dtype)
    seed[(slice(None), *(index if isinstance(index, tuple) else (index,)))] = 1.0
    model.backward(trace, {field: seed})
    found = {part: trace.grad.get(name) for part, name in zip(PARTS, names, strict=True)}
    gradients = {part: None if gradient is None else to_numpy(gradient) for part, gradient in found.items()}
    return trace, value, gradients


def _attribution(
    value: np.ndarray, baseline: np.ndarray, gradients: list[dict[str, Any]], values: list[dict[str, Any]]
) -> Attribution:
    """The mean over the passes of gradient times embedding, by part."""
    shares = {}
    shape = values[0]["word"].shape[:2]
    for part in PARTS:
        products = [
            (gradient[part] * embedding[part]).sum(axis=-1)
            for gradient, embedding in zip(gradients, values, strict=True)
            if embedding[part] is not None and gradient[part] is not None
        ]
        mean = np.mean(products, axis=0) if products else np.zeros(shape, dtype=value.dtype)
        shares[part] = np.broadcast_to(mean, shape)
    gap = value - baseline - sum(share.sum(axis=1) for share in shares.values())
    return Attribution(shares["word"], shares["position"], shares["type"], value, baseline, gap)
