"""Reading a model: what its layers would say already, where attention goes, and which inputs a prediction hangs on.

Every function takes a model and a batch of its inputs, runs what it needs with traces and edits, and gives arrays on
the host. Attributions are explanations of a model's arithmetic, not of language.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array, array_module, to_numpy
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
    """What each token's embeddings contribute to a number of the output, each kind of embedding for itself.

    For every kind the others stay as they are and this one goes from zero to its value. (All three together would
    not do: LayerNorm follows their sum and undoes any common scale.)

    Attributes:
        word, position, type: (B, T), the contribution of that embedding of every token.
        target: (B,), the number that is explained.
        baseline: {kind: (B,)}, the number with that kind of embedding at zero.
        gap: {kind: (B,)}, target - baseline - the sum of the kind's contributions: 0 for a complete attribution.
    """

    word: np.ndarray
    position: np.ndarray
    type: np.ndarray
    target: np.ndarray
    baseline: dict[str, np.ndarray]
    gap: dict[str, np.ndarray]

    def __str__(self) -> str:
        lines = []
        for kind in self.gap:
            change, gap = self.target - self.baseline[kind], self.gap[kind]
            rows = ", ".join(f"{a:.4g} (gap {b:.1e})" for a, b in zip(change, gap, strict=True))
            lines.append(f"{kind + ' embeddings':20} change of the target by text: {rows}")
        return "\n".join(lines)


def gradient_x_input(model: Any, target: Any, **inputs: Any) -> Attribution:
    """The gradient of a number of the output times each embedding, summed over its width.

    A first-order reading: exact for a linear model, and the gap says how far this one is from that.

    Args:
        target: (field, index): which number of the output, an index of the field without its batch axis, such as
            ("logits", 2) for a class, or ("logits", (5, 1037)) for a token's word.

    Raises:
        InputError: the target names no number of the output, or the inputs have no input_ids.
    """
    return _attribute(model, target, inputs, shares=(1.0,))


def integrated_gradients(model: Any, target: Any, steps: int = 32, **inputs: Any) -> Attribution:
    """The gradient averaged along the straight way from zero embeddings to the real ones, times the embeddings.

    Complete up to the error of the average (Sundararajan et al. 2017): the contributions sum to what the target
    changes by. The way is cut into `steps` equal pieces, and the gradient taken in the middle of each.

    Args:
        target: as of `gradient_x_input`.
        steps: pieces of the way; more give a smaller gap.

    Raises:
        InputError: as `gradient_x_input`, or fewer than one step.
    """
    if steps < 1:
        raise InputError(f"steps is {steps}: at least one belongs there.")
    return _attribute(model, target, inputs, shares=tuple((step + 0.5) / steps for step in range(steps)))


def _attribute(model: Any, target: Any, inputs: dict[str, Any], shares: tuple[float, ...]) -> Attribution:
    """For every kind of embedding: its value times the mean of the gradients at these shares of it."""
    inputs = _with_own_positions(model, inputs)
    value, embeddings, _ = _gradients(model, target, inputs, edits=None)
    parts: dict[str, np.ndarray] = {}
    baseline: dict[str, np.ndarray] = {}
    gap: dict[str, np.ndarray] = {}
    for part in PARTS:
        name = _name(model, part)
        if name not in embeddings:  # relative positions have no embedding of their own
            parts[part] = np.zeros(embeddings[_name(model, "word")].shape[:2], dtype=value.dtype)
            continue
        baseline[part] = _value(model(**inputs, edits={name: _zeros}), target)
        total = np.zeros_like(embeddings[name])
        for share in shares:
            total += _gradients(model, target, inputs, {name: functools.partial(_scaled, share)})[2][name]
        parts[part] = (total / len(shares) * embeddings[name]).sum(axis=-1)
        gap[part] = value - baseline[part] - parts[part].sum(axis=1)
    return Attribution(parts["word"], parts["position"], parts["type"], value, baseline, gap)


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


def _zeros(x: Array) -> Array:
    return array_module(x).zeros_like(x)


def _scaled(share: float, x: Array) -> Array:
    return share * x


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


def _gradients(
    model: Any, target: Any, inputs: dict[str, Any], edits: Any
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One pass: the target's numbers (B,), the embeddings by name, and the numbers' gradients with respect to them."""
    names = [_name(model, part) for part in PARTS]
    trace = Trace(["backward", *names])
    output = model(**inputs, trace=trace, edits=edits)
    value = _value(output, target)
    field, index = target
    seed = np.zeros(output[field].shape, dtype=model.dtype)
    seed[(slice(None), *(index if isinstance(index, tuple) else (index,)))] = 1.0
    model.backward(trace, {field: seed})
    present = [name for name in names if name in trace]
    return (
        value,
        {name: to_numpy(trace[name]) for name in present},
        {name: to_numpy(trace.grad[name]) for name in present},
    )
