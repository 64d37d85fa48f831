"""What a card says, against the loaded model, its files and its tokenizer."""

import json
from pathlib import Path

import pytest

import minibert as mb
from minibert.commands.card.gather import gather_card, positions_of
from minibert.models.auto import class_of_checkpoint
from tests.commands.card.cases import CASES
from tests.small_checkpoints import FAMILIES, POSITIONS, model, save, tokenizer


@pytest.mark.parametrize(("family", "head"), CASES)
def test_the_card_is_of_the_model(family: str, head: str, tmp_path: Path) -> None:
    save(family, head, tmp_path)
    card = gather_card(str(tmp_path))
    loaded = class_of_checkpoint(tmp_path).from_pretrained(tmp_path)
    assert card["class"] == type(loaded).__name__
    assert card["parameters"]["total"] == sum(array.size for array in loaded.state_dict().values())
    assert sum(part["parameters"] for part in card["parameters"]["parts"]) == card["parameters"]["total"]
    assert card["parameters"]["tied"] == loaded.parameters.tied
    assert card["memory"]["weights"]["float32"] == sum(array.nbytes for array in loaded.state_dict().values())
    kinds = {kind: card["weights"][kind] for kind in ("missing", "mismatched", "initialised", "unexpected")}
    assert kinds == {"missing": [], "mismatched": {}, "initialised": [], "unexpected": []}
    assert card["weights"]["files"] == [
        {"name": "model.safetensors", "bytes": (tmp_path / "model.safetensors").stat().st_size}
    ]
    assert card["config"]["hidden_size"] == {"value": 24, "default": type(loaded.config)().hidden_size}
    assert "default" not in card["config"]["type_vocab_size"]


def test_layers_count_alike_and_what_is_tied_counts_once(tmp_path: Path) -> None:
    save("bert", "ForMaskedLM", tmp_path)
    parameters = gather_card(str(tmp_path))["parameters"]
    parts = {each["part"]: each["parameters"] for each in parameters["parts"]}
    assert parts["encoder.layer.0"] == parts["encoder.layer.1"]
    assert parts["embeddings.word_embeddings"] == 24 * (len(tokenizer("bert")) + 3)
    assert parameters["tied"]["cls.predictions.decoder.weight"] == "bert.embeddings.word_embeddings.weight"
    assert parameters["total"] == model("bert", "ForMaskedLM").num_parameters()


def test_texts_and_tokens_count(tmp_path: Path) -> None:
    save("bert", "ForMaskedLM", tmp_path)
    one, two = (gather_card(str(tmp_path), texts, 21)["memory"] for texts in (1, 2))
    assert (one["texts"], two["texts"], one["tokens"]) == (1, 2, 21)
    assert 1.9 < two["kept_for_backward"] / one["kept_for_backward"] <= 2
    assert gather_card(str(tmp_path))["memory"]["tokens"] == POSITIONS


def test_the_most_tokens_are_those_that_the_model_takes() -> None:
    for family in FAMILIES:
        encoder = model(family, "Model")
        most = positions_of(encoder.config)
        ids = [[tokenizer(family).mask_token_id] * most]
        assert encoder(input_ids=ids).last_hidden_state.shape[1] == most
        with pytest.raises(mb.InputError, match=f"positions for {most}"):
            encoder(input_ids=[ids[0] + ids[0][:1]])


def test_more_tokens_than_positions_are_refused(tmp_path: Path) -> None:
    save("roberta", "ForMaskedLM", tmp_path)
    with pytest.raises(mb.InputError, match=r"^the model has positions for 62 tokens, not for 63\.$"):
        gather_card(str(tmp_path), tokens=63)


def test_a_configuration_alone_has_a_card(tmp_path: Path) -> None:
    mb.BertConfig().save_pretrained(tmp_path)
    card = gather_card(str(tmp_path))
    assert card["parameters"]["total"] == 109_482_240
    assert card["weights"]["missing"].startswith(f"{tmp_path} holds no weights")
    assert (
        "nothing here says which tokenizer" in card["tokenizer"]["missing"] or "vocab" in card["tokenizer"]["missing"]
    )


def test_another_class_than_the_weights(tmp_path: Path) -> None:
    save("bert", "ForMaskedLM", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["BertForSequenceClassification"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    weights = gather_card(str(tmp_path))["weights"]
    assert sorted(weights["initialised"]) == [
        "bert.pooler.dense.bias", "bert.pooler.dense.weight", "classifier.bias", "classifier.weight",
    ]  # fmt: skip
    assert {name.partition(".")[0] for name in weights["ignored"]} == {"cls"}


def test_a_bare_encoder_whose_file_has_no_pooler(tmp_path: Path) -> None:
    mb.BertModel(model("bert", "Model").config, add_pooling_layer=False).save_pretrained(tmp_path)
    card = gather_card(str(tmp_path))
    assert card["class"] == "BertModel"
    assert card["weights"]["missing"] == []
    assert card["semantics"]["pooler"] == "none"


def test_the_tokenizer_is_described(tmp_path: Path) -> None:
    save("bert", "ForMaskedLM", tmp_path)
    own, said = tokenizer("bert"), gather_card(str(tmp_path))["tokenizer"]
    assert (said["class"], said["vocabulary"], said["added"]) == ("BertTokenizer", len(own), 0)
    assert said["special_tokens"]["mask_token"] == [own.mask_token, own.mask_token_id]
    assert (said["model_max_length"], said["padding_side"]) == (POSITIONS - 4, "right")


def test_labels_and_tasks_are_those_of_the_class(tmp_path: Path) -> None:
    save("bert", "ForTokenClassification", tmp_path, id2label={0: "O", 1: "B-X", 2: "I-X"})
    card = gather_card(str(tmp_path))
    assert card["labels"] == ["O", "B-X", "I-X"]
    assert card["tasks"] == ["token-classification", "feature-extraction"]
