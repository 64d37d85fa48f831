"""Sentence embeddings: pooling, order, batches, errors, and stored values of the real checkpoint."""

import json
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.pipelines.embeddings import embed, mean_pool, similarity_table
from tests.real_checkpoint import FOLDER, needs_real_checkpoint

GOLDEN = json.loads((Path(__file__).parent.parent / "stored_values" / "minilm.json").read_text(encoding="utf-8"))


def test_mean_pool_leaves_padding_out() -> None:
    hidden = np.array([[[1.0, 2.0], [3.0, 4.0], [100.0, 100.0]]], dtype=np.float32)
    pooled = mean_pool(hidden, np.array([[1, 1, 0]]))
    np.testing.assert_array_equal(pooled, np.array([[2.0, 3.0]], dtype=np.float32))
    assert pooled.dtype == np.float32


def test_similarity_table_shows_every_pair() -> None:
    table = similarity_table(["one", "two  lines\nhere"], np.array([[1.0, 0.0], [0.6, 0.8]]))
    assert table.splitlines() == [
        "           [1]    [2]",
        "    [1]  1.000  0.600",
        "    [2]  0.600  1.000",
        "",
        "[1] one",
        "[2] two lines here",
    ]


@pytest.fixture(scope="module")
def pair():
    return mb.BertModel.from_pretrained(FOLDER), mb.AutoTokenizer.from_pretrained(FOLDER)


@needs_real_checkpoint
class TestRealCheckpoint:
    def test_vectors_as_stored(self, pair) -> None:
        vectors = embed(*pair, GOLDEN["texts"])
        noise = GOLDEN["noise"]["embeddings"]
        assert np.abs(vectors[:, ::8] - np.array(GOLDEN["embeddings[:, ::8]"])).max() <= 4 * noise
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)

    def test_batches_change_nothing_but_the_last_digits(self, pair) -> None:
        texts = [*GOLDEN["texts"], "word " * 40, "short", "word " * 600]
        np.testing.assert_allclose(embed(*pair, texts, batch_size=2), embed(*pair, texts), atol=2e-6)

    def test_poolings_differ(self, pair) -> None:
        by_kind = [embed(*pair, ["A cat sat."], pooling=kind) for kind in ("mean", "cls", "pooler")]
        for one, other in ((0, 1), (0, 2), (1, 2)):
            assert np.abs(by_kind[one] - by_kind[other]).max() > 1e-3

    def test_mistakes(self, pair) -> None:
        with pytest.raises(mb.InputError, match="pooling is 'max': choose one of mean, cls, pooler"):
            embed(*pair, ["x"], pooling="max")
        with pytest.raises(mb.InputError, match="there is no text to embed"):
            embed(*pair, [])
        bare = mb.BertModel.from_pretrained(FOLDER, add_pooling_layer=False)
        with pytest.raises(mb.InputError, match="pooling is 'pooler', but the model has no pooler"):
            embed(bare, pair[1], ["x"], pooling="pooler")
