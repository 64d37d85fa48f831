"""What a pack holds, and that it is the same twice."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, Training, check, open_pack, record
from tests.golden.models import batch, bert
from tests.small_models import small_inputs, small_model


def test_same_call_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        record(bert(), batch(labels=True), tmp_path / name, backward=True)
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("one", "two")}
    assert len(digests) == 1


def test_every_value_and_gradient_is_recorded_in_order(tmp_path: Path) -> None:
    model, inputs = bert(), batch(labels=True)
    trace = mb.Trace()
    model(**inputs, trace=trace)
    gradients = model.backward(trace)
    pack = open_pack(record(model, inputs, tmp_path / "p", backward=True))
    kinds: dict[str, list[str]] = {}
    for entry in pack.entries.values():
        kinds.setdefault(entry.kind, []).append(entry.name)
    assert kinds["value"] == list(trace)
    assert sorted(kinds["gradient"]) == sorted(f"grad/{name}" for name in trace.grad)
    assert sorted(kinds["parameter gradient"]) == sorted(f"parameter_grad/{name}" for name in gradients)
    for name in trace:
        np.testing.assert_array_equal(pack[name], trace[name])
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(pack[f"parameter_grad/{name}"], gradient)
    for name in trace.grad:
        np.testing.assert_array_equal(pack[f"grad/{name}"], trace.grad[name])
    assert pack["bert.encoder.layer.0"] is not None  # by an alias


def test_tensors_can_be_left_out(tmp_path: Path) -> None:
    model, inputs = bert(), batch(labels=True)
    whole = open_pack(record(model, inputs, tmp_path / "whole", backward=True))
    pack = open_pack(record(model, inputs, tmp_path / "part", backward=True, without=["parameter_grad/*.weight"]))
    left_out = set(whole.entries) - set(pack.entries)
    assert left_out == {name for name in whole.entries if name.startswith("parameter_grad/") and "weight" in name}
    assert left_out
    for name, entry in pack.entries.items():
        assert entry == whole.entries[name]
    report = check(tmp_path / "part", model)
    assert report.ok
    assert report.compared == len(list(pack.results()))
    model.parameters["bert.embeddings.LayerNorm.bias"][3] += 1e-3
    assert not check(tmp_path / "part", model).ok
    with pytest.raises(mb.InputError, match=r"^without is 'grad/\*': a list of names belongs there, such as "):
        record(model, inputs, tmp_path / "p", without="grad/*")


def test_dropout_is_recorded_and_drawn_again(tmp_path: Path) -> None:
    model = bert().train(3)
    pack = open_pack(record(model, batch(labels=True), tmp_path / "p", backward=True))
    assert "bert.embeddings.dropout.mask" in pack
    assert pack.manifest["semantics"]["dropout"].startswith("on (hidden 0.1")
    assert check(pack, model).ok
    assert check(pack, bert().train(99)).ok  # from the recorded state, whatever the model's own
    report = check(pack, bert())  # without dropout
    assert not report.ok
    assert any("dropout" in note for note in report.notes)


def test_recording_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = bert().train(3)
    before = {name: (array, array.copy()) for name, array in model.parameters.items()}
    state = model.parameters.rng.bit_generator.state  # type: ignore[union-attr]
    record(model, batch(labels=True), tmp_path / "p", dtype="float64", training=Training(2))
    assert model.dtype == np.float32
    assert model.parameters.rng.bit_generator.state == state  # type: ignore[union-attr]
    for name, (array, copy) in before.items():
        assert model.parameters[name] is array
        np.testing.assert_array_equal(array, copy)


def test_other_relative_positions_and_cross_attention(tmp_path: Path) -> None:
    model = small_model(
        "BertLMHeadModel", dtype="float32", position_embedding_type="relative_key_query", add_cross_attention=True
    )
    inputs = small_inputs(model, labels=True, encoder=True, head_mask=True)
    assert check(record(model, inputs, tmp_path / "p", backward=True), model).ok


def test_bad_places_and_models(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match=r"cannot be written: there is no folder"):
        record(bert(), batch(), tmp_path / "none" / "p")
    with pytest.raises(GoldenError, match=r"record takes a model of minibert, not a dict: see record_reference\."):
        record({}, batch(), tmp_path / "p")  # type: ignore[arg-type]
    exotic = bert().train(np.random.Generator(np.random.MT19937(0)))
    with pytest.raises(GoldenError, match="drops out from a MT19937 generator"):
        record(exotic, batch(), tmp_path / "p")
