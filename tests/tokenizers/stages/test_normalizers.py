"""BERT's normalisation, step by step."""

import random
import unicodedata

import pytest
from generated_texts import generate

from minibert.errors import InputError
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.normalizers import (
    BertNormalizer,
    GoogleNormalizer,
    NoNormalizer,
    clean_text,
    combining_class,
    decompose,
    decompose_char,
    lower_char,
    lowercase,
    space_cjk,
    strip_accents,
)

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


def after(step, text, start=0):
    """What a step leaves of a text, and the first place of each character in the original."""
    done = step(AlignedText.from_text(text, start))
    return done.text, [first for first, _ in done.spans]


def test_cleaning():
    assert after(clean_text, "a\x00b\u200dc\ufffdd") == ("abcd", [0, 2, 4, 6])
    assert after(clean_text, "a\tb\nc\u3000d\u00a0e") == ("a b c d e", list(range(9)))
    assert after(clean_text, "é中!") == ("é中!", [0, 1, 2])


def test_ideographs_stand_alone():
    assert after(space_cjk, "a中文b", 5) == ("a 中  文 b", [5, 6, 6, 6, 7, 7, 7, 8])
    assert after(space_cjk, "かなカ한글") == ("かなカ한글", [0, 1, 2, 3, 4])  # only ideographs


def test_accents():
    assert after(strip_accents, "Élan naïve") == ("Elan naive", list(range(10)))
    assert after(strip_accents, "e\u0301a") == ("ea", [0, 2])
    assert after(strip_accents, "øł") == ("øł", [0, 1])  # these do not decompose


def test_lower_case_is_of_single_characters():
    assert after(lowercase, "ΣAΣ") == ("σaσ", [0, 1, 2])
    assert after(lowercase, "İ") == ("i\u0307", [0, 0])
    assert lower_char("ß") == "ß"


def test_decomposition_is_that_of_unicode():
    rng = random.Random(0)
    marks = "\u0301\u0323\u0302\u0327\u0345"
    for _ in range(300):
        text = "".join(rng.choice("aeéếơ각" + marks) for _ in range(rng.randint(0, 12)))
        done = decompose(AlignedText.from_text(text))
        assert done.text == unicodedata.normalize("NFD", text)
        assert len(done.spans) == len(done.text)
    assert decompose_char("각") == "\u1100\u1161\u11a8"
    assert [combining_class(char) for char in "a\u0327\u0301"] == [0, 202, 230]


def test_accents_go_with_the_case_unless_somebody_says():
    assert BertNormalizer().surface("É") == "e"
    assert BertNormalizer(lowercase=False).surface("É") == "É"
    assert BertNormalizer(strip_accents=False).surface("É") == "é"
    assert BertNormalizer(strip_accents=True, lowercase=False).surface("É") == "E"


@pytest.mark.parametrize("normalizer", [BertNormalizer(), GoogleNormalizer(), NoNormalizer()])
def test_every_character_has_a_place_in_the_text(normalizer):
    for text in generate(200, 31, ["[MASK]"]):
        done = normalizer.normalize(AlignedText.from_text(text))
        assert len(done.spans) == len(done.text)
        assert all(0 <= start < end <= len(text) for start, end in done.spans), text
