"""A catalogue of mistakes in a port: each is found at its own tensor, and most are named in words."""

import warnings
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.golden.models import batch, bert, ported
from tests.golden.port import Port

LAYER = "bert.encoder.layer.0"
SELF = f"{LAYER}.attention.self"
EMBEDDINGS = "bert.embeddings"

# the mistake, the tensor where it must be found, words of the diagnosis ("" where it need not be named)
FAULTS = [
    ("positions off by RoBERTa's offset", f"{EMBEDDINGS}.position_embeddings", "positions are off by 2"),
    ("token types swapped", f"{EMBEDDINGS}.token_type_embeddings", "token types are swapped"),
    ("token types ignored", f"{EMBEDDINGS}.token_type_embeddings", "token types are ignored"),
    ("embeddings scaled", f"{EMBEDDINGS}.word_embeddings", "scaled by √D"),
    ("position term missing", f"{EMBEDDINGS}.sum", "position embeddings are not added"),
    ("embeddings epsilon", EMBEDDINGS, "wrong epsilon: 0.001 in LayerNorm, where 1e-12 belongs"),
    ("embeddings mean kept", EMBEDDINGS, "the mean is not subtracted"),
    ("embeddings unbiased variance", EMBEDDINGS, "unbiased variance"),
    ("embeddings affine missing", EMBEDDINGS, "gamma and beta are missing"),
    ("embeddings dropout", EMBEDDINGS, "dropout is on"),
    ("pre-norm", f"{SELF}.query", "pre-norm for post-norm"),
    ("query bias missing", f"{SELF}.query", "bias missing"),
    ("query weight transposed", f"{SELF}.query", ""),
    ("query sign", f"{SELF}.query", "the sign is flipped"),
    ("key bias missing", f"{SELF}.key", "bias missing"),
    ("key and value exchanged", f"{SELF}.key", f"it holds what belongs at {SELF}.value"),
    ("layers reversed", f"{SELF}.query", ""),
    ("query and key exchanged", f"{SELF}.scores", "query and key are exchanged"),
    ("scale missing", f"{SELF}.scores", "missing 1/√K"),
    ("scaled by the hidden width", f"{SELF}.scores", "scaled by 1/√D"),
    ("heads split the other way", f"{SELF}.scores", "the head index runs fastest"),
    ("mask ignored", f"{SELF}.scores", "the mask is ignored"),
    ("mask inverted", f"{SELF}.scores", "the mask is inverted"),
    ("mask value", f"{SELF}.scores", "mask value: -10000 is added"),
    ("mask hides a token more", f"{SELF}.scores", "the mask hides more places than the golden one"),
    ("mask hides a token fewer", f"{SELF}.scores", "the mask hides fewer places than the golden one"),
    ("mask moved by a token", f"{SELF}.scores", "the mask hides other places than the golden one"),
    ("mask added as it is", f"{SELF}.scores", "the mask"),
    ("softmax over queries", f"{SELF}.probs", "softmax is over the queries"),
    ("attention dropout", f"{SELF}.probs", "dropout is on"),
    ("heads not moved back", f"{SELF}.context", "heads merged without moving the head axis"),
    ("heads permuted", f"{SELF}.context", ""),
    ("attention output weight transposed", f"{LAYER}.attention.output.dense", ""),
    ("attention residual missing", f"{LAYER}.attention.output.sum", "the residual connection is missing"),
    ("hidden dropout", f"{LAYER}.attention.output.sum", "dropout is on"),
    ("attention norm missing", f"{LAYER}.attention.output", "LayerNorm is missing"),
    ("attention epsilon", f"{LAYER}.attention.output", "wrong epsilon: 0.001"),
    ("intermediate bias missing", f"{LAYER}.intermediate.dense", "bias missing"),
    ("tanh GELU", f"{LAYER}.intermediate", "tanh-GELU for erf-GELU"),
    ("relu", f"{LAYER}.intermediate", "another activation: relu for gelu"),
    ("activation missing", f"{LAYER}.intermediate", "the activation is missing"),
    ("wrong residual", f"{LAYER}.output.sum", "wrong residual: the layer's input"),
    ("output residual missing", f"{LAYER}.output.sum", "the residual connection is missing"),
    ("embeddings over the batch", EMBEDDINGS, "normalised over the whole batch"),
    ("attention variance of the mean kept", f"{LAYER}.attention.output", "the mean is not subtracted: x / √(variance"),
    ("output epsilon outside", f"{LAYER}.output", "outside the root of the variance, and it is 0.0001 where 1e-12"),
    ("heads reshaped", f"{SELF}.scores", "heads are split by reshaping to (B, N, T, K) at once"),
    ("mask multiplied", f"{SELF}.scores", "the mask multiplies the scores"),
    ("mask on the queries", f"{SELF}.scores", "the mask is on the axis of the queries"),
    ("norms exchanged", f"{LAYER}.attention.output", f"the parameters of another one, {LAYER}.output.LayerNorm"),
    ("norm before the sum", f"{LAYER}.attention.output", "x + LayerNorm(f(x)) for LayerNorm(x + f(x))"),
    ("residual before the norm", f"{LAYER}.output.sum", "the attention's sum was added as it was before its LayerNorm"),
    ("Φ alone", f"{LAYER}.intermediate", "Φ(x) alone"),
    ("erf without √2", f"{LAYER}.intermediate", "erf without √2"),
    ("a number is NaN", "cls.predictions", "1 of 560 numbers are NaN"),
    ("one text alone", "cls.predictions", "the axis of the texts is missing: (7, 40) for (2, 7, 40); it is number"),
    ("decoder bias missing", "cls.predictions", "bias missing"),
    ("logits doubled", "cls.predictions", "scaled by a constant: every number is 2 times"),
    ("texts exchanged", "cls.predictions", "texts permuted"),
    ("one number wrong", "cls.predictions", "1 of 560 numbers differs"),
    ("logits never copied", "cls.predictions", "all zeros"),
    ("half precision", "cls.predictions", "float16"),
    ("logits axes exchanged", "cls.predictions", "transposed"),
    ("padding rows", "cls.predictions", "only rows of padding tokens differ"),
]
# with the weights at hand, more is named
WITH_WEIGHTS = [
    ("query weight transposed", f"{SELF}.query", "the weight is transposed"),
    ("attention output weight transposed", f"{LAYER}.attention.output.dense", "the weight is transposed"),
    ("layers reversed", f"{SELF}.query", "layer 0 is computed with the weights of layer 1"),
    ("pre-norm", f"{SELF}.query", "pre-norm for post-norm"),
    ("query bias missing", f"{SELF}.query", "the bias is missing"),
    ("key and value exchanged", f"{SELF}.key", "key is computed with the weights of value"),
    ("positions off by RoBERTa's offset", f"{EMBEDDINGS}.position_embeddings", "RoBERTa's offset"),
    ("decoder bias missing", "cls.predictions", "bias"),
]


