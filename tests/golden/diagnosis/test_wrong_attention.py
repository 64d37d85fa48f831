"""Attention made wrongly, by hand, beside what a pack holds."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minibert.golden import open_pack, record
from minibert.golden.diagnosis.wrong_attention import wrong_mask
from tests.golden.models import bert, mistaken, pair_of

SELF = "bert.encoder.layer.1.attention.self"
LEAST = float(np.finfo(np.float32).min)


def heads(x: np.ndarray) -> np.ndarray:
    """(B, T, D) -> (B, N, T, K)."""
    return x.reshape(*x.shape[:2], 3, -1).swapaxes(1, 2)


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def test_scores(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    query, key = (heads(pack[f"{SELF}.{part}"]) for part in ("query", "key"))
    mask = np.maximum(pack["bert.extended_attention_mask"], -1e33)
    for other, words in (
        (query @ key.swapaxes(-1, -2) + mask, "missing 1/√K"),
        (key @ query.swapaxes(-1, -2) / math.sqrt(8) + mask, "query and key are exchanged"),
        (query @ query.swapaxes(-1, -2) / math.sqrt(8) + mask, "query for key"),
        (query @ key.swapaxes(-1, -2) / math.sqrt(8), "the mask is ignored: hidden places hold ordinary scores"),
    ):
        assert mistaken(forward_pack, f"{SELF}.scores", other).startswith(words)


def test_probs(forward_pack: Path) -> None:
    scores = open_pack(forward_pack)[f"{SELF}.scores"].astype(np.float64)
    for other, words in (
        (softmax(scores, axis=-2), "softmax is over the queries"),
        (softmax(scores, axis=1), "softmax is over the heads"),
    ):
        assert mistaken(forward_pack, f"{SELF}.probs", other).startswith(words)


def test_context(forward_pack: Path) -> None:
    pack = open_pack(forward_pack)
    context = pack[f"{SELF}.probs"] @ heads(pack[f"{SELF}.value"])
    assert mistaken(forward_pack, f"{SELF}.context", context.reshape(2, 7, 24)).startswith("heads merged without")
    keys = pack[f"{SELF}.probs"] @ heads(pack[f"{SELF}.key"])
    keys = keys.swapaxes(1, 2).reshape(2, 7, 24)
    assert mistaken(forward_pack, f"{SELF}.context", keys) == "the keys were mixed, not the values"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda mask: np.where(mask < 0, -np.inf, 0.0), "mask value: minus infinity is added"),
        (lambda mask: np.where(mask < 0, -10000.0, 0.0), "mask value: -10000 is added"),
        (lambda mask: np.where(mask < 0, 0.0, LEAST), "the mask is inverted"),
        (lambda mask: np.where(mask < 0, 1.0, 0.0), "the mask itself, ones and zeros"),
        (lambda mask: np.zeros_like(mask), "the mask is ignored"),
        (lambda mask: np.where(np.arange(7) > 3, LEAST, 0.0) + 0 * mask, "the mask hides more places"),
        (lambda mask: np.where(np.arange(7) > 5, mask, 0.0), "the mask hides fewer places"),
        (lambda mask: np.roll(mask, 1, axis=-1), "the mask hides other places"),
    ],
)
def test_masks(forward_pack: Path, change: Callable[[np.ndarray], np.ndarray], words: str) -> None:
    name = "bert.extended_attention_mask"
    mask = open_pack(forward_pack)[name]
    pair = pair_of(forward_pack, name, change(mask))
    assert [found.startswith(words) for found, _ in wrong_mask(pair)] == [True]


def test_a_mask_where_there_should_be_none(tmp_path: Path) -> None:
    path = record(bert(), {"input_ids": [[2, 9, 3]]}, tmp_path / "p")
    causal = np.where(np.tril(np.ones((1, 1, 3, 3))) > 0, 0.0, LEAST)
    name = "bert.encoder.layer.1.attention.self.scores"
    words = mistaken(path, name, open_pack(path)[name] + causal)
    assert words.startswith("places are hidden that the golden mask shows: a causal mask")
