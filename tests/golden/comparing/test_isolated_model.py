"""A model step by step: one mistake is one red line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.backend import move, to_numpy
from minibert.golden import GoldenError, check, record
from tests.golden.models import batch, bert


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("bert.encoder.layer.0.attention.self.key", lambda weight: weight * 1.01),
        ("bert.encoder.layer.1.output.dense", lambda weight: weight * 0.99),
        ("cls.predictions.transform.dense", lambda weight: weight[::-1]),
        ("bert.encoder.layer.1.attention.output", lambda weight: weight * 1.001),
    ],
)
def test_one_changed_weight_of_a_model_is_one_red_line(pack: Path, name: str, change: Any) -> None:
    model = bert()
    weight = f"{name}.weight" if f"{name}.weight" in model.parameters else f"{name}.LayerNorm.weight"
    changed = np.ascontiguousarray(change(to_numpy(model.parameters[weight])))
    model.parameters[weight] = move(changed, model.parameters.xp, "float32")
    report = check(pack, model, mode="isolated")
    assert [row.name for row in report.failures] == [name]
    assert len(check(pack, model).failures) > 10  # while propagated everything after it differs


def test_wrong_positions_of_a_model_are_one_red_line(tmp_path: Path) -> None:
    model = mb.RobertaModel(
        mb.RobertaConfig(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    )
    path = record(model, {"input_ids": [[5, 6, 7, 1]]}, tmp_path / "p")

    def from_zero(text: np.ndarray, past: int) -> np.ndarray:
        return np.arange(text.shape[1])

    model.default_positions = from_zero  # type: ignore[method-assign]
    report = check(path, model, mode="isolated")
    assert [row.name for row in report.failures] == ["embeddings.position_ids"]
    assert "RoBERTa's start at padding_idx + 1 = 2" in report.failures[0].diagnosis


def test_training_packs_are_not_isolated(tmp_path: Path) -> None:
    path = record(bert(), batch(labels=True), tmp_path / "p", training={"steps": 1})
    with pytest.raises(GoldenError, match='p holds whole training steps: check it in mode "propagated"'):
        check(path, bert(), mode="isolated")
