"""The command `minibert`.

Exit codes: 0 done, 1 something that was given does not fit (one sentence on standard error says what), 2 the
command itself was wrong, 3 `minibert golden` found a difference, 130 interrupted.

The module of a command is imported only when that command is asked for: `minibert --version` and the list of
commands cost no more than Python's own start.
"""

import argparse
import contextlib
import importlib
import io
import os
import shutil
import sys
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import minibert
from minibert.errors import MinibertError

# name -> (module in minibert.commands, one line of help)
COMMANDS = {
    "run": ("run", "run a model on text: fill masks, find names, answer questions, ..."),
    "tokenize": ("tokenize", "cut text into tokens; --explain shows how"),
    "trace": ("trace", "print every intermediate value of a text, with formula, shape and statistics"),
    "explore": ("explore", "write a page that shows one text on its way through a model"),
    "golden": ("golden", "record golden packs, and compare a model or a port with them"),
    "train": ("train", "pretrain from text files, or fine-tune a checkpoint on labelled ones"),
    "info": ("info", "show a checkpoint's card: sizes, parameters, memory, and what a port must know"),
    "doctor": ("doctor", "check this installation: versions, BLAS and its threads, backends, a run of the arithmetic"),
    "completion": ("completion", "print a script that completes this command in your shell"),
}

_EXAMPLES = """examples:
  echo "The capital of France is [MASK]." | minibert run --task fill-mask --model tiny-bert
  minibert explore tiny-bert "The capital of France is [MASK]." -o page.html
  minibert info tiny-bert
  minibert COMMAND --help

exit codes:
  0    done
  1    something that was given does not fit: standard error says what
  2    the command itself was wrong
  3    minibert golden found a difference
  130  interrupted
"""


def paragraphs(text: str | None) -> str:
    """A text as wide as the terminal, paragraph by paragraph; blocks with indented lines, the examples, as they are."""
    width = max(shutil.get_terminal_size().columns - 2, 11)  # as argparse has it
    lines: list[str] = []
    for block in (text or "").split("\n\n"):
        if block.startswith(" ") or "\n " in block:
            lines += [*block.splitlines(), ""]
        else:
            lines += [*textwrap.wrap(block, width), ""]
    return "\n".join(lines[:-1])


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole command; with `only`, the other commands are there by name alone."""
    as_it_is = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser(
        prog="minibert",
        description=paragraphs("Every number inside BERT, RoBERTa and RemBERT, in plain NumPy."),
        epilog=paragraphs(_EXAMPLES),
        formatter_class=as_it_is,
    )
    whole.add_argument("--version", action="version", version=f"minibert {minibert.__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, text) in COMMANDS.items():
        if only is not None and name != only:
            commands.add_parser(name, help=text)
            continue
        command = importlib.import_module(f"minibert.commands.{module}")
        sub = commands.add_parser(name, help=text, description=paragraphs(command.__doc__), formatter_class=as_it_is)
        command.add_arguments(sub)
        sub.epilog = paragraphs(sub.epilog)
        if name == "completion":  # it reads every command's arguments
            sub.set_defaults(whole=parser)
        sub.set_defaults(run=command.run)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (by default the process's own) and give its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    # options before the command take no value, so the first other word is the command
    asked = next((word for word in words if not word.startswith("-")), "")
    _prepare_streams()
    try:
        arguments = parser(only=asked).parse_args(words)
        with warnings.catch_warnings(), contextlib.redirect_stdout(_Printable(sys.stdout)):
            warnings.showwarning = _show_warning
            code = arguments.run(arguments)
            sys.stdout.flush()  # here, so that a reader who has gone is met below
        return code
    except MinibertError as error:
        print(printable(f"minibert: {error}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        print(f"minibert: {str(interruption) or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(printable(f"minibert: {where}{error.strerror or str(error)}."), file=sys.stderr)
        return 1
    except MemoryError as error:
        print(f"minibert: there is not enough memory ({str(error) or 'no size given'}).", file=sys.stderr)
        return 1


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line, without the place in our code that it comes from."""
    print(printable(f"minibert: {message}"), file=sys.stderr)


def _prepare_streams() -> None:
    """A stream that was closed takes everything, and one that cannot write a character writes its number."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def printable(text: str) -> str:
    r"""A text for a terminal: control characters, which could move its cursor or rename its window, as numbers.

    >>> print(printable("a \x1b[31mred label"))
    a \x1b[31mred label
    """
    return text.translate(_CONTROLS)


class _Printable(io.TextIOBase):
    """A stream that prints texts from strangers' files as `printable` has them; bytes go through as they are."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.buffer = getattr(stream, "buffer", None)

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
