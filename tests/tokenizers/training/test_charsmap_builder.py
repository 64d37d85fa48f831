"""Normalisation maps are written: by rules, and those that SentencePiece knows by name."""

import time

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.stages.charsmap import CharsMap
from minibert.tokenizers.training.charsmap_builder import build_charsmap, named_charsmap, normalization_rules


@pytest.mark.parametrize("rule", [("", "a"), ("a\0", "b"), ("a", "b\0c")])
def test_rules_that_cannot_be_written(rule):
    with pytest.raises(TokenizerError, match=r"The normalisation rule .* has an empty source or a NUL\."):
        build_charsmap(dict([rule]))


def test_named_map():
    begin = time.process_time()
    blob = named_charsmap("nmt_nfkc")
    middle = time.process_time()
    charsmap = CharsMap(blob)
    end = time.process_time()
    assert middle - begin < 30
    assert end - middle < 0.5
    assert len(blob) < 300_000
    assert charsmap.rules() == normalization_rules("nmt_nfkc")
    assert charsmap.replace("①ﬁ e\u0302\u0301 ｶﾞ \u1100\u1161\u11a8 ㍿\x01～") == "1fi ế ガ 각 株式会社～"
    assert charsmap.replace("a\tb\u200bc\u2581d") == "a b c d"


def test_names_differ_as_they_should():
    folded, plain = normalization_rules("nmt_nfkc_cf"), normalization_rules("nfkc")
    assert (folded["A"], folded["Σ"], folded["ẞ"], folded["\t"]) == ("a", "σ", "ß", " ")
    assert "A" not in plain
    assert "\t" not in plain
    assert (plain["～"], plain["\u3000"], plain["①"]) == ("~", " ", "1")
    assert "～" not in normalization_rules("nmt_nfkc")


def test_unknown_name():
    with pytest.raises(TokenizerError, match="The normalisation 'nfc' is not known; known are identity, nfkc, "):
        named_charsmap("nfc")
