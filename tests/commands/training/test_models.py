"""The model of a run: new, of a checkpoint, or of the run's own last one; and what does not fit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.commands.training import models
from minibert.weights import open_checkpoint
from tests.commands.training_runs import options_of
from tests.small_checkpoints import FAMILIES, POSITIONS, config, save, tokenizer

TEXTS, WORDS = ("--task", "text-classification", "moods.tsv"), ("--task", "token-classification", "names.conll")


def filling(*options: str) -> dict[str, Any]:
    return options_of("--task", "fill-mask", *options, "corpus.txt")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_model_fits_its_tokenizer(family: str) -> None:
    own = tokenizer(family)
    sizes = ("--hidden-size", "16", "--num-hidden-layers", "1", "--max-length", "24", "--dropout", "0.3")
    made = models.new_model(filling("--family", family, *sizes), own).config
    assert (made.model_type, made.vocab_size, made.pad_token_id) == (family, len(own), own.pad_token_id)
    assert (made.hidden_size, made.intermediate_size, made.num_hidden_layers) == (16, 64, 1)
    assert made.hidden_dropout_prob == made.attention_probs_dropout_prob == 0.3
    assert made.max_position_embeddings == (26 if family == "roberta" else 24)  # RoBERTa counts from the padding on
    assert made.initializer_range == pytest.approx(0.02 * 48**0.5, abs=1e-4)
    if family == "rembert":
        assert (made.input_embedding_size, made.output_embedding_size) == (8, 16)


def test_a_new_model_has_the_sizes_of_a_file(tmp_path: Path) -> None:
    config("bert", num_hidden_layers=1).save_pretrained(tmp_path)
    made = models.new_model(filling("--config", str(tmp_path)), tokenizer("bert")).config
    assert (made.num_hidden_layers, made.hidden_size, made.vocab_size) == (1, 24, len(tokenizer("bert")))


def test_a_tokenizer_of_another_family_is_refused() -> None:
    words = "^the tokenizer is of the bert family, and the model of roberta: give --family"
    with pytest.raises(mb.InputError, match=words):
        models.new_model(filling("--family", "roberta"), tokenizer("bert"))


def test_the_seed_gives_the_weights() -> None:
    name = "bert.encoder.layer.0.output.dense.weight"
    one, same, other = (
        models.new_model(filling("--hidden-size", "16", "--seed", seed), tokenizer("bert")).state_dict()[name]
        for seed in ("1", "1", "2")
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def loaded(folder: Path, *task: str) -> Any:
    return models.loaded_model(options_of("--model", str(folder), *task), {"id2label": {0: "a", 1: "b", 2: "c"}})


def test_a_head_for_the_same_task_goes_on(tmp_path: Path) -> None:
    labels = {0: "a", 1: "b", 2: "c"}
    save("bert", "ForSequenceClassification", tmp_path, id2label=labels)
    stored = open_checkpoint(tmp_path)["classifier.weight"]
    assert models.has_head(options_of("--model", str(tmp_path), *TEXTS))
    assert np.array_equal(loaded(tmp_path, *TEXTS).state_dict()["classifier.weight"], stored)
    anew = loaded(tmp_path, "--new-head", *TEXTS).state_dict()["classifier.weight"]
    assert np.abs(anew - stored).max() > 0.1


def test_a_head_of_another_task_is_not_taken_over(tmp_path: Path) -> None:
    """A classifier of texts has parameters of the same names and shapes as one of words."""
    save("bert", "ForSequenceClassification", tmp_path, num_labels=3)
    stored = open_checkpoint(tmp_path)
    assert not models.has_head(options_of("--model", str(tmp_path), *WORDS))
    found = loaded(tmp_path, *WORDS)
    assert type(found) is mb.BertForTokenClassification
    assert np.abs(found.state_dict()["classifier.weight"] - stored["classifier.weight"]).max() > 0.1
    assert not found.state_dict()["classifier.bias"].any()
    name = "bert.encoder.layer.0.output.dense.weight"
    assert np.array_equal(found.state_dict()[name], stored[name])


def test_a_run_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    options = filling()
    assert models.resumed_model(options, tmp_path) is None
    for step, seed in ((2, 0), (10, 1)):
        save("bert", "ForMaskedLM", tmp_path / f"checkpoint-{step}", seed=seed)
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text("{}")
    last = open_checkpoint(tmp_path / "checkpoint-10")
    found = models.resumed_model(options, tmp_path).state_dict()
    assert all(np.array_equal(found[name], last[name]) for name in found)


def test_dtype_and_device() -> None:
    assert models.place_of(filling()) == {"dtype": "float32"}
    assert models.place_of(filling("--dtype", "float64", "--device", "-1")) == {"dtype": "float64", "backend": "numpy"}
    assert models.place_of(filling("--device", "cupy")) == {"dtype": "float32", "backend": "cupy"}
    with pytest.raises(mb.MinibertError, match="device is 7"):
        models.place_of(filling("--device", "7"))


def test_a_tokenizer_with_more_tokens_than_the_model() -> None:
    own = tokenizer("bert")
    models.check_vocabulary(mb.BertForMaskedLM(config("bert", vocab_size=len(own))), own)
    with pytest.raises(mb.ConfigError) as error:
        models.check_vocabulary(mb.BertForMaskedLM(config("bert", vocab_size=len(own) - 1)), own)
    assert str(error.value) == (
        f"the tokenizer has {len(own)} tokens, and the model's vocabulary {len(own) - 1}: they are not of one "
        "checkpoint."
    )


def test_the_longest_text_is_as_long_as_there_are_positions() -> None:
    for positions, given, length in ((POSITIONS, None, POSITIONS), (512, None, 128), (512, 300, 300)):
        options = {"max_length": given}
        models.set_length(options, config("bert", max_position_embeddings=positions))
        assert options["max_length"] == length
    with pytest.raises(mb.InputError, match=r"^--max-length is 65, and the model has positions for 64 tokens\.$"):
        models.set_length({"max_length": 65}, config("bert"))
