"""The arguments of a call, as data: each stands here once, with its explanation.

A class lists its arguments in the documentation's order, and `takes` makes its `forward` of them: the signature and
the explanations that help() shows, and the binding of what a caller gives to the names.
"""

import inspect
import textwrap
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from minibert.trace import Edits, Trace


class Argument(NamedTuple):
    """One argument of a call."""

    name: str
    meaning: str
    type: Any = Any
    default: Any = None


INPUT_IDS = Argument("input_ids", "(B, T) ids of tokens; or give inputs_embeds.")
ATTENTION_MASK = Argument(
    "attention_mask",
    "(B, T) or (B, T, T), 1 for tokens to attend to and 0 for padding; with a cache (B, S) over cached and new tokens.",
)
TOKEN_TYPE_IDS = Argument("token_type_ids", "(B, T), 0 in the first and 1 in the second sentence.")
POSITION_IDS = Argument(
    "position_ids", "(B, T) places in the position table; counted from the start by default."
)
HEAD_MASK = Argument("head_mask", "(N,) or (L, N), 1 to keep an attention head and 0 to switch it off.")
INPUTS_EMBEDS = Argument("inputs_embeds", "(B, T, D) word vectors in place of input_ids (RemBERT: (B, T, E)).")
TEXT = (INPUT_IDS, ATTENTION_MASK, TOKEN_TYPE_IDS, POSITION_IDS, HEAD_MASK, INPUTS_EMBEDS)

ENCODER_STATES = (
    Argument("encoder_hidden_states", "(B, S, D) states for a decoder's cross-attention."),
    Argument("encoder_attention_mask", "(B, S) or (B, T, S), 1 for states to attend to."),
)
PAST_KEY_VALUES = Argument(
    "past_key_values", "a `Cache` of an earlier call, or its older form, a tuple of arrays a layer."
)
USE_CACHE = Argument("use_cache", "whether a decoder gives back its keys and values.", bool | None)
CACHE_POSITION = Argument("cache_position", "accepted and not used: the cache knows how many tokens it holds.")

OUTPUT = (
    Argument("output_attentions", "whether to give back the attentions, L arrays (B, N, T, S).", bool | None),
    Argument("output_hidden_states", "whether to give back the layers' states, L + 1 arrays (B, T, D).", bool | None),
    Argument(
        "return_dict", "an output object (True) or a tuple (False); by default as the configuration says.", bool | None
    ),
)
LABELS = ("labels", "start_positions", "end_positions", "next_sentence_label")

# what every call takes, by name only
WATCHED = (
    Argument(
        "skip_padding",
        "compute texts of like length together, without their padding: states and attentions at padding are zeros "
        "then, all other values the same to rounding. Where that cannot be so (padding at the left, decoders, "
        "a trace, edits, dropout, labels of tokens) the batch is computed as it is.",
        bool | None,
    ),
    Argument("trace", "a `minibert.Trace` to fill.", Trace | None),
    Argument(
        "edits",
        "{trace name: function} that replace values as the pass runs, see `minibert.trace.Edit`.",
        Edits | None,
    ),
)


class Call(SimpleNamespace):
    """What one call was given: every argument of its class as an attribute, with its default where it was left out."""


def takes(summary: str, *arguments: Argument, by_name: tuple[Argument, ...] = (), returns: str) -> Any:
    """A `forward` with these arguments, in this order, which hands them to the model's `answer` as one `Call`.

    Args:
        summary: what the call does, in one line.
        arguments: those with a place.
        by_name: those without one; `trace` and `edits` are always among them.
        returns: what comes back, for the docstring.
    """
    return Forward(summary, arguments, (*by_name, *WATCHED), returns)


def reordered(forward: Any, *names: str) -> Any:
    """The same `forward` with the arguments that have a place in another order."""
    own = forward.declared
    by_name = {each.name: each for each in own.placed}
    return own._replace(placed=tuple(by_name[name] for name in names))


class Forward(NamedTuple):
    """What a `forward` is declared as; the class that it stands in gets the function made of it."""

    summary: str
    placed: tuple[Argument, ...]
    by_name: tuple[Argument, ...]
    returns: str

    def __set_name__(self, owner: type, name: str) -> None:
        bind = Binding(f"{owner.__qualname__}.{name}", self.placed, self.by_name)

        def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
            return self.answer(bind(args, kwargs))

        forward.__qualname__, forward.__module__ = bind.function, owner.__module__
        forward.__doc__ = self.docstring()
        forward.__signature__ = self.signature()  # type: ignore[attr-defined]
        forward.declared = self  # type: ignore[attr-defined]
        setattr(owner, name, forward)

    def signature(self) -> inspect.Signature:
        """What help() and `inspect.signature` show."""
        placed, by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
        parameters = [inspect.Parameter("self", placed)]
        for kind, arguments in ((placed, self.placed), (by_name, self.by_name)):
            parameters += [
                inspect.Parameter(each.name, kind, default=each.default, annotation=each.type) for each in arguments
            ]
        return inspect.Signature(parameters, return_annotation=Any)

    def docstring(self) -> str:
        """The summary, every argument's explanation, what comes back and what is raised."""
        arguments = [_paragraph(f"{each.name}: {each.meaning}") for each in (*self.placed, *self.by_name)]
        raises = _paragraph("InputError: an input does not fit; nothing has been computed then.")
        return "\n".join(
            [self.summary, "", "Args:", *arguments, "", "Returns:", _paragraph(self.returns), "", "Raises:", raises]
        )


class Binding:
    """Which argument each value of a call is: a `Call` of positional and named values, as Python binds them.

    By hand, because `inspect.Signature.bind` takes ten times as long.
    """

    def __init__(self, function: str, placed: tuple[Argument, ...], by_name: tuple[Argument, ...]) -> None:
        self.function = function
        self.placed = tuple(each.name for each in placed)
        self.by_name = frozenset(each.name for each in by_name)
        self.defaults = {each.name: each.default for each in (*placed, *by_name)}

    def __call__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Call:
        if len(args) > len(self.placed) or not kwargs.keys() <= self.defaults.keys():
            raise TypeError(self.misfit(args, kwargs))
        given = dict(zip(self.placed, args, strict=False))
        if not given.keys().isdisjoint(kwargs):
            raise TypeError(self.misfit(args, kwargs))
        return Call(**{**self.defaults, **given, **kwargs})

    def misfit(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """Why these values cannot be bound, in Python's own words."""
        given = self.placed[: len(args)]
        for name in kwargs:
            if name not in self.defaults:
                return f"{self.function}() got an unexpected keyword argument {name!r}"
            if name in given:
                return f"{self.function}() got multiple values for argument {name!r}"
        found, named = f"{len(args) + 1}", len(self.by_name & kwargs.keys())
        if named:
            found += f" positional arguments (and {named} keyword-only argument{'s' if named > 1 else ''})"
        return f"{self.function}() takes from 1 to {len(self.placed) + 1} positional arguments but {found} were given"


def _paragraph(text: str) -> str:
    """One entry of a docstring's section, wrapped."""
    return textwrap.fill(text, 112, initial_indent="    ", subsequent_indent="        ")
