"""Which inputs a prediction hangs on: what each token's embeddings contribute to a number of the output.

Attributions are explanations of a model's arithmetic, not of language.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array, array_module, to_numpy
from minibert.errors import InputError
from minibert.models.inputs import prepare
from minibert.trace import Trace

PARTS = ("word", "position", "type")


class Target(NamedTuple):
    """A number of the output, one for each text.

    Attributes:
        field: of the output, such as "logits".
        place: where it stands in the field, the batch axis left out.
    """

    field: str
    place: tuple[int, ...]

    @classmethod
    def read(cls, target: Any) -> "Target":
        """(field, index), the index a number or a tuple of numbers."""
        field, index = target
        return cls(field, index if isinstance(index, tuple) else (index,))

    @property
    def _everywhere(self) -> Any:
        """The place in every text."""
        return (slice(None), *self.place)

    def value(self, output: Any) -> np.ndarray:
        """(B,): the number of every text.

        Raises:
            InputError: the output has no such field, or the index names no number of it.
        """
        if self.field not in output:
            raise InputError(f"target names {self.field!r}, but the output has {', '.join(output.keys())}.")
        array = to_numpy(output[self.field])
        try:
            value = array[self._everywhere]
        except IndexError:
            raise InputError(
                f"target's index {self.place} lies outside {self.field}, which has shape {array.shape}."
            ) from None
        if value.ndim != 1:
            raise InputError(
                f"target's index {self.place} leaves shape {value.shape[1:]} of {self.field}: it must name one number."
            )
        return value

    def seed(self, output: Any, dtype: Any) -> dict[str, np.ndarray]:
        """Where backward starts: 1 at the number of every text, 0 elsewhere."""
        seed = np.zeros(output[self.field].shape, dtype=dtype)
        seed[self._everywhere] = 1.0
        return {self.field: seed}


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
        model: any of the 23 classes.
        target: (field, index): which number of the output, an index of the field without its batch axis, such as
            ("logits", 2) for a class, or ("logits", (5, 1037)) for a token's word.
        inputs: of the model's call, input_ids (B, T) among them.

    Returns:
        An `Attribution`: for every kind of embedding (B, T), in the target's unit (logits, ...).

    Raises:
        InputError: the target names no number of the output, or the inputs have no input_ids.

    Example:
        >>> import minibert as mb
        >>> model = mb.BertForMaskedLM.from_pretrained("tiny-bert")
        >>> inputs = mb.AutoTokenizer.from_pretrained("tiny-bert")("the [MASK] barked", return_tensors="np")
        >>> found = gradient_x_input(model, ("logits", (2, 37)), **inputs)  # of place 2, the score of token 37
        >>> found.word.shape, found.position.shape, found.target.shape
        ((1, 6), (1, 6), (1,))
    """
    return _attribute(model, Target.read(target), inputs, shares=(1.0,))


def integrated_gradients(model: Any, target: Any, steps: int = 32, **inputs: Any) -> Attribution:
    """The gradient averaged along the straight way from zero embeddings to the real ones, times the embeddings.

    Complete up to the error of the average (Sundararajan et al. 2017): the contributions sum to what the target
    changes by. The way is cut into `steps` equal pieces, and the gradient taken in the middle of each.

    Args:
        model, target, inputs: as of `gradient_x_input`.
        steps: pieces of the way; more give a smaller gap.

    Returns:
        An `Attribution`, as of `gradient_x_input`; its `gap` says how complete it is.

    Raises:
        InputError: as `gradient_x_input`, or fewer than one step.

    Example:
        >>> import numpy as np
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16, initializer_range=0.5)
        >>> model = mb.BertForSequenceClassification(config, seed=0)
        >>> found = integrated_gradients(model, ("logits", 1), input_ids=[[2, 7, 8, 3]])
        >>> change = found.target - found.baseline["word"]  # from no word embeddings to the real ones
        >>> np.allclose(found.word.sum(axis=1), change, atol=1e-3)  # the four tokens account for all of it
        True
    """
    if steps < 1:
        raise InputError(f"steps is {steps}: at least one belongs there.")
    shares = tuple((step + 0.5) / steps for step in range(steps))
    return _attribute(model, Target.read(target), inputs, shares)


def _attribute(model: Any, target: Target, inputs: dict[str, Any], shares: tuple[float, ...]) -> Attribution:
    """For every kind of embedding: its value times the mean of the gradients at these shares of it."""
    inputs = _with_own_positions(model, inputs)
    value, embeddings, _ = _gradients(model, target, inputs)
    parts: dict[str, np.ndarray] = {}
    baseline: dict[str, np.ndarray] = {}
    gap: dict[str, np.ndarray] = {}
    for part in PARTS:
        name = _name(model, part)
        if name not in embeddings:  # relative positions have no embedding of their own
            parts[part] = np.zeros(embeddings[_name(model, "word")].shape[:2], dtype=value.dtype)
            continue
        baseline[part] = target.value(model(**inputs, edits={name: _zeros}))
        total = np.zeros_like(embeddings[name])
        for share in shares:
            scaled = {name: functools.partial(_scaled, share)}
            total += _gradients(model, target, inputs, scaled).gradients[name]
        parts[part] = (total / len(shares) * embeddings[name]).sum(axis=-1)
        gap[part] = value - baseline[part] - parts[part].sum(axis=1)
    return Attribution(parts["word"], parts["position"], parts["type"], value, baseline, gap)


def _zeros(x: Array) -> Array:
    return array_module(x).zeros_like(x)


def _scaled(share: float, x: Array) -> Array:
    return share * x


def _name(model: Any, part: str) -> str:
    embeddings = model.base_model.embeddings
    return embeddings.at(f"{'token_type' if part == 'type' else part}_embeddings")


def _with_own_positions(model: Any, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with position ids for every text, so that each has a gradient of its own."""
    if inputs.get("input_ids") is None:
        raise InputError("attributions need input_ids: with inputs_embeds there is no word embedding to attribute to.")
    if inputs.get("position_ids") is not None:
        return inputs
    prepared = prepare(model.base_model, {"input_ids": inputs["input_ids"]})
    positions = np.broadcast_to(to_numpy(prepared.position_ids), (prepared.batch, prepared.tokens))
    return {**inputs, "position_ids": positions}


class _Gradients(NamedTuple):
    """One pass: the target's numbers (B,), the embeddings by name, and the numbers' gradients with respect to them."""

    value: np.ndarray
    embeddings: dict[str, np.ndarray]
    gradients: dict[str, np.ndarray]


def _gradients(model: Any, target: Target, inputs: dict[str, Any], edits: Any = None) -> _Gradients:
    names = [_name(model, part) for part in PARTS]
    trace = Trace(["backward", *names])
    output = model(**inputs, trace=trace, edits=edits)
    value = target.value(output)
    model.backward(trace, target.seed(output, model.dtype))
    present = [name for name in names if name in trace]
    return _Gradients(
        value,
        {name: to_numpy(trace[name]) for name in present},
        {name: to_numpy(trace.grad[name]) for name in present},
    )
