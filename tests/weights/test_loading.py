"""Reading what a plan says: values, ties compared bit for bit, dtypes; and a real checkpoint end to end."""

import json
import struct

import numpy as np
import pytest

from minibert.errors import WeightFileError
from minibert.weights import open_checkpoint, plan_loading, read_planned, save_checkpoint
from minibert.weights.loading import first_difference

TIED = {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}
WORDS, COPY = TIED["cls.predictions.decoder.weight"], "cls.predictions.decoder.weight"


def load(folder, model, tied=None, **options):
    checkpoint = open_checkpoint(folder)
    return read_planned(plan_loading(model, checkpoint.shapes, tied, "bert", source="here", **options), checkpoint)


def test_arrays_come_under_the_model_s_names_without_a_copy(tmp_path):
    words = np.arange(12, dtype=np.float32).reshape(4, 3)
    save_checkpoint(tmp_path, {"embeddings.word_embeddings.weight": words, "embeddings.LayerNorm.gamma": words[0]})
    checkpoint = open_checkpoint(tmp_path)
    model = {WORDS: (4, 3), "bert.embeddings.LayerNorm.weight": (3,)}
    arrays = read_planned(plan_loading(model, checkpoint.shapes, None, "bert"), checkpoint)
    assert set(arrays) == set(model)
    assert np.array_equal(arrays[WORDS], words)
    assert np.shares_memory(arrays[WORDS], checkpoint["embeddings.word_embeddings.weight"])


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_equal_copies_are_accepted(tmp_path, dtype):
    words = np.random.default_rng(0).standard_normal((400, 300)).astype(dtype)
    words[1, 1] = np.nan
    save_checkpoint(tmp_path, {WORDS: words, COPY: words})
    arrays = load(tmp_path, {WORDS: (400, 300)}, TIED)
    assert list(arrays) == [WORDS]


@pytest.mark.parametrize(("place", "text"), [((0, 0), "[0, 0]"), ((399, 299), "[399, 299]"), ((200, 7), "[200, 7]")])
def test_a_copy_that_differs_anywhere_is_refused(tmp_path, place, text):
    words = np.zeros((400, 300), np.float32)
    copy = words.copy()
    copy[place] = 1e-45
    save_checkpoint(tmp_path, {WORDS: words, COPY: copy})
    with pytest.raises(WeightFileError) as caught:
        load(tmp_path, {WORDS: (400, 300)}, TIED)
    assert str(caught.value) == (
        f"here: the model ties {COPY!r} to {WORDS!r}, but in the checkpoint they differ, first at {text}: "
        f"{copy[place]!s} and 0.0. If they are meant to differ, pass tie_word_embeddings=False; else the checkpoint "
        "is damaged."
    )


def test_copies_of_different_dtypes_are_compared_by_value(tmp_path):
    words = np.arange(12, dtype=np.float16).reshape(4, 3)
    save_checkpoint(tmp_path, {WORDS: words.astype(np.float64), COPY: words})
    assert load(tmp_path, {WORDS: (4, 3)}, TIED)[WORDS].dtype == np.float64
    save_checkpoint(tmp_path, {WORDS: words.astype(np.float64) + 1e-9, COPY: words})
    with pytest.raises(WeightFileError, match=r"first at \[0, 0\]: 0.0 and 1e-09"):
        load(tmp_path, {WORDS: (4, 3)}, TIED)


def test_brain_floats_that_are_copies(tmp_path):
    bits = np.array([0x3F80, 0x4000, 0x7FC1], "<u2").tobytes()
    header = {
        name: {"dtype": "BF16", "shape": [3], "data_offsets": [start, start + 6]}
        for name, start in ((WORDS, 0), (COPY, 6))
    }
    text = json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text + bits + bits)
    assert load(tmp_path, {WORDS: (3,)}, TIED)[WORDS].tolist()[:2] == [1, 2]
    path.write_bytes(struct.pack("<Q", len(text)) + text + bits + bits[:4] + b"\xc2\x7f")
    with pytest.raises(WeightFileError, match=r"first at \[2\]: nan and nan"):
        load(tmp_path, {WORDS: (3,)}, TIED)


