"""A trace as a table and as a walk, and what globs and stacks read of it."""

import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_inputs, small_model


@pytest.fixture(scope="module")
def trace() -> mb.Trace:
    model = small_model("BertForMaskedLM")
    filled = mb.Trace()
    model(**small_inputs(model, labels=True), trace=filled)
    model.backward(filled)
    return filled


def test_a_glob_gives_all_that_match(trace: mb.Trace) -> None:
    found = trace["bert.encoder.layer.*.attention.self.probs"]
    assert list(found) == [f"bert.encoder.layer.{i}.attention.self.probs" for i in range(2)]
    assert trace.names("*.transform_act_fn") == ["cls.predictions.transform.activation"]  # by its alias
    with pytest.raises(mb.TraceError, match=r"the trace holds no value that matches '\*.nothing'"):
        trace["*.nothing"]


def test_stack_counts_layers_first(trace: mb.Trace) -> None:
    stacked = trace.stack("*.attention.self.probs")
    assert stacked.shape == (2, 2, 4, 3, 3)
    np.testing.assert_array_equal(stacked[1], trace["bert.encoder.layer.1.attention.self.probs"])
    assert trace.stack("loss").shape == (1,)
    with pytest.raises(mb.TraceError, match="have different shapes"):
        trace.stack("bert.encoder.*")


def test_the_table_tells_the_truth(trace: mb.Trace) -> None:
    rows = trace.table()
    assert [row["name"] for row in rows] == list(trace)
    assert [row["step"] for row in rows] == list(range(len(rows)))
    for row in rows:
        array = trace[row["name"]].astype(float)
        assert row["shape"] == list(array.shape)
        seen = array[np.abs(array) < 1e30]
        assert row["masked"] == array.size - seen.size
        array = seen
        assert row["mean"] == pytest.approx(array.mean())
        assert row["std"] == pytest.approx(array.std())
        assert (row["min"], row["max"]) == (array.min(), array.max())
        assert row["first"] == trace[row["name"]].reshape(-1)[:4].tolist()
        assert row["seconds"] >= 0
        if row["name"] in trace.grad:
            assert row["grad_norm"] == pytest.approx(np.sqrt((trace.grad[row["name"]] ** 2).sum()))


def test_the_walk_reads_well(trace: mb.Trace) -> None:
    text = trace.show("bert.encoder.layer.0.attention.self.scores")
    first, second, third = text.splitlines()
    assert "bert.encoder.layer.0.attention.self.scores  (B, N, T, S) = (2, 4, 3, 3) float64" in first
    assert second.strip() == "= query keyᵀ / √K + mask"
    assert "mean" in third
    assert "|grad|" in third
    assert str(trace).count("\n") == 3 * len(trace) - 1
