"""SentencePiece's normaliser, rule by rule: map, blanks, prefix, symbols, and the options before them."""

import base64
import itertools
from pathlib import Path

import pytest
from unigram_roads import UnigramRoads, model_of

from minibert.errors import InputError
from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pieces import Piece, PieceType
from minibert.tokenizers.stages.unigram_normalizer import (
    RemBertNormalizer,
    SymbolMatcher,
    UnigramNormalizer,
    drop_marks,
)

FOLDER = Path(__file__).parents[1] / "unigram_vectors"
LETTERS = {"▁": -2.0, **dict.fromkeys("abcxyz1é株式会社", -3.0)}


def normalized(text, **options):
    return UnigramNormalizer(model_of(LETTERS, **options)).normalize(AlignedText.from_text(text))


def test_blanks_and_prefix():
    assert normalized("a b") == ("▁a▁b", [(0, 1), (0, 1), (1, 2), (2, 3)])
    assert normalized("  a  b ").text == "▁a▁b"
    assert normalized("  a  b ", remove_extra_whitespaces=False).text == "▁▁▁a▁▁b▁"
    assert normalized("a b", add_dummy_prefix=False).text == "a▁b"
    assert normalized("a b", escape_whitespaces=False).text == " a b"
    assert normalized("   ") == normalized("") == ("", [])


def test_what_a_rule_writes_stands_for_all_that_it_replaced():
    assert normalized("ae\u0301㍿", rules={"e\u0301": "é", "㍿": "株式会社"}) == (
        "▁aé株式会社", [(0, 1), (0, 1), (1, 3), (3, 4), (3, 4), (3, 4), (3, 4)],
    )  # fmt: skip
    assert normalized("a\x01b", rules={"\x01": ""}) == ("▁ab", [(0, 1), (0, 1), (2, 3)])


def test_marks_are_dropped_after_compatible_decomposition():
    assert drop_marks(AlignedText.from_text("é½ﬁ")) == ("e1⁄2fi", [(0, 1), (1, 2), (1, 2), (1, 2), (2, 3), (2, 3)])
    assert drop_marks(AlignedText.from_text("a\u0301b")) == ("ab", [(0, 1), (2, 3)])


def test_options_come_before_the_map():
    model = model_of(LETTERS, rules={"E": "1", "e": "x"})
    text = AlignedText.from_text("É")
    assert RemBertNormalizer(model).normalize(text).text == "▁É"
    assert RemBertNormalizer(model, keep_accents=False).normalize(text).text == "▁1"
    assert RemBertNormalizer(model, do_lower_case=True).normalize(text).text == "▁é"
    both = RemBertNormalizer(model, do_lower_case=True, keep_accents=False)
    assert both.normalize(text) == ("▁x", [(0, 1), (0, 1)])
    assert [after.text for _, after in both.steps(text)] == ["e", "▁x"]
    assert both.surface("É") is None


def test_the_section_of_tokenizer_json():
    model = model_of(LETTERS, rules={"か\u3099": "が", "e\u0301": "é", "x": ""})
    steps = RemBertNormalizer(model, do_lower_case=True, keep_accents=False).to_json()["normalizers"]
    assert [step["type"] for step in steps] == [
        "NFKD", "StripAccents", "Lowercase", "Precompiled", "Replace", "Replace", "Replace",
    ]  # fmt: skip
    assert base64.b64decode(steps[3]["precompiled_charsmap"]) == model.normalizer.charsmap
    # of the rules on two characters, only the one of six bytes is missed by the compiled step
    assert (steps[4]["pattern"], steps[4]["content"]) == ({"String": "か\u3099"}, "が")
    plain = model_of(LETTERS, remove_extra_whitespaces=False)
    assert RemBertNormalizer(plain).to_json() == {"type": "Sequence", "normalizers": []}


def test_symbols_are_found_anywhere():
    matcher = SymbolMatcher(["<x>", "<xy>"])
    assert [matcher.found_in(text) for text in ("a<x>", "<xy>", "<xx>", "<<x>", "")] == [True, True, False, True, False]
    assert not SymbolMatcher([]).found_in("<x>")


def test_half_of_a_surrogate_pair_is_refused():
    with pytest.raises(InputError, match=r"lone surrogate, U\+D800, at position 1"):
        RemBertNormalizer(model_of(LETTERS)).normalize(AlignedText.from_text("a\ud800"))


def test_suffix_blank_stands_for_the_last_character():
    model = read_sentencepiece_model(FOLDER / "suffix.model")
    assert UnigramNormalizer(model).normalize(AlignedText.from_text("ab")) == ("ab▁", [(0, 1), (1, 2), (1, 2)])


@pytest.mark.parametrize("rules", [{" a": "b"}, {"a ": "c"}, {" ": "x"}, {"x": "a  b"}, {"y": " a "}, {"\t": " "}])
@pytest.mark.parametrize("collapse", [True, False])
def test_rules_with_blanks(rules, collapse):
    unigram = UnigramRoads(model_of(LETTERS, rules=rules, remove_extra_whitespaces=collapse))
    for size in range(6):
        for chars in itertools.product("a xy\t", repeat=size):
            text = "".join(chars)
            source = AlignedText.from_text(text)
            assert unigram.normalize(source).text == unigram.normalize(text).text
            assert unigram.normalize_text(text) == unigram.normalize(text).text, text
            assert unigram.encode(text) == unigram.encode_plainly(text), text


def test_the_longest_symbol_escapes_the_map():
    matcher = SymbolMatcher(["x", "xé", "é", "xéyz"])
    assert [matcher.match("xéyxé", at) for at in range(5)] == [2, 1, 0, 2, 1]
    symbols = {Piece(text, 0.0, PieceType.USER_DEFINED): None for text in ("x", "xé")}
    unigram = UnigramRoads(model_of({**symbols, "▁": -1.0}, rules={"é": "e"}))
    assert unigram.normalize("xéé").text == "▁xée"
    for text in ("xéé", "é xé é"):
        assert unigram.encode(text) == unigram.encode_plainly(text) == unigram.encode_with_offsets(text).ids
