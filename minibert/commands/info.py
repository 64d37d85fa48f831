"""Show a checkpoint's card: class, configuration, parameters by part, memory, files, tokenizer, and what a port must
know. Only the configuration, the headers of the weight files and the vocabulary are read, never the weights."""

import argparse
import json

_EXAMPLES = """output:
  Text; with --json one object: {"name", "folder", "class", "architectures",
  "tasks", "labels", "config", "parameters", "memory", "weights", "tokenizer",
  "semantics"}; sizes are in bytes.

examples:
  minibert info tiny-bert
  minibert info tiny-bert --texts 32 --tokens 64
  minibert info path/to/checkpoint --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert info`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("model", metavar="MODEL", help="a checkpoint: a folder, or a name")
    parser.add_argument("--texts", type=int, default=1, metavar="N", help="count memory for so many texts (default: 1)")
    parser.add_argument("--tokens", type=int, metavar="N", help="of so many tokens each (default: 128, or the most)")
    parser.add_argument("--json", action="store_true", help="print the card as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print the card."""
    from minibert.commands.card import card_text, gather_card
    from minibert.commands.layout import terminal_width
    from minibert.errors import InputError

    for name in ("texts", "tokens"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} is {value}: a number of at least 1 belongs there.")
    card = gather_card(arguments.model, arguments.texts, arguments.tokens)
    if arguments.json:
        print(json.dumps(card, ensure_ascii=False))
    else:
        print(card_text(card, terminal_width()))
    return 0
