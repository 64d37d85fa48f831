"""Embeddings made wrongly, with the tables at hand and without."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack
from tests.golden.models import mistaken, weights

EMBEDDINGS = "bert.embeddings"


def test_sums_without_a_term(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    total = pack[f"{EMBEDDINGS}.sum"]
    for part, words in (("word", "word"), ("position", "position"), ("token_type", "token type")):
        rows = pack[f"{EMBEDDINGS}.{part}_embeddings"]
        assert mistaken(forward_pack, f"{EMBEDDINGS}.sum", total - rows) == f"{words} embeddings are not added"
        assert mistaken(forward_pack, f"{EMBEDDINGS}.sum", total + rows) == f"{words} embeddings are added twice"


def test_rows_of_other_ids_with_the_tables(forward_pack: Path) -> None:
    state, pack = weights(), open_pack(forward_pack)
    tables = {part: state[f"{EMBEDDINGS}.{part}_embeddings.weight"] for part in ("word", "position", "token_type")}
    for part, rows, words in (
        ("word", tables["word"][np.clip(pack["input_ids"] + 1, 0, 39)], "token ids are off by 1"),
        ("position", tables["position"][np.arange(2, 9)][None], "positions are off by 2, as with RoBERTa's offset"),
        ("position", np.repeat(tables["position"][:1], 7, axis=0)[None], "every token has position 0"),
        ("token_type", tables["token_type"][1 - pack[f"{EMBEDDINGS}.token_type_ids"]], "token types are swapped"),
    ):
        assert mistaken(forward_pack, f"{EMBEDDINGS}.{part}_embeddings", rows, state).startswith(words)


def test_shifted_positions_without_the_table(forward_pack: Path) -> None:
    """Rows that stand elsewhere among the golden ones tell the offset."""
    name = f"{EMBEDDINGS}.position_embeddings"
    rows = np.array(open_pack(forward_pack)[name])
    unknown = np.random.default_rng(0).normal(size=rows.shape)
    unknown[:, :5] = rows[:, 2:]
    assert mistaken(forward_pack, name, unknown).startswith("positions are off by 2")