def test_the_first_difference():
    one = np.zeros((3, 70_000), np.float32)
    assert first_difference(one, one.copy()) is None
    two = one.copy()
    two[1, 3] = two[2, 5] = 1
    assert first_difference(one, two) == (1, 3)
    assert first_difference(np.array([0.0]), np.array([-0.0])) == (0,)
    assert first_difference(np.array([np.nan]), np.array([np.nan])) is None
    assert first_difference(np.empty((0, 3)), np.empty((0, 3))) is None
    assert first_difference(np.array(1.0), np.array(2.0)) == ()


@pytest.mark.parametrize("dtype", ["i8", "u1", "?"])
def test_weights_that_are_not_floats_are_refused(tmp_path, dtype):
    save_checkpoint(tmp_path, {WORDS: np.ones((4, 3), dtype)})
    with pytest.raises(WeightFileError) as caught:
        load(tmp_path, {WORDS: (4, 3)})
    stored = {"i8": "I64", "u1": "U8", "?": "BOOL"}[dtype]
    assert str(caught.value) == (
        f"here: the weight {WORDS!r} is stored as {stored}, not as floating-point numbers. "
        "Quantised checkpoints are not read; use the original."
    )


def test_buffers_may_be_integers(tmp_path):
    save_checkpoint(tmp_path, {WORDS: np.ones((4, 3)), "bert.embeddings.position_ids": np.arange(5)[None]})
    assert list(load(tmp_path, {WORDS: (4, 3)})) == [WORDS]


def test_nothing_is_read_when_the_plan_does_not_fit(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, {WORDS: np.ones((4, 3))})
    monkeypatch.setattr("minibert.weights.checkpoint.Checkpoint.__getitem__", lambda *a: pytest.fail("read a tensor"))
    monkeypatch.setattr("minibert.weights.checkpoint.Checkpoint.raw", lambda *a: pytest.fail("read a tensor"))
    with pytest.raises(WeightFileError, match="does not fit the model"):
        load(tmp_path, {WORDS: (5, 3)})
    with pytest.raises(WeightFileError, match="lacks 1 weight"):
        load(tmp_path, {WORDS: (4, 3), "bert.embeddings.x": (1,)})


@pytest.mark.reference
@pytest.mark.parametrize("family", ["bert", "roberta", "rembert"])
def test_checkpoints_of_transformers_load_whole(tmp_path, family):
    """What transformers writes for its masked language models, against its own names."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    name = {"bert": "Bert", "roberta": "Roberta", "rembert": "RemBert"}[family]
    config = getattr(transformers, f"{name}Config")(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        input_embedding_size=8, output_embedding_size=12,
    )  # fmt: skip
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForMaskedLM")(config)
    model.save_pretrained(tmp_path)
    state = {key: value.numpy() for key, value in model.state_dict().items()}
    tied = {}
    if family != "rembert":
        words = f"{family}.embeddings.word_embeddings.weight"
        head = "lm_head" if family == "roberta" else "cls.predictions"
        tied = {f"{head}.decoder.weight": words, f"{head}.decoder.bias": f"{head}.bias"}
    shapes = {key: value.shape for key, value in state.items() if key not in tied}
    checkpoint = open_checkpoint(tmp_path)
    plan = plan_loading(shapes, checkpoint.shapes, tied, family)
    arrays = read_planned(plan, checkpoint)
    assert plan.report.complete
    assert {key: value.tobytes() for key, value in arrays.items()} == {key: state[key].tobytes() for key in shapes}
    encoder = {key.removeprefix(f"{family}."): value.shape for key, value in state.items() if key.startswith(family)}
    bare = plan_loading(encoder, checkpoint.shapes, None, family)
    bare.check()
    assert set(bare.report.loaded) == set(encoder)


def test_a_brain_float_copy_of_a_wider_original(tmp_path):
    header = {
        WORDS: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        COPY: {"dtype": "BF16", "shape": [2], "data_offsets": [8, 12]},
    }
    text = json.dumps(header).encode()
    data = np.array([1, 2], "<f4").tobytes() + np.array([0x3F80, 0x4000], "<u2").tobytes()
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    assert load(tmp_path, {WORDS: (2,)}, TIED)[WORDS].tolist() == [1, 2]
