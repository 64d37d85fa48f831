"""RemBERT's stages remembered: by chunks, by words, as a whole; ids and places as the plain stages have them."""

import pytest
from generated_texts import generate
from small_tokenizers import rembert
from unigram_roads import UnigramRoads, model_of

from minibert.tokenizers.fast import unigram_words
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.fast.unigram import LONG_TEXT, TooLong
from minibert.tokenizers.stages.aligned_text import AlignedText

LETTERS = {"▁": -2.0, "▁a": -2.5, "ab": -3.5, **dict.fromkeys("abcxyz1é株式会社", -3.0)}
RULES = {"㍿": "株式会社", "e\u0301": "é", "\x01": "", "\t": " "}


def plain_tokens(unigram, text, start):
    normalized = unigram.normalizer.normalize(AlignedText.from_text(text, start))
    words = unigram.unigram.cut(unigram.pre_tokenizer.split(normalized))
    return [t.id for w in words for t in w], [t.span for w in words for t in w], list(map(len, words))


@pytest.mark.parametrize(
    ("options", "by_chunks"),
    [
        ({}, True), ({"byte_fallback": True}, True), ({"remove_extra_whitespaces": False}, False),
        ({"add_dummy_prefix": False}, False),
    ],
)  # fmt: skip
def test_ids_and_places(options, by_chunks):
    unigram = UnigramRoads(model_of(LETTERS, rules=RULES, **options))
    located = 0
    for _ in range(2):  # the second time from what was kept
        for text in generate(250, 51, ["[MASK]", "ab a ㍿ e\u0301"]):
            ids, spans, sizes = plain_tokens(unigram, text, 4)
            assert unigram.memory.ids(text) == ids, text
            found = unigram.memory.locate(text, 4, False, told := [])
            if found is not None:
                located += 1
                assert (*found, told) == (ids, spans, sizes), text
    assert (located > 100) == by_chunks


def test_a_full_memory_is_emptied_and_says_the_same(monkeypatch):
    monkeypatch.setattr(unigram_words, "WORDS_KEPT", 5)
    tokenizer = rembert(byte_fallback=True)
    plain, quick = Memory(tokenizer.stages), tokenizer.road.memory
    for text in generate(200, 52, ["[MASK]"]):
        assert quick.ids(text) == plain.ids(text), text
    quick.ids("a")
    assert len(quick._chunk_ids) <= 5


def test_tokens_added_later_are_found():
    tokenizer = rembert()
    assert tokenizer.tokenize("ab b") == ["▁a", "b", "▁", "b"]
    tokenizer.add_tokens(["b b"])
    assert tokenizer.tokenize("ab b") == ["▁a", "b b"]
    for text in generate(150, 53, ["[MASK]", "b b", "ab b a"]):
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        assert ids == [token.id for word in tokenizer.words(text) for token in word], text


def test_long_chunks_and_long_texts_go_another_way():
    unigram = UnigramRoads(model_of(LETTERS))
    with pytest.raises(TooLong):
        unigram.chunks["a" * 65]
    assert unigram.by_chunks("b " + "a" * 65) is None
    assert unigram.memory.locate("a" * 65, 0, False, None) is None
    many = "b " * (LONG_TEXT // 2 + 1)
    assert unigram.by_chunks(many) is None
    assert unigram.encode(many) == unigram.encode_plainly(many)


def test_chunks_that_rounding_could_turn_are_not_kept():
    unigram = UnigramRoads(model_of({"▁": -1.0, "a": -1.0, "b": -1.0, "ab": -2.0}))
    assert unigram.encode("ab ab") == [1, 4, 1, 4]
    assert unigram.by_chunks("ab ab") is None
    assert unigram.by_chunks("b ab") is None
    assert unigram.by_chunks("b ba") == unigram.encode_plainly("b ba")


def test_no_word_is_taken_as_known_where_sums_are_shifted():
    unigram = UnigramRoads(model_of({"▁": -1.0, "a": -1.0, "b": -9.0}))
    assert all(unigram.words.find(word)[1] < 100_000 - 20 * len(word) for word in ("▁", "▁a", "▁bbbb"))
    assert unigram.by_chunks("a a a") == unigram.encode_plainly("a a a")
    assert unigram.by_chunks("a " * 5000) is None  # the sum may have come close to where it is shifted
    assert unigram.encode("a " * 5000) == unigram.encode_plainly("a " * 5000)
