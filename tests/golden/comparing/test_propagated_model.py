"""Mistakes in a model of minibert itself: its configuration, its weights, its backward, its dropout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minibert import functional
from minibert.backend import move, to_numpy
from minibert.golden import GoldenError, check
from tests.golden.models import bert, rewrite

LAYER = "bert.encoder.layer.1"


@pytest.mark.parametrize(
    ("changes", "where", "words", "note"),
    [
        ({"hidden_act": "gelu_new"}, "bert.encoder.layer.0.intermediate", "tanh-GELU for erf-GELU", "activation"),
        ({"hidden_act": "relu"}, "bert.encoder.layer.0.intermediate", "relu for gelu", "hidden_act"),
        ({"layer_norm_eps": 1e-5}, "bert.embeddings.LayerNorm.rstd", "wrong epsilon: 1e-05", "layer_norm_eps"),
        ({"is_decoder": True, "use_cache": False}, "bert.extended_attention_mask", "it is causal", "causal"),
    ],
)
def test_configuration(pack: Path, changes: dict[str, Any], where: str, words: str, note: str) -> None:
    report = check(pack, bert(**changes))
    assert report.first is not None
    assert report.first.name == where
    assert words in report.first.diagnosis
    assert any(note in each for each in report.notes)


def reverse(array: np.ndarray) -> np.ndarray:
    return array[::-1].copy()


WEIGHTS: list[tuple[str, Callable[[np.ndarray], np.ndarray], str, str]] = [
    ("bert.embeddings.token_type_embeddings.weight", reverse, "bert.embeddings.token_type_embeddings", "swapped"),
    (f"{LAYER}.attention.self.key.bias", np.zeros_like, f"{LAYER}.attention.self.key", "bias missing"),
    (f"{LAYER}.attention.self.value.weight", np.transpose, f"{LAYER}.attention.self.value", ""),
    (f"{LAYER}.attention.output.LayerNorm.bias", np.zeros_like, f"{LAYER}.attention.output", "beta (bias) is missing"),
    (f"{LAYER}.output.LayerNorm.weight", np.ones_like, f"{LAYER}.output", "gamma (weight) is missing"),
    ("cls.predictions.bias", np.zeros_like, "cls.predictions", "bias missing"),
]


@pytest.mark.parametrize(("name", "change", "where", "words"), WEIGHTS, ids=[name for name, *_ in WEIGHTS])
def test_weights(pack: Path, name: str, change: Any, where: str, words: str) -> None:
    model = bert()
    model.parameters[name] = move(np.ascontiguousarray(change(to_numpy(model.parameters[name]))), model.parameters.xp)
    report = check(pack, model, weights=bert())
    assert report.first is not None
    assert report.first.name == where
    assert words.replace("bias missing", "bias") in report.first.diagnosis
    total = len(model.state_dict())
    assert f"weights: 1 of {total} parameters differ: {name}" in report.notes


layer_norm_backward = functional.layer_norm_backward


def wrong_layer_norm(dy: Any, cache: Any, weight: Any) -> Any:
    """The mean of dn is left out."""
    dx, dweight, dbias = layer_norm_backward(dy, cache, weight)
    return dx + (dy * weight).mean(axis=-1, keepdims=True) * cache.rstd, dweight, dbias


def wrong_softmax(dprobs: Any, probs: Any) -> Any:
    return dprobs * probs


def wrong_linear(dy: Any, x: Any, weight: Any) -> Any:
    rows = dy.reshape(-1, dy.shape[-1])
    return dy @ weight, rows.T @ x.reshape(-1, x.shape[-1]), rows.mean(axis=0)


@pytest.mark.parametrize(
    ("name", "wrong", "where", "words"),
    [
        ("layer_norm_backward", wrong_layer_norm, "grad/cls.predictions.transform.activation", ""),
        ("softmax_backward", wrong_softmax, f"grad/{LAYER}.attention.self.scores", ""),
        ("linear_backward", wrong_linear, "parameter_grad/cls.predictions.bias", "scaled by a constant"),
    ],
)
def test_backward(pack: Path, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, where: str, words: str) -> None:
    monkeypatch.setattr(functional, name, wrong)
    report = check(pack, bert())
    assert report.first is not None
    assert report.first.name == where
    assert words in report.first.diagnosis
    assert all(row.ok for row in report if row.kind == "value")


def test_dropout_left_on(pack: Path) -> None:
    report = check(pack, bert().train(0))
    assert report.first is not None
    assert any(note.startswith("semantics, dropout: golden 'off (evaluation)'") for note in report.notes)
    assert "bert.embeddings.dropout.mask" in {row.name for row in report if row.verdict == "extra"}
    assert report["bert.embeddings.sum"].ok


def test_changed_number_is_a_verdict(copied: Path) -> None:
    content = bytearray(copied.read_bytes())
    content[-3] ^= 0x40  # the last tensor's last number
    copied.write_bytes(content)
    report = check(copied, bert())
    assert not report.ok
    damaged = [row for row in report if row.verdict == "damaged"]
    assert len(damaged) == 1
    assert damaged[0].detail == "its sha256 is another than the manifest's: the file was changed after recording"


def test_odd_dropout_state(copied: Path) -> None:
    def change(manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        manifest["dropout_state"] = {"bit_generator": "PCG64", "state": "?"}

    rewrite(copied, change)
    with pytest.raises(GoldenError, match="the recorded state of dropout cannot be used"):
        check(copied, bert().train(0))
