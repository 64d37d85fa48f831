"""A port step by step, each fed golden inputs."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minibert.golden import GoldenError, GoldenInputs, check
from tests.golden.models import bert

SELF = "bert.encoder.layer.*.attention.self"


def steps() -> dict[str, Any]:
    """A port as isolated functions, with its own weights."""
    weights = bert().state_dict()

    def linear(golden: GoldenInputs) -> Any:
        source = {"query": None, "key": None, "value": None}
        last = golden.name.rsplit(".", 1)[-1]
        assert last in source
        before = "bert.embeddings" if golden.layer == 0 else f"bert.encoder.layer.{golden.layer - 1}.output"
        return golden[before] @ weights[f"{golden.name}.weight"].T + weights[f"{golden.name}.bias"]

    def scores(golden: GoldenInputs) -> Any:
        heads = golden.config["num_attention_heads"]
        query, key = (golden.near(part).reshape(2, 7, heads, -1).swapaxes(1, 2) for part in ("query", "key"))
        return query @ key.swapaxes(-1, -2) / np.float32(math.sqrt(8)) + golden["bert.extended_attention_mask"]

    def probs(golden: GoldenInputs) -> Any:
        e = np.exp(golden.near("scores") - golden.near("scores").max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    return {
        f"{SELF}.query": linear, f"{SELF}.key": linear, f"{SELF}.value": linear, f"{SELF}.scores": scores,
        f"{SELF}.probs": probs,
    }  # fmt: skip


def test_isolated_port_without_mistake(pack: Path) -> None:
    report = check(pack, steps(), mode="isolated")
    assert report.ok
    assert report.compared == 10
    probs = steps()[f"{SELF}.probs"]
    assert check(pack, {"*.probs": probs}, mode="isolated").compared == 2  # values, not gradients


def test_one_mistake_is_one_red_line(pack: Path) -> None:
    port = steps()
    right = port[f"{SELF}.scores"]
    only = "bert.encoder.layer.0.attention.self.scores"

    def unscaled(golden: GoldenInputs) -> Any:
        made = right(golden)
        return np.where(made < -1e30, made, np.maximum(made, -1e30) * np.float32(8**0.5))

    port = {only: unscaled, **port}
    report = check(pack, port, mode="isolated")
    assert [row.name for row in report.failures] == [only]
    assert "missing 1/√K" in report.failures[0].diagnosis
    assert "first step that differs" in str(report)


def test_isolated_functions_that_fail_are_verdicts(pack: Path) -> None:
    def peeks(golden: GoldenInputs) -> Any:
        return golden["cls.predictions"]

    def asks(golden: GoldenInputs) -> Any:
        return golden["nothing.there"]

    def breaks(golden: GoldenInputs) -> Any:
        return 1 / 0

    def words(golden: GoldenInputs) -> Any:
        return "much"

    point = "bert.embeddings.sum"
    for function, text in (
        (peeks, f"the function for {point} asked for cls.predictions, which is not computed before it."),
        (asks, f"the pack holds no 'nothing.there', which the function for {point} asked for."),
        (breaks, "the port's function raised ZeroDivisionError: division by zero"),
        (words, f"{point} is a str of"),
    ):
        report = check(pack, {point: function}, mode="isolated")
        assert report.first is not None
        assert report.first.verdict == "failed"
        assert text in report.first.detail
        assert text in str(report)
    with pytest.raises(GoldenError, match=r"'no\.such\.point' is no point of bert\.safetensors"):
        check(pack, {"no.such.point": breaks}, mode="isolated")
    for port in ({}, {"loss": 1.0}, [breaks]):
        with pytest.raises(GoldenError, match=r"takes a model, or a dict from point names to functions"):
            check(pack, port, mode="isolated")
