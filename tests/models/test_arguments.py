"""Arguments as data: what help() shows of a `forward`, and how a call's values find their names."""

import inspect
import re
from typing import Any

import pytest

import minibert as mb
from minibert.models.arguments import TEXT, WATCHED, Argument, reordered, takes
from tests.random_cases import CLASSES


class Example:
    """A class that gives back what it was called with."""

    forward = takes(
        "Say what was given.", *TEXT[:2], by_name=(Argument("count", "how many.", int, 3),), returns="the call."
    )

    def answer(self, call: Any) -> dict[str, Any]:
        return vars(call)


def test_values_find_their_names() -> None:
    rest = {each.name: each.default for each in WATCHED}  # what every call takes
    assert Example().forward() == {"input_ids": None, "attention_mask": None, "count": 3, **rest}
    assert Example().forward(1, 2, count=4) == {"input_ids": 1, "attention_mask": 2, "count": 4, **rest}
    assert Example().forward(1, attention_mask=2) == {"input_ids": 1, "attention_mask": 2, "count": 3, **rest}


def plain(self: Any, input_ids: Any = None, attention_mask: Any = None, *, count: int = 3, trace: Any = None,
          edits: Any = None) -> None:  # fmt: skip
    """The same arguments, bound by Python itself."""


@pytest.mark.parametrize(
    ("args", "named"),
    [
        ((), {"counts": 1}), ((1,), {"input_ids": 2}), ((1, 2, 3), {}), ((1, 2, 3), {"count": 1}),
        ((1, 2, 3), {"count": 1, "trace": None}), ((1, 2, 3, 4), {"other": 1}), ((1, 2, 3), {"attention_mask": 1}),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_pythons_own_words(args: tuple[Any, ...], named: dict[str, Any]) -> None:
    plain.__qualname__ = "Example.forward"
    with pytest.raises(TypeError) as expected:
        plain(Example(), *args, **named)
    with pytest.raises(TypeError, match=re.escape(str(expected.value))):
        Example().forward(*args, **named)


def test_another_order() -> None:
    class Other(Example):
        forward = reordered(Example.forward, "attention_mask", "input_ids")

    assert list(inspect.signature(Other.forward).parameters)[1:4] == ["attention_mask", "input_ids", "count"]
    assert Other().forward(1, 2)["input_ids"] == 2
    assert Other.forward.__qualname__.endswith("Other.forward")


@pytest.mark.parametrize("name", CLASSES)
def test_every_argument_is_explained(name: str) -> None:
    """In the order of the signature, with what comes back and what is raised."""
    forward = getattr(mb, name).forward
    text = inspect.getdoc(forward)
    section = text[text.index("Args:") : text.index("Returns:")]
    explained = re.findall(r"^    (\w+): \S", section, re.MULTILINE)
    assert explained == list(inspect.signature(forward).parameters)[1:]
    assert re.search(r"Returns:\n    \w+Output\w*: ", text)
    assert text.endswith("Raises:\n    InputError: an input does not fit; nothing has been computed then.")
    assert max(map(len, text.splitlines())) <= 112
