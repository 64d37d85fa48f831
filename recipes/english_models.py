"""What tiny-bert and tiny-roberta share: the corpus, the command line, the run."""

import argparse
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from corpora.english import english_corpus
from corpora.stories import ANIMALS, COLORS, MEN, PLACES, THINGS, WOMEN
from training import (
    Recipe,
    Rows,
    encode,
    encode_pairs,
    eval_batches,
    eval_collator,
    pretrain,
    write_figures,
)

from minibert.functional.losses import IGNORE_INDEX

LINE_LENGTH = 64  # tokens; pairs of lines may take all positions
PAIRS = 3000
MakeTokenizer = Callable[[list[str], Path], Any]


class Data(NamedTuple):
    """A tokenizer, and the corpus in its ids."""

    tokenizer: Any
    rows: Rows
    held_out: dict[str, Rows]
    sizes: dict[str, int]


def prepare(recipe: Recipe, make_tokenizer: MakeTokenizer, positions: int, cache: Path, output: Path) -> Data:
    """Build the corpus, learn the vocabulary from its training lines, and encode it."""
    corpus = english_corpus(cache, recipe.seed)
    tokenizer = make_tokenizer(corpus.train, output / "vocabulary")
    rows = encode(tokenizer, corpus.train, LINE_LENGTH)
    rows += encode_pairs(tokenizer, corpus.train, PAIRS, positions, recipe.seed)
    held_out = {name: encode(tokenizer, lines, LINE_LENGTH) for name, lines in corpus.held_out.items()}
    return Data(tokenizer, rows, held_out, corpus.sizes)


def run(
    recipe: Recipe, make_tokenizer: MakeTokenizer, make_model: Callable[[Any], Any], description: str | None,
    positions: int,
) -> None:  # fmt: skip
    """The command of a recipe: from packages to a trained model with its figures."""
    options = parse(recipe, description)
    recipe = dataclasses.replace(recipe, tokens=options.tokens)
    data = prepare(recipe, make_tokenizer, positions, options.cache, options.output)
    print(f"lines to train on: {data.sizes}; tokens in them: {sum(len(row['input_ids']) for row in data.rows)}")
    model = make_model(data.tokenizer)
    figures = pretrain(recipe, model, data.tokenizer, data.rows, data.held_out, options.output)
    figures |= {"lines": data.sizes, "pairs": PAIRS}
    figures["story_tokens"] = story_tokens(recipe, model, data.tokenizer, data.held_out["story"])
    write_figures(figures, options.output / "model")
    print(json.dumps(figures, indent=1))
    print(f"written: {options.output / 'model'}")


def story_tokens(recipe: Recipe, model: Any, tokenizer: Any, rows: Rows) -> dict[str, dict[str, float]]:
    """The hidden tokens of stories by whether they can be known, and how many of each kind the model gets right.

    known: kept as they were, words of the grammar that never change, and names, things, colours, places and animals
    that stand somewhere else in the story too. open: the first mention of one of these, which is any of several.
    """
    open_words = {word.lower() for word in (*MEN, *WOMEN, *THINGS, *COLORS, *PLACES, *ANIMALS)}
    collator = eval_collator(recipe, tokenizer)
    found: dict[str, list[bool]] = {"known": [], "open": []}
    for batch in eval_batches(recipe, rows):
        arrays = collator([batch])
        places = np.nonzero(arrays["labels"] != IGNORE_INDEX)
        choices = model(**arrays).logits[0].argmax(-1)
        for row, place, choice in zip(*places, choices, strict=True):
            label = int(arrays["labels"][row, place])
            visible = {tokenizer.decode([token]).strip().lower() for token in arrays["input_ids"][row].tolist()}
            word = tokenizer.decode([label]).strip().lower()
            found["open" if word in open_words - visible else "known"].append(choice == label)
    return {kind: {"tokens": len(right), "accuracy": round(float(np.mean(right)), 4)} for kind, right in found.items()}


def parse(recipe: Recipe, description: str | None) -> argparse.Namespace:
    """The options, alike for all recipes of this kind."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path("runs") / recipe.name, help="folder of the run")
    parser.add_argument("--cache", type=Path, default=Path("runs") / "packages", help="where packages are unpacked")
    parser.add_argument("--tokens", type=int, default=recipe.tokens, help="how long to train")
    return parser.parse_args()
