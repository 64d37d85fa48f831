"""The value of --device: numbers are numbers of devices, all else is a name."""

import pytest

from minibert.commands.device import parse_device


@pytest.mark.parametrize(
    ("text", "device"), [("-1", -1), ("0", 0), ("7", 7), ("cpu", "cpu"), ("cuda:1", "cuda:1"), ("", ""), (None, None)]
)
def test_digits_are_a_number_and_anything_else_is_a_name(text: str | None, device: int | str | None) -> None:
    assert parse_device(text) == device
    assert type(parse_device(text)) is type(device)