def test_catalogue_is_large_enough() -> None:
    assert len({fault for fault, _, _ in FAULTS}) == len(FAULTS) >= 25
    assert sum(bool(words) for _, _, words in FAULTS) >= 12


def test_correct_port_raises_no_alarm(forward_pack: Path) -> None:
    report = mb.golden.diff(forward_pack, ported())
    assert report.ok
    assert report.first is None
    assert report.compared >= 35
    worst = max(row.difference.max_abs / row.floor for row in report if row.difference is not None and row.floor)
    assert worst < report.multiple / 2, worst


@pytest.mark.parametrize(("fault", "where", "words"), FAULTS, ids=[fault for fault, _, _ in FAULTS])
def test_fault_is_found_and_named(forward_pack: Path, fault: str, where: str, words: str) -> None:
    report = mb.golden.diff(forward_pack, ported(fault))
    assert not report.ok
    assert report.first is not None
    assert report.first.name == where
    assert words in report.first.diagnosis
    assert words or not report.first.diagnosis  # rather no words than wrong ones


@pytest.mark.parametrize(("fault", "where", "words"), WITH_WEIGHTS, ids=[fault for fault, _, _ in WITH_WEIGHTS])
def test_weights_let_more_be_named(forward_pack: Path, fault: str, where: str, words: str) -> None:
    first = mb.golden.diff(forward_pack, ported(fault), weights=bert()).first
    assert first is not None
    assert first.name == where
    assert words in first.diagnosis


