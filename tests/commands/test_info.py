"""`minibert info`: the card as text and as JSON, and every mistake. What a card says is tested in card/."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from minibert.cli import main
from minibert.commands.card.gather import gather_card
from tests.small_checkpoints import save


def card_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["info", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


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


def test_json_is_the_card_for_so_many_texts_and_tokens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save("bert", "ForMaskedLM", tmp_path)
    assert card_of(capsys, str(tmp_path), "--texts", "2", "--tokens", "21") == gather_card(str(tmp_path), 2, 21)
    assert card_of(capsys, str(tmp_path)) == gather_card(str(tmp_path))


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
