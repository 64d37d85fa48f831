"""The command `minibert`.

Exit codes: 0 done, 1 something that was given does not fit (one sentence on standard error says what), 2 the
command itself was wrong, 130 interrupted.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import minibert
from minibert.errors import MinibertError

# name -> (module in minibert.commands, one line of help)
_COMMANDS = {
    "tokenize": ("tokenize", "cut text into tokens; --explain shows how"),
    "run": ("run", "run a model on text"),
    "trace": ("trace", "print every intermediate value of a text, with formula, shape and statistics"),
    "golden": ("golden", "record golden packs, and compare a model or a port with them"),
    "explore": ("explore", "write a page that shows one text on its way through a model"),
}

_EXAMPLES = """examples:
  minibert run --task feature-extraction --model path/to/checkpoint "A cat sat." "A dog lay."
  cat lines.txt | minibert run --task feature-extraction --model path/to/checkpoint --json
"""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    whole = argparse.ArgumentParser(
        prog="minibert",
        description="Every number inside BERT, RoBERTa and RemBERT, in plain NumPy.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"minibert {minibert.__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, text) in _COMMANDS.items():
        command = importlib.import_module(f"minibert.commands.{module}")
        sub = commands.add_parser(name, help=text, description=command.__doc__)
        command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (by default the process's own) and give its exit code."""
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except MinibertError as error:
        print(f"minibert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("minibert: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
