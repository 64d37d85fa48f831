"""BERT's remembered stages against the stages."""

import pytest
from generated_texts import generate

from minibert.tokenizers.fast.chunks import LONGEST_KEPT
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.fast.wordpiece import BertWords, WordCache, WordPieceMemory
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
