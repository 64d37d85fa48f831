"""`minibert tokenize`."""

import io
import json
import sys
from pathlib import Path

import pytest

from minibert.cli import main
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with the tokenizer of a few pieces."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "e", "!", "οδος", "οδοσ"]
    path = tmp_path_factory.mktemp("tokenizer")
    BertTokenizer(vocab={token: i for i, token in enumerate(tokens)}).save_pretrained(path)
    return str(path)


def test_tokens_with_their_ids(folder: str, capsys: Capture) -> None:
    assert main(["tokenize", "--model", folder, "Unaffable!", "É zz"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "[CLS] (2) un (5) ##aff (6) ##able (7) ! (9) [SEP] (3)",
        "[CLS] (2) e (8) [UNK] (1) [SEP] (3)",
    ]


def test_json(folder: str, capsys: Capture) -> None:
    assert main(["tokenize", "--model", folder, "--json", "É!", ""]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {
        "text": "É!", "tokens": ["[CLS]", "e", "!", "[SEP]"], "ids": [2, 8, 9, 3],
        "offsets": [[0, 0], [0, 1], [1, 2], [0, 0]],
    }  # fmt: skip
    assert second["ids"] == [2, 3]


def test_explain(folder: str, capsys: Capture) -> None:
    assert main(["tokenize", "--model", folder, "--explain", "Unaffable"]) == 0
    text = capsys.readouterr().out
    assert "unaffable" in text  # normalised
    assert [piece for piece in ("un", "##aff", "##able") if piece not in text] == []
    assert main(["tokenize", "--model", folder, "--explain", "--json", "Unaffable"]) == 0
    steps = json.loads(capsys.readouterr().out)
    assert steps["ids"] == [2, 5, 6, 7, 3]
    assert steps["text"] == "Unaffable"


def test_explained_merges(tmp_path: Path, capsys: Capture) -> None:
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "l", "o", "w", "Ġ", "lo", "low"]
    merges = [("l", "o"), ("lo", "w")]
    RobertaTokenizer(vocab={token: i for i, token in enumerate(vocab)}, merges=merges).save_pretrained(tmp_path)
    assert main(["tokenize", "--model", str(tmp_path), "--explain", "low"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    at = lines.index("bytes: l o w")
    assert lines[at : at + 4] == ["bytes: l o w", "merge 0: l + o -> lo w", "merge 1: lo + w -> low", "= low (10)"]


def test_lines_of_standard_input(folder: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("un\n!\n"))
    assert main(["tokenize", "--model", folder]) == 0
    assert capsys.readouterr().out == "[CLS] (2) un (5) [SEP] (3)\n[CLS] (2) ! (9) [SEP] (3)\n"


def test_the_original_profile(folder: str, capsys: Capture) -> None:
    for profile, token in (("transformers", "οδοσ (11)"), ("original", "οδος (10)")):
        assert main(["tokenize", "--model", folder, "--profile", profile, "ΟΔΟΣ"]) == 0
        assert token in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--model", "{folder}", "a\ud800"], 1, "The text holds a lone surrogate, U+D800, at position 1"),
        (["--model", "{folder}/none", "a"], 1, "none"),
        (["--model", "{folder}", "--profile", "google", "a"], 2, "invalid choice: 'google'"),
        (["a"], 2, "--model"),
    ],
)
def test_mistakes(folder: str, capsys: Capture, arguments: list[str], code: int, sentence: str) -> None:
    given = [argument.replace("{folder}", folder) for argument in arguments]
    try:
        result = main(["tokenize", *given])
    except SystemExit as stop:
        result = int(stop.code or 0)
    captured = capsys.readouterr()
    assert result == code
    assert sentence in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


def test_no_text_at_all(folder: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["tokenize", "--model", folder]) == 1
    assert "there is no text" in capsys.readouterr().err
