"""BERT's remembered stages against the stages."""

import pytest
from generated_texts import generate
from small_tokenizers import bert

from minibert.tokenizers.fast import wordpiece
from minibert.tokenizers.fast.chunks import LONGEST_KEPT
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.fast.wordpiece import (
    BertTranslator,
    BertWords,
    NeedsPlainStages,
    WordCache,
    WordPieceMemory,
)
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.decoding import WordPieceDecoder
from minibert.tokenizers.stages.normalizers import BertNormalizer
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import BertPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import BertPreTokenizer, bert_pre_tokenize
from minibert.tokenizers.stages.wordpiece import WordPiece

OPTIONS = [(), (True, True, False, True), (False,), (True, False, None, False)]
LETTERS = "abcdefghijklmnopqrstuvwxyzéü中.,!'0123456789"
TOKENS = ["[UNK]", *LETTERS, *(f"##{letter}" for letter in LETTERS), "the", "##ing"]
VOCAB = {token: i for i, token in enumerate(TOKENS)}


@pytest.mark.parametrize("options", OPTIONS)
def test_words(options):
    normalizer = BertNormalizer(*options)
    words = BertWords(normalizer)
    for text in generate(300, 31, ["[MASK]"]):
        normalized = normalizer.surface(text)
        assert words.normalize(text) == normalized, text
        assert words.find(text) == [normalized[a:b] for a, b in bert_pre_tokenize(normalized)], text


@pytest.mark.parametrize("options", OPTIONS)
def test_the_memory_answers_as_the_stages_do(options):
    normalizer, model = BertNormalizer(*options), WordPiece(VOCAB)
    stages = Stages(normalizer, BertPreTokenizer(), model, BertPostProcessor(), WordPieceDecoder())
    plain, memory = Memory(stages), WordPieceMemory(stages, normalizer, model)
    for text in generate(300, 32, ["[MASK]"]):
        assert memory.ids(text) == memory.ids(text) == plain.ids(text), text
        words = model.cut(stages.pre_tokenizer.split(normalizer.normalize(AlignedText.from_text(text, 3))))
        sizes: list[int] = []
        ids, offsets = memory.locate(text, 3, False, sizes)
        assert (ids, offsets) == (plain.ids(text), [token.span for word in words for token in word]), text
        assert sizes == list(map(len, words)), text


def test_long_chunks_are_not_kept():
    normalizer, model = BertNormalizer(), WordPiece(VOCAB)
    stages = Stages(normalizer, BertPreTokenizer(), model, BertPostProcessor(), WordPieceDecoder())
    memory = WordPieceMemory(stages, normalizer, model)
    memory.ids("é" * LONGEST_KEPT + " " + "é" * (LONGEST_KEPT + 1))
    assert list(memory._chunks) == ["é" * LONGEST_KEPT]


def test_a_word_is_cut_once():
    calls = []

    class Counting(WordPiece):
        def ids(self, word):
            calls.append(word)
            return super().ids(word)

    cache = WordCache(Counting(VOCAB))
    assert [cache["the"], cache["the"], cache["ab"]] == [(VOCAB["the"],), (VOCAB["the"],), (VOCAB["a"], VOCAB["##b"])]
    assert calls == ["the", "ab"]


def test_marks_that_may_be_swapped_are_left_to_the_stages():
    table = BertTranslator(BertNormalizer())
    assert "É".translate(table) == "e"
    with pytest.raises(NeedsPlainStages):
        "\u302e".translate(table)  # a spacing mark, which stays
    assert "\u0301a".translate(BertTranslator(BertNormalizer(strip_accents=False))) == "\u0301a"


FEW = ["the", "a", "##a", "er", "##er", "t", "##h", "##e", "!", ",", "'", "中", "e", "é"]


@pytest.mark.parametrize("limit", [1, 7])
def test_a_full_memory_is_emptied_and_says_the_same(monkeypatch, limit):
    monkeypatch.setattr(wordpiece, "CACHE_LIMIT", limit)
    monkeypatch.setattr("minibert.tokenizers.fast.chunks.CACHE_LIMIT", limit)
    tokenizer = bert(*FEW)
    plain, quick = Memory(tokenizer.stages), tokenizer.road.memory
    for text in generate(200, 43, ["[MASK]"]):
        assert quick.ids(text) == plain.ids(text), text
        words = tokenizer.words(text)
        row = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        assert row["offset_mapping"] == [token.span for word in words for token in word], text
    cache = WordCache(WordPiece(tokenizer.vocab))
    for word in ("the", "a", "era") * 4:
        assert list(cache[word]) == tokenizer.stages.model.ids(word)
        assert len(cache) <= limit


def test_tokens_added_later_are_found():
    tokenizer = bert(*FEW)
    assert tokenizer.tokenize("the thera") == ["the", "[UNK]"]
    tokenizer.add_tokens(["thera"])
    assert tokenizer.tokenize("the thera") == ["the", "thera"]
    for text in generate(150, 44, ["[MASK]", "thera"]):
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        assert ids == [token.id for word in tokenizer.words(text) for token in word], text


@pytest.mark.parametrize("text", ["a\x0bb", "a\x7fb \x00ab", "a\nb\ta\rb", "a\x1cb"])
def test_controls_in_ascii(text):
    tokenizer = bert("a", "b", "ab")
    expected = [token.id for word in tokenizer.words(text) for token in word]
    assert tokenizer(text)["input_ids"][1:-1] == expected
    row = tokenizer(text, return_offsets_mapping=True)
    assert row["input_ids"][1:-1] == expected
    words = tokenizer.words(text)
    assert row["offset_mapping"][1:-1] == [token.span for word in words for token in word]


def test_marks_that_stay_are_put_in_order():
    text = "a\u302e\U0001d165b"  # classes 224 and 216, both spacing marks
    tokenizer = bert("a")
    assert tokenizer.normalize(AlignedText.from_text(text)).text == "a\U0001d165\u302eb"
    assert tokenizer.road.memory.normalized(text) == "a\U0001d165\u302eb"
