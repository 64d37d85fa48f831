"""The card as text: sections, layers that share a line, what does not fit in words, and its width."""

import copy
from pathlib import Path
from typing import Any

import pytest

import minibert as mb
from minibert.commands.card.gather import gather_card
from minibert.commands.card.text import card_text
from tests.commands.card.cases import CASES
from tests.small_checkpoints import save


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return gather_card(str(save("bert", "ForMaskedLM", tmp_path_factory.mktemp("bert"))))


@pytest.mark.parametrize(("family", "head"), CASES)
def test_no_line_is_wider_than_asked_for(family: str, head: str, tmp_path: Path) -> None:
    save(family, head, tmp_path)
    lines = card_text(gather_card(str(tmp_path)), 120).splitlines()
    assert max(map(len, lines)) <= 120


def test_a_narrow_terminal_gets_the_same_words(card: dict[str, Any]) -> None:
    wide, narrow = card_text(card, 120), card_text(card, 60)
    assert in_one_line(wide) == in_one_line(narrow)
    assert len(narrow.splitlines()) > len(wide.splitlines())


def test_sections_in_their_order(card: dict[str, Any]) -> None:
    titles = [section.splitlines()[0] for section in card_text(card).split("\n\n")]
    assert titles == [
        card["name"], "configuration (* differs from the default, which follows)",
        f"parameters: {card['parameters']['total']:,}", "memory", "weights", "tokenizer",
        "semantics: what a port must do the same",
    ]  # fmt: skip


def test_a_star_marks_what_differs_from_the_default(card: dict[str, Any]) -> None:
    text = in_one_line(card_text(card, 120))
    assert "* hidden_size 24 (768)" in text
    assert " type_vocab_size 2 " in text
    assert "* type_vocab_size" not in text


def test_layers_of_one_size_share_a_line(card: dict[str, Any]) -> None:
    parts = {each["part"]: each["parameters"] for each in card["parameters"]["parts"]}
    each = parts["encoder.layer.0"]
    (line,) = (line for line in card_text(card, 120).splitlines() if "encoder.layer.0" in line)
    assert line.split()[:4] == ["encoder.layer.0", "to", "1", f"{2 * each:,}"]
    assert line.endswith(f"2 x {each:,}")


def test_what_does_not_fit_is_said(card: dict[str, Any]) -> None:
    changed = copy.deepcopy(card)
    changed["weights"] |= {"initialised": list("abcd"), "ignored": ["cls.predictions.bias"]}
    text = in_one_line(card_text(changed, 120))
    assert "initialised 4 (a head that would be drawn at random): a, b, c and 1 more" in text
    assert "ignored 1 (in the file, and not needed by this class): cls.predictions.bias" in text
    assert "ignored" not in card_text(card)


def test_missing_weights_and_tokenizer_are_said(tmp_path: Path) -> None:
    mb.BertConfig().save_pretrained(tmp_path)
    card = gather_card(str(tmp_path))
    sections = [in_one_line(section) for section in card_text(card).split("\n\n")]
    assert f"weights none {card['weights']['missing']}" in sections
    assert f"tokenizer none {card['tokenizer']['missing']}" in sections


def test_labels_are_named(tmp_path: Path) -> None:
    save("bert", "ForTokenClassification", tmp_path, id2label={0: "O", 1: "B-X", 2: "I-X"})
    assert "labels 3: O, B-X, I-X" in in_one_line(card_text(gather_card(str(tmp_path)), 120))
