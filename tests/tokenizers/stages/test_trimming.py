"""Blanks that a token covers are left out of its span."""

from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.post_processors import BertPostProcessor, RobertaPostProcessor
from minibert.tokenizers.stages.template import Sequence
from minibert.tokenizers.stages.trimming import trim_offsets
from minibert.tokenizers.stages.vocabulary import Vocabulary

IDS = {"Ġa": 0, "Ġ": 1, "Ċ": 2, "a\u00a0": 3, "a": 4}


def trim(sequence, text, **options):
    trim_offsets(sequence, text, Vocabulary(IDS), **options)
    return sequence.offsets


def test_blanks_at_both_ends():
    assert trim(Sequence([4, 0, 1, 2, 3], [(0, 1), (1, 3), (3, 4), (4, 5), (5, 7)]), "a a \na\u00a0") == [
        (0, 1), (2, 3), (4, 4), (4, 5), (5, 6),
    ]  # fmt: skip


def test_an_added_blank_has_no_width():
    assert trim(Sequence([0], [(0, 1)]), "a", add_prefix_space=True) == [(0, 1)]
    assert trim(Sequence([0], [(0, 2)]), " a", add_prefix_space=False) == [(1, 2)]


def test_it_happens_once():
    sequence = Sequence([0], [(0, 2)])
    assert trim(sequence, " a") == trim(sequence, " a") == [(1, 2)]
    assert trim(Sequence([0]), " a") is None


def test_of_an_added_token_the_text_is_asked():
    vocabulary = Vocabulary(dict(IDS))
    vocabulary.add([AddedToken("<m>", lstrip=True)])
    sequence, words = Sequence([5], [(0, 5)]), Sequence([4, 5], [(0, 1), (0, 4)], [0, 1])
    trim_offsets(sequence, "  <m>", vocabulary)
    trim_offsets(words, ["a", " <m>"], vocabulary)
    assert (sequence.offsets, words.offsets) == ([(2, 5)], [(0, 1), (1, 4)])


def test_only_roberta_trims_and_only_if_it_shall():
    untrimmed = RobertaPostProcessor(trim_offsets=False)
    cases = {BertPostProcessor(): (0, 2), untrimmed: (0, 2), RobertaPostProcessor(): (1, 2)}
    for processor, expected in cases.items():
        sequence = Sequence([0], [(0, 2)])
        processor.trim(sequence, " a", Vocabulary(IDS))
        assert sequence.offsets == [expected]
        assert processor.trim_offsets == (expected == (1, 2))
