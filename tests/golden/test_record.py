"""What a pack holds, that it is the same twice, and that recording and checking need little memory."""

import hashlib
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.golden import GoldenError, Training, check, diff, open_pack, record
from tests.golden.models import batch, bert
from tests.small_models import small_inputs, small_model

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "dog", "ran", "##s", "home", "."]


def tokenizer() -> mb.BertTokenizer:
    return mb.BertTokenizer(vocab={token: i for i, token in enumerate(VOCAB)})


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


def test_noise_floor_is_the_measured_error(tmp_path: Path) -> None:
    inputs = batch()
    pack = open_pack(record(bert(), inputs, tmp_path / "p"))
    wide, narrow = mb.Trace(), mb.Trace()
    bert().to(dtype="float64")(**inputs, trace=wide)
    bert()(**inputs, trace=narrow)
    compared = 0
    for name in ("bert.encoder.layer.1.output", "cls.predictions", "bert.encoder.layer.0.attention.self.probs"):
        measured = float(np.abs(narrow[name].astype(np.float64) - wide[name]).max())
        noise = pack.entries[name].noise
        assert noise is not None
        assert noise["max_abs"] == measured > 0
        assert pack.entries[name].floor["max_abs"] >= measured  # type: ignore[index]
        compared += 1
    assert compared == 3


def test_manifest_says_where_the_values_come_from(tmp_path: Path) -> None:
    model = bert()
    inputs = {"input_ids": batch()["input_ids"], "output_attentions": True}
    pack = open_pack(record(model, inputs, tmp_path / "p", case={"name": "mine"}))
    manifest = pack.manifest
    assert manifest["model"]["class"] == "BertForMaskedLM"
    assert manifest["model"]["config"]["hidden_size"] == 24
    assert manifest["command"] == "minibert.golden.record(BertForMaskedLM, input_ids (2, 7), output_attentions=True)"
    assert manifest["semantics"]["dropout"] == "off (evaluation)"
    assert manifest["semantics"]["activation"] == "gelu: x Φ(x), exact, with erf"
    assert "√8" in manifest["semantics"]["scores"]
    assert manifest["case"] == {"name": "mine"}
    assert len(manifest["weights"]["parameters"]) == len(model.state_dict())
    assert manifest["outputs"]["logits"] == {"names": "cls.predictions", "shape": [2, 7, 40]}
    assert str(tmp_path) not in str(manifest)
    assert check(pack, model).ok


def test_semantics_card_tells_families_and_forms_apart(tmp_path: Path) -> None:
    roberta = small_model("RobertaModel", dtype="float32", hidden_act="gelu_new")
    inputs = {"input_ids": [[5, 7, 9]]}
    card = open_pack(record(roberta, inputs, tmp_path / "p")).manifest["semantics"]
    assert card["activation"] == "gelu_new: GELU approximated with tanh"
    assert card["positions"].startswith("RoBERTa's: 2, 3, ...")
    causal = small_model("BertLMHeadModel", dtype="float32", hidden_act="relu")
    card = open_pack(record(causal, inputs, tmp_path / "p")).manifest["semantics"]
    assert card["causal"].startswith("yes")
    assert card["activation"] == "relu"


def test_text_is_recorded_from_the_start(tmp_path: Path) -> None:
    path = record(bert(), None, tmp_path / "p", text=["The dog ran.", "Dogs."], tokenizer=tokenizer())
    text = open_pack(path).manifest["text"]
    assert text["texts"] == ["The dog ran.", "Dogs."]
    assert text["normalized_texts"] == ["the dog ran.", "dogs."]
    assert text["words_of_texts"][0] == [
        ["The", 0, 3, ["the"]], ["dog", 4, 7, ["dog"]], ["ran", 8, 11, ["ran"]], [".", 11, 12, ["."]],
    ]  # fmt: skip
    assert text["words_of_texts"][1][0] == ["Dogs", 0, 4, ["dog", "##s"]]
    assert text["tokens"][1] == ["[CLS]", "dog", "##s", ".", "[SEP]", "[PAD]"]
    np.testing.assert_array_equal(open_pack(path)["input/attention_mask"][1], [1, 1, 1, 1, 1, 0])
    pair = record(bert(), None, tmp_path / "p", text="The dog", text_pair="ran", tokenizer=tokenizer())
    assert open_pack(pair).manifest["text"]["pairs"] == ["ran"]
    only = record(bert(), batch(), tmp_path / "p", text="what it was")
    assert open_pack(only).manifest["text"] == {"texts": ["what it was"]}


def test_backward_from_a_given_gradient(tmp_path: Path) -> None:
    model, inputs = bert(), batch()
    rng = np.random.default_rng(1)
    seed = {"logits": rng.normal(size=(2, 7, 40)).astype(np.float32)}
    pack = open_pack(record(model, inputs, tmp_path / "p", backward=seed))
    np.testing.assert_array_equal(pack["seed/logits"], seed["logits"])
    report = check(pack, model)
    assert report.ok
    assert any(row.kind == "parameter gradient" for row in report)


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_steps(tmp_path: Path, dtype: str) -> None:
    model = bert(dtype)
    path = record(model, batch(labels=True), tmp_path / "p", training={"steps": 3, "lr": 0.01})
    pack = open_pack(path)
    assert float(pack["step_3/loss"]) < float(pack["step_1/loss"])
    assert check(path, model).ok
    other = bert(dtype)
    other.parameters["cls.predictions.bias"] = other.parameters["cls.predictions.bias"] * 1.01
    assert check(path, other).first.name == "step_1/loss"  # type: ignore[union-attr]