@pytest.mark.parametrize("fault", ["mask hides a token more", "mask hides a token fewer", "mask moved by a token"])
def test_fault_of_the_mask_is_named_in_float64_too(tmp_path: Path, fault: str) -> None:
    model, inputs = bert(), batch()
    pack = mb.golden.record(model, inputs, tmp_path / "double.safetensors", dtype="float64")
    scores = mb.golden.open_pack(pack)[f"{SELF}.scores"]
    port = Port(model.state_dict(), model.config, fault, 0).run(**inputs)[f"{SELF}.scores"]
    wide = np.where(port < -1e30, np.finfo(np.float64).min, scores)
    wide[(port > -1e30) & (scores < -1e30)] = 0.5
    first = mb.golden.diff(pack, {f"{SELF}.scores": wide}).first
    assert first is not None
    assert first.diagnosis.startswith("the mask hides ")


@pytest.mark.parametrize("fault", ["scale missing", "tanh GELU", "attention residual missing", "key bias missing"])
def test_fault_in_the_second_layer_is_found_there(forward_pack: Path, fault: str) -> None:
    first = mb.golden.diff(forward_pack, ported(fault, layer=1)).first
    assert first is not None
    assert first.name.startswith("bert.encoder.layer.1.")
    assert first.diagnosis


# a port that hands out only what its framework's hooks see: outputs of modules, no scores, no sums
HOOKED = ["*.word_embeddings", "bert.embeddings", "*.query", "*.key", "*.value", "*.context", "*.dense",
          "*.intermediate", "*.output", "cls.predictions*"]  # fmt: skip
COARSE = [
    ("mask ignored", f"{SELF}.context", "the mask is ignored"),
    ("scale missing", f"{SELF}.context", "missing 1/√K"),
    ("token types ignored", EMBEDDINGS, "token types are ignored"),
    ("position term missing", EMBEDDINGS, "position embeddings are not added"),
    ("attention residual missing", f"{LAYER}.attention.output", "the residual connection is missing"),
    ("pre-norm", f"{SELF}.query", "pre-norm"),
]


@pytest.mark.parametrize(("fault", "where", "words"), COARSE, ids=[fault for fault, _, _ in COARSE])
def test_partial_pack_is_still_diagnosed(forward_pack: Path, fault: str, where: str, words: str) -> None:
    values: dict[str, Any] = {
        name: array for name, array in ported(fault).items() if any(fnmatchcase(name, glob) for glob in HOOKED)
    }
    report = mb.golden.diff(forward_pack, values, weights=bert())
    assert report.first is not None
    assert report.first.name == where
    assert words in report.first.diagnosis


def test_scores_of_float64_are_diagnosed_without_a_warning(tmp_path: Path) -> None:
    pack = mb.golden.record(bert(), batch(), tmp_path / "double.safetensors", dtype="float64")
    scores = mb.golden.open_pack(pack)[f"{SELF}.scores"]
    wrong = scores.copy()
    wrong[scores > -1e30] += np.linspace(0.0, 1.0, int((scores > -1e30).sum()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = mb.golden.diff(pack, {f"{SELF}.scores": wrong}).first
    assert first is not None
    assert first.diagnosis == ""
