"""What commands read from standard input: UTF-8, a text a line, one sentence where that fails."""

import io
import sys

import pytest

from minibert.commands.texts import read_standard_input, read_texts
from minibert.errors import InputError


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes, encoding: str = "latin-1") -> None:
    """Standard input that holds these bytes, on a machine whose own encoding is another one."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding=encoding))


def test_standard_input_is_utf_8_whatever_the_machine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, "\ufeffZażółć\n".encode())
    assert read_standard_input() == "Zażółć\n"


def test_bytes_that_are_not_utf_8_are_named_with_their_line(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"fine\nna\xefve")
    with pytest.raises(InputError) as error:
        read_standard_input()
    assert str(error.value) == (
        "standard input is not UTF-8: line 2 has the byte 0xef; convert it first, for example with iconv -t utf-8."
    )


def test_lines_are_texts_and_blank_ones_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, "one\r\n\r\n  \ntwo\u2028still two\n".encode())
    assert read_texts([]) == ["one", "two\u2028still two"]


def test_given_texts_leave_standard_input_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"unread")
    assert read_texts(["", "given"]) == ["", "given"]
    assert sys.stdin.read() == "unread"


def test_no_text_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b" \n\n")
    with pytest.raises(InputError, match=r"^there is no text: give some after the options, or lines on standard input"):
        read_texts([])


def test_a_terminal_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal("typed later\n"))
    with pytest.raises(InputError, match="there is no text"):
        read_texts([])