def test_trained_state_is_adamws(tmp_path: Path) -> None:
    model, inputs = bert("float64"), batch(labels=True)
    pack = open_pack(record(model, inputs, tmp_path / "p", training=Training(2, lr=0.01, max_norm=None)))
    optimizer = mb.AdamW(model, lr=0.01)
    for _ in range(2):
        trace = mb.Trace("backward")
        model(**inputs, trace=trace)
        optimizer.step(model.backward(trace))
    np.testing.assert_array_equal(pack["parameter/cls.predictions.bias"], model.parameters["cls.predictions.bias"])
    state = optimizer.state_dict()["state"]["cls.predictions.bias"]
    np.testing.assert_array_equal(pack["state/exp_avg_sq/cls.predictions.bias"], state["exp_avg_sq"])


@pytest.mark.parametrize(
    "class_name", ["BertLMHeadModel", "BertForMultipleChoice", "RobertaForSequenceClassification", "RemBertForMaskedLM"]
)
@pytest.mark.parametrize("mode", ["propagated", "isolated"])
def test_classes_check_against_themselves(tmp_path: Path, class_name: str, mode: str) -> None:
    model = small_model(class_name, dtype="float32")
    path = record(model, small_inputs(model, labels=True), tmp_path / "p", backward=True)
    report = check(path, model, mode=mode)
    assert report.ok
    assert report.compared > 30


def test_other_relative_positions_and_cross_attention(tmp_path: Path) -> None:
    model = small_model(
        "BertLMHeadModel", dtype="float32", position_embedding_type="relative_key_query", add_cross_attention=True
    )
    inputs = small_inputs(model, labels=True, encoder=True, head_mask=True)
    assert check(record(model, inputs, tmp_path / "p", backward=True), model).ok


def test_float64_is_held_to_float64_and_float32_to_float32(tmp_path: Path) -> None:
    model = bert("float64")
    path = record(model, batch(), tmp_path / "p")
    assert check(path, model).ok
    assert check(path, bert()).ok  # float32 numbers of the same model, within float32's noise
    name = "bert.embeddings.word_embeddings.weight"
    model.parameters[name] = model.parameters[name] * (1 + 1e-9)
    report = check(path, model)
    assert report.first.name == "bert.embeddings.word_embeddings"  # type: ignore[union-attr]


@pytest.mark.parametrize("step", ["diff", "check"])
def test_memory_is_about_one_layer(tmp_path: Path, step: str) -> None:
    config = mb.BertConfig(
        vocab_size=200, hidden_size=96, num_hidden_layers=4, num_attention_heads=4, intermediate_size=384,
        max_position_embeddings=96,
    )  # fmt: skip
    model = mb.BertModel(config, seed=0)
    ids = np.random.default_rng(0).integers(1, 200, size=(4, 96))
    seed = {"last_hidden_state": np.ones((4, 96, 96), np.float32)}
    path = record(model, {"input_ids": ids}, tmp_path / "p", backward=seed)
    pack = open_pack(path)
    layer = sum(pack[name].nbytes for name in pack if ".layer.1." in name)
    whole = sum(pack[name].nbytes for name in pack)
    assert whole > 3.5 * layer
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        report = diff(path, path) if step == "diff" else check(path, model)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert report.ok
    assert any(row.kind == "parameter gradient" for row in report)
    assert peak <= 1.5 * layer, f"{peak / layer:.2f} layers"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"inputs": None}, "record needs inputs, or text and tokenizer to make them of."),
    ({"inputs": [1]}, "inputs is a list: a dict of the model's arguments belongs there."),
    ({"inputs": {"input_ids": [[1]], "trace": mb.Trace()}}, "inputs has 'trace', which is no input of the model"),
    ({"inputs": {"input_ids": [[1]], "labels": mb.Cache()}}, "a Cache: a pack can hold arrays of numbers"),
    ({"inputs": {"input_ids": [[99]]}}, "99"),
    ({"inputs": {"input_ids": [[1]]}, "backward": True}, "the call had no labels, so there is no loss"),
    ({"inputs": {"input_ids": [[1]]}, "backward": {"nothing": 1.0}}, "'nothing' is neither an output of the call"),
    (
        {"inputs": {"input_ids": [[1]]}, "backward": {"bert.extended_attention_mask": np.zeros((1, 1, 1, 1))}},
        "no gradient can enter at bert.extended_attention_mask: nothing learned leads there.",
    ),
    ({"inputs": {"input_ids": [[1]]}, "training": {"step": 1}}, "training has an unknown 'step': it takes steps"),
    ({"inputs": {"input_ids": [[1]]}, "training": {"steps": 0}}, "training has steps 0: a number from 1 on"),
    ({"inputs": {"input_ids": [[1]]}, "training": 3}, "training is a int: Training(steps=10) belongs there."),
    ({"inputs": {"input_ids": [[1]]}, "training": Training()}, "training steps need a loss"),
    ({"inputs": {"input_ids": [[1]]}, "text": 3, "tokenizer": object()}, "text is 3: a text or a list of texts"),
    ({"inputs": {"input_ids": [[1]]}, "dtype": "int8"}, "dtype 'int8' is not one that models compute in"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[text[:40] for _, text in BAD])
def test_bad_arguments_are_one_sentence(tmp_path: Path, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(mb.MinibertError) as caught:
        record(bert(), path=tmp_path / "p", **arguments)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())  # nothing half written


def test_bad_places_and_models(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match=r"cannot be written: there is no folder"):
        record(bert(), batch(), tmp_path / "none" / "p")
    with pytest.raises(GoldenError, match=r"record takes a model of minibert, not a dict: see record_reference\."):
        record({}, batch(), tmp_path / "p")  # type: ignore[arg-type]
    exotic = bert().train(np.random.Generator(np.random.MT19937(0)))
    with pytest.raises(GoldenError, match="drops out from a MT19937 generator"):
        record(exotic, batch(), tmp_path / "p")
