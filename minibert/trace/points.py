"""What a pass can be asked about: its named values, and what may replace them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from minibert.backend import Array

BACKWARD = "backward"  # what a trace keeps that keeps only what backward needs


@dataclass(frozen=True)
class TracePoint:
    """One named value of a pass: its symbolic shape and the formula that gives it.

    Attributes:
        name: in the trace, "encoder.layer.0.attention.self.probs".
        shape: one symbol an axis: B sentences, T tokens, S keys, D hidden width, N heads, K width of a head,
            F feed-forward width, E and O RemBERT's input and output embedding widths, V vocabulary, C classes,
            L layers.
        formula: in words of the values before it.
        aliases: other names of the same value, such as those of the modules it passes through unchanged.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertModel(config)
        >>> [point for point in model.trace_points() if point.name == "pooler"]
        [TracePoint(name='pooler', shape='B D', formula='tanh(dense)', aliases=('pooler.activation',))]
    """

    name: str
    shape: str
    formula: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """A value replaced as a pass runs, and everything after follows.

    `forward(value)` gets a copy and gives an array of the same shape. Backward hands the gradient on unchanged, as
    is right for an edit that adds something; `backward(gradient, value)` says otherwise, with the value before the
    edit: `Edit(lambda p: p * m, lambda dp, p: dp * m)`, or `lambda dp, p: 0 * dp` for a constant put in its place.

    Attributes:
        forward: value -> the value to go on with, of the same shape.
        backward: (gradient, value before the edit) -> gradient, of the same shape; None hands it on.

    Raises:
        InputError: raised by the pass where an edit's result has another shape, or its name is none of the pass.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model, trace = mb.BertModel(config, seed=0), mb.Trace()
        >>> halved = mb.Edit(lambda pooled: pooled / 2, lambda dpooled, pooled: dpooled / 2)
        >>> output = model(input_ids=[[2, 7, 3]], trace=trace, edits={"pooler": halved})
        >>> bool((trace["pooler"] == trace.before["pooler"] / 2).all())
        True
    """

    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array] | None = None


Edits = Mapping[str, Any]  # trace name -> a function, or an Edit
