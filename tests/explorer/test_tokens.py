"""Tokens point into the text, and are shown as people read them."""

import pytest

import minibert as mb
from minibert.explorer.tokens import readable
from tests import small_checkpoints
from tests.explorer.pages import FAMILIES, TEXTS, data_of, model, page


@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_point_into_the_text(family: str) -> None:
    data = data_of(page(family))
    text = TEXTS[family]
    inside = [token for token in data["tokens"] if token["sequence"] == 0]
    assert all(token["text"] == text[token["start"] : token["end"]] for token in inside)
    assert "".join(part for part, _ in data["texts"][0]["segments"]) == text
    marks = {"bert": "##", "roberta": "Ġ", "rembert": "▁"}
    assert any(token["shown"].startswith(marks[family]) for token in inside)


def test_bytes_are_shown_as_characters() -> None:
    tokenizer = small_checkpoints.tokenizer("roberta")
    assert readable(tokenizer, "Ã©") == "é"
    assert readable(tokenizer, "ĠÃ©t") == "Ġét"
    assert readable(tokenizer, "Ã") == "Ã"  # half a character
    assert readable(tokenizer, "Ċ") == "Ċ"  # a line break
    assert readable(tokenizer, "<s>", special=True) == "<s>"
    assert readable(small_checkpoints.tokenizer("bert"), "##aff") == "##aff"


def test_text_is_no_text() -> None:
    with pytest.raises(mb.InputError, match="shows one text, a str, not list"):
        mb.explore(model("bert"), small_checkpoints.tokenizer("bert"), ["a", "b"])  # type: ignore[arg-type]
