"""Ids that differ come first, and are explained."""

from pathlib import Path

import numpy as np

from minibert.golden import diff
from tests.golden.models import batch, ported


def test_ids_come_first(pack: Path) -> None:
    values = ported()
    ids, types = batch()["input_ids"], batch()["token_type_ids"]
    positions = np.arange(7)[None]
    for name, array, words in (
        ("bert.embeddings.position_ids", positions + 2, "positions are off by 2 everywhere: they start at 0"),
        ("bert.embeddings.position_ids", positions[:, ::-1], "positions follow another rule"),
        ("bert.embeddings.token_type_ids", 1 - types, "token types are swapped"),
        ("bert.embeddings.token_type_ids", 0 * types, "token types are ignored: all are 0"),
        ("input_ids", ids + 1, "the token ids are others: compare the tokenizers first"),
    ):
        first = diff(pack, {**values, name: array}).first
        assert first is not None
        assert first.name == name
        assert words in first.diagnosis
