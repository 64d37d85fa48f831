"""Pages for the tests, and their data read back as the page reads it."""

import base64
import functools
import json
import re
from typing import Any

import numpy as np

import minibert as mb
from tests import small_checkpoints

TEXTS = {
    "bert": "The unaffable [MASK] jumps over the river.",
    "roberta": "The unaffable <mask> jumps; déçu.",
    "rembert": "The unaffable [MASK] jumps over the river.",
}
FAMILIES = ("bert", "roberta", "rembert")
CLASSES = {"bert": "BertForMaskedLM", "roberta": "RobertaForMaskedLM", "rembert": "RemBertForMaskedLM"}


@functools.cache
def model(family: str) -> Any:
    """A small masked-language model with random weights."""
    return getattr(mb, CLASSES[family])(small_checkpoints.config(family), seed=0)


def page(family: str, text: str | None = None, **options: Any) -> Any:
    """The page of a text."""
    return mb.explore(
        model(family), small_checkpoints.tokenizer(family), TEXTS[family] if text is None else text, **options
    )


def big_page() -> Any:
    """128 tokens, 12 layers, 12 heads, with gradients and predictions at every mask; BERT-base but narrow."""
    tokenizer = small_checkpoints.tokenizer("bert")
    config = small_checkpoints.config(
        "bert", num_hidden_layers=12, num_attention_heads=12, hidden_size=768, intermediate_size=96,
        max_position_embeddings=128, initializer_range=0.05,
    )  # fmt: skip
    words = ["quick", "brown", "fox", "[MASK]", "over", "the", "river"] * 30
    while len(tokenizer(" ".join(words), verbose=False)["input_ids"]) > 128:
        words.pop()
    while len(tokenizer(" ".join(words), verbose=False)["input_ids"]) < 128:
        words.append("the")
    return mb.explore(mb.BertForMaskedLM(config, seed=0), tokenizer, " ".join(words), gradients=True)


def data_of(html: str) -> Any:
    """The data in a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def decoded(text: str, dtype: Any) -> np.ndarray:
    """An array of the data."""
    return np.frombuffer(base64.b64decode(text), dtype)


def attention(data: Any) -> np.ndarray:
    """(layers, N, T, T), as the page knows it."""
    part, tokens = data["attention"], len(data["tokens"])
    codes = decoded(part["codes"], "<u2" if part["bits"] == 16 else "u1").reshape(-1, tokens)
    roots = codes * decoded(part["scales"], "<f4")[:, None].astype(np.float64)
    return (roots**2).reshape(len(data["layers"]), part["heads"], tokens, tokens)


def picture(data: Any, name: str) -> np.ndarray:
    """The kept columns of a value."""
    value = next(each for each in data["walk"]["values"] if each["name"] == name)["picture"]
    rows, columns = value["rows"], value["columns"]
    codes = decoded(data["walk"]["codes"], np.int8)[value["codes"] :][: rows * columns].reshape(rows, columns)
    return codes * decoded(data["walk"]["floats"], "<f4")[value["scales"] :][:rows, None]


def encoded(family: str) -> dict[str, np.ndarray]:
    """The inputs that the tokenizer makes of the page's own text."""
    return dict(small_checkpoints.tokenizer(family)(TEXTS[family], return_tensors="np"))
