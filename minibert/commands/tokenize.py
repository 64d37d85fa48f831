"""`minibert tokenize`: text in, tokens and ids out; --explain shows every step."""

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert tokenize`."""
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="the texts; without any, the lines of standard input")
    parser.add_argument(
        "--model", required=True, metavar="DIR_OR_NAME", help="a folder with a tokenizer, or a name in the local cache"
    )
    parser.add_argument("--profile", choices=("transformers", "original"), default="transformers", help="whose rules")
    parser.add_argument("--explain", action="store_true", help="show normalisation, words, and how each was cut")
    parser.add_argument("--json", action="store_true", help="print one JSON object a text")


def run(arguments: argparse.Namespace) -> int:
    """Print each text's tokens, ids and offsets, or the steps that lead to them."""
    from minibert.errors import InputError
    from minibert.tokenizers.auto import AutoTokenizer

    texts = arguments.texts
    if not texts and not sys.stdin.isatty():
        texts = sys.stdin.read().splitlines()
    if not texts:
        raise InputError("there is no text: give some after the options, or lines on standard input.")
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
