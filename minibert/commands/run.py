"""`minibert run`: text in, a task's answer out."""

import argparse
import json
import sys

TASKS = ("feature-extraction",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert run`."""
    parser.add_argument("texts", nargs="*", metavar="TEXT", help="the texts; without any, the lines of standard input")
    parser.add_argument("--task", choices=TASKS, required=True, help="what to do with the texts")
    parser.add_argument(
        "--model", required=True, metavar="DIR_OR_NAME", help="a checkpoint: a folder, or a name in the local cache"
    )
    parser.add_argument(
        "--pooling",
        choices=("mean", "cls", "pooler"),
        default="mean",
        help="how tokens become one vector (feature-extraction; default: mean)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON: texts, embeddings and their cosines")


def run(arguments: argparse.Namespace) -> int:
    """Embed the texts and print how alike they are."""
    from minibert import AutoTokenizer
    from minibert.errors import InputError
    from minibert.models.auto import AutoModel
    from minibert.pipelines.embeddings import embed, similarity_table

    texts = arguments.texts
    if not texts and not sys.stdin.isatty():
        texts = [line for line in sys.stdin.read().splitlines() if line.strip()]
    if not texts:
        raise InputError("there is no text: give some after the options, or lines on standard input.")
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModel.from_pretrained(arguments.model, add_pooling_layer=arguments.pooling == "pooler")
    vectors = embed(model, tokenizer, texts, pooling=arguments.pooling)
    if arguments.json:
        answer = {"texts": texts, "embeddings": vectors.tolist(), "cosine": (vectors @ vectors.T).tolist()}
        print(json.dumps(answer, ensure_ascii=False))
    else:
        print(similarity_table(texts, vectors))
    return 0
