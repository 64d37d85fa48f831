"""How much memory a model takes: what its parameters take, and what a pass keeps, both counted exactly.

What a pass keeps is counted on the model itself with few tokens, one and two layers and a small vocabulary: its
bytes are a polynomial in these, linear in texts, layers and vocabulary and quadratic in tokens (the attention
scores), so a few small passes give the bytes of any. Not counted is what lives for a moment only: the arrays of
the step that is being computed.
"""

import itertools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from minibert.functional.losses import IGNORE_INDEX
from minibert.trace import BACKWARD, Trace

BYTES = {"float16": 2, "float32": 4, "float64": 8}
ADAMW_COPIES = 4  # the weights, their gradients, and AdamW's two moments
MASKED_EVERY = 7  # one token in seven has a label, close to the 15 % of BERT's pretraining
_TEXTS, _LAYERS, _TOKENS = (1, 2), (1, 2), (7, 14, 21)


class Kept(NamedTuple):
    """Bytes that a float32 forward pass keeps."""

    backward: int  # what backward needs, in training mode
    trace: int  # every intermediate value and what backward needs, in evaluation mode


def parameter_bytes(count: int) -> dict[str, int]:
    """dtype -> bytes of so many parameters."""
    return {dtype: count * size for dtype, size in BYTES.items()}


def kept_bytes(cls: Any, config: Any, texts: int, tokens: int, options: dict[str, Any] | None = None) -> Kept:
    """What one pass of this class over texts x tokens keeps in float32.

    Args:
        cls, config: of the model; `options` are further arguments of the class.
    """
    small = (config.pad_token_id or 0) + 2
    vocabularies = (small, small + 1)
    wanted = (texts, config.num_hidden_layers, config.vocab_size, tokens)
    nodes = (_TEXTS, _LAYERS, vocabularies, _TOKENS)
    totals = [Fraction(0), Fraction(0)]
    for layers, vocabulary in itertools.product(_LAYERS, vocabularies):
        model = _small_model(cls, config, layers, vocabulary, options or {})
        for batch, length in itertools.product(_TEXTS, _TOKENS):
            place = (batch, layers, vocabulary, length)
            weight = Fraction(1)
            for at, points, value in zip(wanted, nodes, place, strict=True):
                weight *= _lagrange(at, points, value)
            for i, keep in enumerate((BACKWARD, "*")):
                totals[i] += weight * _kept_by(model, batch, length, keep)
    return Kept(round(totals[0]), round(totals[1]))


def _lagrange(x: int, nodes: tuple[int, ...], node: int) -> Fraction:
    """The polynomial that is 1 at `node` and 0 at the other nodes, at x."""
    value = Fraction(1)
    for other in nodes:
        if other != node:
            value *= Fraction(x - other, node - other)
    return value


def _small_model(cls: Any, config: Any, layers: int, vocabulary: int, options: dict[str, Any]) -> Any:
    """The same model with few layers and tokens; its parameters are zeros, all of them views of one array."""
    fields = {**config.to_dict(), "num_hidden_layers": layers, "vocab_size": vocabulary}
    fields["max_position_embeddings"] = max(config.max_position_embeddings, max(_TOKENS) + vocabulary)
    model = cls(type(config).from_dict(fields), backend="numpy", _new=False, **options)
    sizes = {name: math.prod(shape) for name, shape in model.parameters.shapes.items()}
    zeros = np.zeros(max(sizes.values()), dtype=np.float32)
    for name, shape in model.parameters.shapes.items():
        model.parameters[name] = zeros[: sizes[name]].reshape(shape)
    return model


def _kept_by(model: Any, texts: int, tokens: int, keep: str) -> int:
    """Bytes of all arrays that a trace of one pass holds, the parameters left out."""
    if keep == BACKWARD:
        model.train(0)
    else:
        model.eval()
    shape = (texts, 2, tokens) if model.reads_choices else (texts, tokens)
    ids = np.full(shape, (model.config.pad_token_id or 0) + 1)
    labels = model.example_labels(model.config, ids)
    if model.task in ("masked-lm", "pre-training"):
        labels["labels"] = np.where(np.arange(tokens) % MASKED_EVERY == 0, ids, IGNORE_INDEX)
    trace = Trace(keep)
    with np.errstate(all="ignore"):
        model(input_ids=ids, attention_mask=np.ones(shape, dtype=np.int64), **labels, trace=trace)
    own = {id(_owner(array)) for array in model.parameters.values()}
    held: dict[int, int] = {}
    for array in _arrays([trace.tape, dict(trace)]):
        owner = _owner(array)
        if id(owner) not in own:
            held[id(owner)] = owner.nbytes
    return sum(held.values())


def _arrays(value: Any) -> Any:
    """Every array in nested tuples, lists and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(_arrays, value.values()))
    elif isinstance(value, tuple | list):
        yield from itertools.chain.from_iterable(map(_arrays, value))


def _owner(array: Any) -> Any:
    while isinstance(getattr(array, "base", None), np.ndarray):
        array = array.base
    return array
