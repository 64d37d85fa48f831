"""The arguments of a tokenizer's call, brought into one unambiguous form.

Source: `_get_padding_truncation_strategies` of transformers, whose rules people rely on: `padding=True`
means "longest", a `max_length` alone truncates, a missing `max_length` is the model's.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.calls.padding import check_side

PADDING = ("longest", "max_length", "do_not_pad")
TRUNCATION = ("only_first", "only_second", "longest_first", "do_not_truncate")
UNSET_LENGTH = int(1e30)  # transformers' model_max_length of a tokenizer that has no limit
_LARGE = int(1e20)  # anything above is no limit either


@dataclass(frozen=True)
class CallOptions:
    """What to do with a batch once its texts are tokens; `None` lengths mean no limit."""

    add_special_tokens: bool = True
    padding: str = "do_not_pad"
    truncation: str = "do_not_truncate"
    max_length: int | None = None
    stride: int = 0
    pad_to_multiple_of: int | None = None
    padding_side: str = "right"
    truncation_side: str = "right"

    @property
    def truncates(self) -> bool:
        return self.truncation != "do_not_truncate" and self.max_length is not None

    @property
    def pads(self) -> bool:
        return self.padding != "do_not_pad"


def resolve_options(
    *,
    padding: Any,
    truncation: Any,
    max_length: int | None,
    stride: int,
    pad_to_multiple_of: int | None,
    padding_side: str,
    truncation_side: str,
    model_max_length: int,
    add_special_tokens: bool = True,
) -> CallOptions:
    """One `CallOptions` from what the user wrote, or an InputError that says what contradicts what.

    >>> options = resolve_options(padding=True, truncation=None, max_length=None, stride=0, pad_to_multiple_of=8,
    ...     padding_side="right", truncation_side="right", model_max_length=512)
    >>> options.padding, options.truncation, options.max_length
    ('longest', 'do_not_truncate', None)
    """
    if max_length is not None:
        max_length = _length(max_length, "max_length")
    stride = _length(stride, "stride")
    if max_length is not None and padding is False and truncation is None:
        truncation = True
    pad = _choice(padding, PADDING, {True: "longest", False: "do_not_pad", None: "do_not_pad"}, "padding")
    cut = _choice(
        truncation,
        TRUNCATION,
        {True: "longest_first", False: "do_not_truncate", None: "do_not_truncate"},
        "truncation",
    )
    if max_length is None:
        limit = model_max_length if model_max_length <= _LARGE else None
        if limit is None and pad == "max_length":
            pad = "do_not_pad"
        if limit is None:
            cut = "do_not_truncate"
        if pad == "max_length" or cut != "do_not_truncate":
            max_length = limit
    multiple = None if pad_to_multiple_of is None else _length(pad_to_multiple_of, "pad_to_multiple_of")
    if cut != "do_not_truncate" and pad != "do_not_pad" and multiple and max_length and max_length % multiple:
        raise InputError(
            "Truncation and padding are both activated but truncation length "
            f"({max_length}) is not a multiple of pad_to_multiple_of ({multiple})."
        )
    return CallOptions(
        add_special_tokens,
        pad,
        cut,
        max_length,
        stride,
        multiple,
        check_side(padding_side, "padding_side"),
        check_side(truncation_side, "truncation_side"),
    )


_remembered = lru_cache(maxsize=512, typed=True)(resolve_options)


def quick_options(**arguments: Any) -> CallOptions:
    """`resolve_options`, remembered: programs call with the same few arguments again and again."""
    try:
        return _remembered(**arguments)
    except TypeError:  # something unhashable, which `resolve_options` refuses in its own words
        return resolve_options(**arguments)


def _choice(value: Any, allowed: tuple[str, ...], meanings: dict[Any, str], name: str) -> str:
    """A strategy's name; transformers' enums (which have a `value`) are understood."""
    value = getattr(value, "value", value)
    if value is None or isinstance(value, bool):
        return meanings[value]
    if value not in allowed:
        raise InputError(f"{value} is not a valid {name} strategy, please select one of {list(allowed)}.")
    return value


def _length(value: Any, name: str) -> int:
    """A count given by the user: an int (or a NumPy one) of 0 or more."""
    try:
        number = value.__index__()
    except AttributeError:
        raise InputError(f"{name} must be an int, not {value!r}.") from None
    if isinstance(value, bool) or number < 0:
        raise InputError(f"{name} must be an int of 0 or more, not {value!r}.")
    return number
