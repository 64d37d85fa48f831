"""A model and its files: mapped or read whole, of one save, finite, and refused before anything is written."""

import os
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from tests.small_checkpoints import config

IDS = {"input_ids": [[1, 2, 3]]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mb.BertModel(config("bert"), seed=1).save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def _always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is asked for the file at each call, not once a millisecond."""
    monkeypatch.setattr("minibert.weights.safetensors.PAUSE", 0)


def overwrite(path: Path) -> None:
    content = path.read_bytes()
    status = path.stat()
    path.write_bytes(content[:-400] + bytes(400))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


@pytest.mark.usefixtures("_always_asked")
@pytest.mark.parametrize("change", [overwrite, lambda path: os.truncate(path, 100)], ids=["overwritten", "cut short"])
def test_a_file_that_was_rewritten_in_place_is_no_longer_used(folder: Path, change: Any) -> None:
    model = mb.BertModel.from_pretrained(folder)
    model(**IDS)
    change(folder / "model.safetensors")
    with pytest.raises(mb.WeightFileError, match=r"model\.safetensors was rewritten in place since it was opened \("):
        model(**IDS)


@pytest.mark.usefixtures("_always_asked")
def test_weights_that_were_read_whole_or_replaced_do_not_care(folder: Path) -> None:
    whole = mb.BertModel.from_pretrained(folder, mapped=False)
    wide = mb.BertModel.from_pretrained(folder, dtype="float64")
    trained = mb.BertModel.from_pretrained(folder)
    trained.load_state_dict(whole.state_dict())
    before = [model(**IDS).last_hidden_state for model in (whole, wide, trained)]
    overwrite(folder / "model.safetensors")
    for model, hidden in zip((whole, wide, trained), before, strict=True):
        assert np.array_equal(model(**IDS).last_hidden_state, hidden)


@pytest.mark.usefixtures("_always_asked")
@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that is mapped")
def test_a_model_saved_over_its_own_files_goes_on(folder: Path) -> None:
    model = mb.BertModel.from_pretrained(folder)
    before = model(**IDS).last_hidden_state
    mb.BertModel(config("bert"), seed=2).save_pretrained(folder)
    model.save_pretrained(folder)
    assert np.array_equal(model(**IDS).last_hidden_state, before)
    assert np.array_equal(mb.BertModel.from_pretrained(folder)(**IDS).last_hidden_state, before)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_not_saved(folder: Path, value: float) -> None:
    model = mb.BertModel.from_pretrained(folder)
    weights = model.state_dict()
    weights["pooler.dense.bias"] = np.full_like(weights["pooler.dense.bias"], value)
    model.load_state_dict(weights)
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(mb.NotFiniteError) as caught:
        model.save_pretrained(folder)
    assert str(caught.value) == (
        f"the weight 'pooler.dense.bias' holds {value} at [0]: nothing was saved; allow_nonfinite=True lets it."
    )
    assert (folder / "model.safetensors").read_bytes() == before
    model.save_pretrained(folder, allow_nonfinite=True)
    again = mb.BertModel.from_pretrained(folder).state_dict()
    assert np.array_equal(again["pooler.dense.bias"], weights["pooler.dense.bias"], equal_nan=True)


def test_a_model_that_is_loaded_while_it_is_saved_is_of_one_save(tmp_path: Path) -> None:
    models = [mb.BertModel(config("bert", num_hidden_layers=layers), seed=layers) for layers in (1, 2)]
    expected = {model.config.num_hidden_layers: model(**IDS).last_hidden_state for model in models}
    models[0].save_pretrained(tmp_path)
    stop = threading.Event()

    def save() -> None:
        for _ in range(1000):
            for model in models:
                model.save_pretrained(tmp_path)
            if stop.is_set():
                return

    writer = threading.Thread(target=save)
    writer.start()
    try:
        for _ in range(40):
            model = mb.BertModel.from_pretrained(tmp_path, add_pooling_layer=True)
            assert np.array_equal(model(**IDS).last_hidden_state, expected[model.config.num_hidden_layers])
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("found", [5, None, "bert", {}, mb.RemBertConfig(), mb.RobertaConfig()], ids=str)
def test_another_configuration(folder: Path, found: Any) -> None:
    text = f"BertModel takes a BertConfig, not a {type(found).__name__}."
    with pytest.raises(mb.ConfigError) as caught:
        mb.BertModel(found)
    assert str(caught.value) == text
    if found is not None:
        with pytest.raises(mb.ConfigError) as caught:
            mb.BertModel.from_pretrained(folder, config=found)
        assert str(caught.value) == text


def test_no_configuration_for_an_auto_class(folder: Path) -> None:
    text = "AutoModel takes a configuration of bert, roberta, rembert, not 5."
    for use in (lambda: mb.AutoModel.from_config(5), lambda: mb.AutoModel.from_pretrained(folder, config=5)):
        with pytest.raises(mb.ConfigError) as caught:
            use()
        assert str(caught.value) == text


@pytest.mark.parametrize("seed", [-1, 1.5, "x", None, True])
def test_a_seed_is_a_whole_number(folder: Path, seed: Any) -> None:
    for make, source in ((mb.BertModel, config("bert")), (mb.BertModel.from_pretrained, folder)):
        with pytest.raises(mb.InputError) as caught:
            make(source, seed=seed)
        assert str(caught.value) == f"seed is {seed!r}: an integer of 0 or more belongs there."


@pytest.mark.parametrize("name", [None, 5, ""])
def test_what_names_no_checkpoint(name: Any) -> None:
    for cls in (mb.BertModel, mb.AutoModel):
        with pytest.raises(mb.WeightFileError) as caught:
            cls.from_pretrained(name)
        assert str(caught.value) == f"{name!r} is neither a folder nor the name of a checkpoint."


def test_warnings_have_their_kinds(folder: Path) -> None:
    with pytest.warns(mb.NewWeightsWarning, match="classifier"):
        mb.BertForSequenceClassification.from_pretrained(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", mb.SlowWarning)
        mb.BertModel.from_pretrained(folder, dtype="float16")
