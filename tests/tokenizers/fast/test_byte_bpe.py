"""RoBERTa's remembered stages against the stages."""

import json
from pathlib import Path

import pytest
from generated_texts import generate

from minibert.tokenizers.fast.byte_bpe import ByteBPEMemory, BytePairCache, exact_words, find_words, newer_letter
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.byte_bpe import ByteBPE
from minibert.tokenizers.stages.decoding import ByteLevelDecoder
from minibert.tokenizers.stages.normalizers import NoNormalizer
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import RobertaPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import ByteLevelPreTokenizer, byte_level_pre_tokenize

DATA = json.loads((Path(__file__).parents[1] / "vectors" / "roberta.json").read_text())
VOCAB = {token: i for i, token in enumerate(DATA["vocab"])}
MODEL = ByteBPE(VOCAB, [tuple(pair) for pair in DATA["merges"]])


def test_words():
    for text in generate(500, 33, ["<mask>"]):
        plain = [text[start:end] for start, end in byte_level_pre_tokenize(text)]
        assert exact_words(text) == plain, text
        if not newer_letter()(text):
            assert find_words(text) == plain, text


def test_a_word_by_numbers():
    cache = BytePairCache(MODEL)
    for text in generate(200, 34, ["<mask>"]):
        for word in exact_words(text):
            if not newer_letter()(word):
                assert list(cache[word]) == MODEL.ids(word), word


@pytest.mark.parametrize("adds_space", [False, True])
def test_the_memory_answers_as_the_stages_do(adds_space):
    pre_tokenizer, processor = ByteLevelPreTokenizer(adds_space), RobertaPostProcessor(True, adds_space)
    stages = Stages(NoNormalizer(), pre_tokenizer, MODEL, processor, ByteLevelDecoder())
    plain, memory = Memory(stages), ByteBPEMemory(stages, pre_tokenizer, MODEL, processor)
    assert memory.keeps_trimmed is not adds_space
    for text in generate(300, 35, ["<mask>"]):
        assert memory.ids(text) == memory.ids(text) == plain.ids(text), text
        words = MODEL.cut(pre_tokenizer.split(AlignedText.from_text(text, 3)))
        found = memory.locate(text, 3, False, None)
        if found is not None:
            assert found == (plain.ids(text), [token.span for word in words for token in word]), text
