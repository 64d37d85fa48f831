"""BERT's normalisation, step by step."""

import pytest

from minibert.errors import InputError
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.normalizers import BertNormalizer, GoogleNormalizer, NoNormalizer, decompose

TEXT = "Ünï\x01中 ΟΔΟΣ"


def test_the_steps_that_are_asked_for():
    names = {
        (): ["clean", "space ideographs", "strip accents", "lower-case"],
        (False,): ["space ideographs", "strip accents", "lower-case"],
        (True, False, False, True): ["clean", "lower-case"],
        (True, True, None, False): ["clean", "space ideographs"],
    }
    for fields, expected in names.items():
        assert [name for name, _ in BertNormalizer(*fields).steps(AlignedText.from_text(TEXT))] == expected


def test_the_last_step_is_the_normalised_text():
    for normalizer in (BertNormalizer(), GoogleNormalizer(), BertNormalizer(strip_accents=False)):
        source = AlignedText.from_text(TEXT)
        *_, (_, last) = normalizer.steps(source)
        assert normalizer.normalize(source) == last
        assert normalizer.surface(TEXT) == last.text
    assert BertNormalizer().surface(TEXT) == "uni 中  οδοσ"
    assert GoogleNormalizer().surface(TEXT) == "uni 中  οδος"


def test_nothing_is_done_to_roberta_s_text():
    source = AlignedText.from_text(TEXT)
    assert NoNormalizer().normalize(source) is source
    assert list(NoNormalizer().steps(source)) == []
    assert NoNormalizer().to_json() is None


@pytest.mark.parametrize("normalizer", [BertNormalizer(), GoogleNormalizer(), NoNormalizer()])
def test_lone_surrogates(normalizer):
    with pytest.raises(InputError, match=r"U\+D800, at position 1"):
        normalizer.normalize(AlignedText.from_text("a\ud800"))


def test_a_mark_of_its_own_belongs_to_the_character_before_it():
    assert BertNormalizer().normalize(AlignedText.from_text("e\u0301a")).spans == [(0, 1), (2, 3)]
    assert decompose(AlignedText.from_text("éa")) == AlignedText("e\u0301a", [(0, 1), (0, 1), (1, 2)])
