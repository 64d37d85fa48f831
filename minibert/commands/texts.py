"""What a command reads from standard input: UTF-8, whatever the machine's own encoding is."""

import sys

from minibert.errors import InputError


def read_standard_input() -> str:
    """All of standard input. Raises InputError where it is not UTF-8."""
    if sys.stdin is None:  # it was closed
        return ""
    buffer = getattr(sys.stdin, "buffer", None)
    if buffer is None:
        return sys.stdin.read()
    data = buffer.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        raise InputError(
            f"standard input is not UTF-8: line {line} has the byte 0x{data[reason.start]:02x}; "
            "convert it first, for example with iconv -t utf-8."
        ) from None


def read_texts(texts: list[str]) -> list[str]:
    """The texts of the command line, or the lines of standard input, blank ones left out.

    Raises:
        InputError: there is none, or standard input is not UTF-8.
    """
    if not texts and not (sys.stdin and sys.stdin.isatty()):
        # "\n" alone ends a line: str.splitlines would also cut at U+2028 and its like
        texts = [line for line in read_standard_input().replace("\r\n", "\n").split("\n") if line.strip()]
    if not texts:
        raise InputError("there is no text: give some after the options, or lines on standard input.")
    return texts
