"""Blanks that a token covers are left out of its span."""

from small_tokenizers import roberta

from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.post_processors import BertPostProcessor, RobertaPostProcessor
from minibert.tokenizers.stages.template import Sequence
from minibert.tokenizers.stages.trimming import blanks_around, trim_offsets, trimmed
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


def test_blanks_of_a_token():
    assert blanks_around("low") == (0, 0)
    assert blanks_around("Ġlow") == (1, 0)
    assert blanks_around("ĠĠ") == (2, 2)  # counted from both sides
    assert blanks_around("\u3000a\n") == (1, 1)
    assert blanks_around("") == (0, 0)


def test_spans_never_turn_around():
    assert trimmed(3, 7, 1, 1) == (4, 6)
    assert trimmed(3, 5, 2, 2) == (5, 5)
    assert trimmed(3, 4, 5, 0) == (4, 4)


def test_trimming_with_a_prefix_space():
    tokenizer = roberta([("Ġ", "Ġ"), ("ĠĠ", "Ġ"), ("Ġ", "a")], add_prefix_space=True)
    assert tokenizer("   a", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(2, 2), (3, 4)]
    assert tokenizer(" a", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(0, 2)]
    assert tokenizer("a", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(0, 1)]
    assert tokenizer("  <mask>", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(2, 8)]


def test_the_prefix_of_every_pre_split_word_has_no_width():
    tokenizer = roberta([("Ġ", "a")], add_prefix_space=True)
    row = tokenizer(["a", "a", "aa"], is_split_into_words=True, return_offsets_mapping=True, add_special_tokens=False)
    assert row.tokens() == ["Ġa", "Ġa", "Ġa", "a"]
    assert row["offset_mapping"] == [(0, 1), (0, 1), (0, 1), (1, 2)]
