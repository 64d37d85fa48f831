"""Cut text into tokens and ids; --explain shows every step."""

import argparse
import json

from minibert.commands.texts import read_texts

_EXAMPLES = """output:
  Every token with its id; with --json one object a line: {"text", "tokens",
  "ids", "offsets"}, where an offset is [start, end) in the text's characters;
  with --explain --json the steps instead.

examples:
  minibert tokenize --model tiny-bert "Unbelievable, isn't it?"
  minibert tokenize --model tiny-bert --explain "Unbelievable"
  minibert tokenize --model tiny-bert --json < lines.txt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert tokenize`."""
    parser.epilog = _EXAMPLES
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="the texts; without any, the lines of standard input")
    parser.add_argument(
        "--model", required=True, metavar="DIR_OR_NAME", help="a folder with a tokenizer, or a name in the local cache"
    )
    parser.add_argument("--profile", choices=("transformers", "original"), default="transformers", help="whose rules")
    parser.add_argument("--explain", action="store_true", help="show normalisation, words, and how each was cut")
    parser.add_argument("--json", action="store_true", help="print one JSON object a text")


def run(arguments: argparse.Namespace) -> int:
    """Print each text's tokens, ids and offsets, or the steps that lead to them."""
    from minibert.tokenizers.auto import AutoTokenizer

    texts = read_texts(arguments.texts)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model, profile=arguments.profile)
    for text in texts:
        if arguments.explain:
            explanation = tokenizer.explain(text)
            print(json.dumps(explanation.to_dict(), ensure_ascii=False) if arguments.json else explanation)
            continue
        row = tokenizer(text, return_offsets_mapping=True, verbose=False)
        found = {"text": text, "tokens": row.tokens(), "ids": row["input_ids"], "offsets": row["offset_mapping"]}
        if arguments.json:
            print(json.dumps(found, ensure_ascii=False))
        else:
            print(" ".join(f"{token} ({id_})" for token, id_ in zip(found["tokens"], found["ids"], strict=True)))
    return 0
