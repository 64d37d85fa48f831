"""`minibert info`: the card against the model itself, its words, and every mistake."""

import json
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.cli import main
from minibert.commands.card.gather import gather_card
from minibert.commands.card.memory import _kept_by, kept_bytes
from minibert.commands.card.text import card_text
from minibert.models.auto import class_of_checkpoint
from tests.small_checkpoints import FAMILIES, POSITIONS, model, save

HEADS = ("Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering",
         "ForMultipleChoice", "ForCausalLM")  # fmt: skip
CASES = [(family, head) for family in FAMILIES for head in HEADS]


def card_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["info", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


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
    assert max(len(line) for line in card_text(card, 120).splitlines()) <= 120


@pytest.mark.parametrize(("family", "head"), CASES)
def test_kept_bytes_are_those_of_the_model_itself(family: str, head: str) -> None:
    whole = model(family, head, num_hidden_layers=4)
    kept = kept_bytes(type(whole), whole.config, 3, 35)
    assert kept.backward == _kept_by(whole, 3, 35, "backward")
    assert kept.trace == _kept_by(whole, 3, 35, "*")


def test_the_lower_bounds_hold_and_are_near(tmp_path: Path) -> None:
    """A real pass, measured: it takes at least what the card says, and not many times that."""
    sizes = {"hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 384, "vocab_size": 900}
    save("bert", "ForMaskedLM", tmp_path, **sizes)
    memory = gather_card(str(tmp_path), 8, 63)["memory"]
    trained = mb.BertForMaskedLM.from_pretrained(tmp_path)
    optimizer, ids = mb.AdamW(trained, 1e-3), np.full((8, 63), 7)
    labels = trained.example_labels(trained.config, ids)
    own = memory["weights"]["float32"]

    def peak(step: Any) -> int:
        tracemalloc.start()
        step()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    def train() -> None:
        trained.train(0)
        trace = mb.Trace("backward")
        trained(input_ids=ids, **labels, trace=trace)
        optimizer.step(trained.backward(trace))

    forward = own + peak(lambda: trained(input_ids=ids))
    assert memory["forward_at_least"] <= forward <= 2.5 * memory["forward_at_least"]
    training = own + peak(train)
    assert 0.9 * memory["training_at_least"] <= training <= 2 * memory["training_at_least"]


def test_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for family, words in (
        ("bert", ("x Φ(x), exact, with erf", "[CLS] A [SEP]; pairs [CLS] A [SEP] B [SEP]", "0, 1, 2, ...",
                  "cls.predictions.decoder.weight is bert.embeddings.word_embeddings.weight", "lower-cased",
                  "row 0 of bert.embeddings.word_embeddings.weight", "epsilon 1e-12")),
        ("roberta", ("2, 3, ... over tokens other than padding, 1 for padding", "<s> A </s>; pairs <s> A </s> </s> B",
                     "pairs are told apart by </s></s>", "exact gelu (whatever hidden_act is)",
                     "row 1 of roberta.embeddings.position_embeddings.weight")),
        ("rembert", ("10 wide, then mapped to 24", "Viterbi", "tied weights none")),
    ):  # fmt: skip
        save(family, "ForMaskedLM", tmp_path / family)
        assert main(["info", str(tmp_path / family)]) == 0
        out = " ".join(capsys.readouterr().out.split())
        assert [each for each in words if each not in out] == []
        assert "* hidden_size 24 (" in out


def test_tanh_activation_and_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("bert", "ForTokenClassification", tmp_path, hidden_act="gelu_new", id2label={0: "O", 1: "B-X", 2: "I-X"})
    card = card_of(capsys, str(tmp_path))
    assert card["labels"] == ["O", "B-X", "I-X"]
    assert card["semantics"]["activation"] == "gelu_new: GELU approximated with tanh"
    assert card["semantics"]["pooler"] == "none"
    assert card["tasks"] == ["token-classification", "feature-extraction"]


def test_texts_and_tokens_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("bert", "ForMaskedLM", tmp_path)
    one, two = (card_of(capsys, str(tmp_path), "--texts", n, "--tokens", "21")["memory"] for n in "12")
    assert (one["texts"], two["texts"], one["tokens"]) == (1, 2, 21)
    assert 1.9 < two["kept_for_backward"] / one["kept_for_backward"] <= 2
    assert card_of(capsys, str(tmp_path))["memory"]["tokens"] == POSITIONS


def test_a_configuration_alone_has_a_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mb.BertConfig().save_pretrained(tmp_path)
    card = card_of(capsys, str(tmp_path))
    assert card["parameters"]["total"] == 109_482_240
    assert card["weights"]["missing"].startswith(f"{tmp_path} holds no weights")
    assert (
        "nothing here says which tokenizer" in card["tokenizer"]["missing"] or "vocab" in card["tokenizer"]["missing"]
    )
    assert main(["info", str(tmp_path)]) == 0
    assert "none  " in capsys.readouterr().out


def test_what_does_not_fit_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("bert", "ForMaskedLM", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["architectures"] = ["BertForSequenceClassification"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert main(["info", str(tmp_path)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "initialised 4 (a head that would be drawn at random): " in out
    assert "ignored 5 (in the file, and not needed by this class): cls.predictions" in out


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("roberta", "ForMaskedLM", tmp_path / "good")
    shutil.copytree(tmp_path / "good", tmp_path / "cut")
    whole = (tmp_path / "good" / "model.safetensors").read_bytes()
    (tmp_path / "cut" / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        (["good", "--texts", "0"], "--texts is 0: a number of at least 1 belongs there."),
        (["good", "--tokens", "-1"], "--tokens is -1: a number of at least 1 belongs there."),
        (["good", "--tokens", "63"], "the model has positions for 62 tokens, not for 63."),
        (["cut"], "model.safetensors"),
        (["empty"], "config.json: there is no such file, but the configuration is needed."),
        (["missing"], "there is no such folder."),
    ):
        assert main(["info", str(tmp_path / arguments[0]), *arguments[1:]]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("minibert: ")
        assert message in captured.err
        assert captured.err.count("\n") == 1
