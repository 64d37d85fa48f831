"""RoBERTa's remembered stages against the stages."""

import json
from pathlib import Path

import pytest
from generated_texts import generate
from small_tokenizers import roberta

from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.fast import byte_bpe
from minibert.tokenizers.fast.byte_bpe import (
    ByteBPEMemory,
    BytePairCache,
    NewerLetter,
    exact_words,
    find_words,
    newer_letter,
    quick_words,
)
from minibert.tokenizers.fast.memory import Memory
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS, ByteBPE
from minibert.tokenizers.stages.decoding import ByteLevelDecoder
from minibert.tokenizers.stages.normalizers import NoNormalizer
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import RobertaPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import ByteLevelPreTokenizer, byte_level_pre_tokenize, gpt2_words

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


MERGES = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("Ġ", "a"), ("e", "r"), ("Ã", "©"), ("Ġ", "Ã")]


@pytest.mark.parametrize("options", [{}, {"add_prefix_space": True}, {"trim_offsets": False}])
def test_a_full_memory_is_emptied_and_says_the_same(monkeypatch, options):
    monkeypatch.setattr(byte_bpe, "CACHE_LIMIT", 3)
    monkeypatch.setattr("minibert.tokenizers.fast.chunks.CACHE_LIMIT", 3)
    tokenizer = roberta(MERGES, **options)
    plain, quick = Memory(tokenizer.stages), tokenizer.road.memory
    for text in generate(200, 47, ["<mask>"]):
        assert quick.ids(text) == plain.ids(text), text
        found = quick.locate(text, 5, False, sizes := [])
        if found is not None:
            words = tokenizer.stages.model.cut(tokenizer.stages.pre_tokenizer.split(AlignedText.from_text(text, 5)))
            assert found == ([t.id for w in words for t in w], [t.span for w in words for t in w]), text
            assert sizes == list(map(len, words)), text


def test_tokens_added_later_are_found():
    tokenizer = roberta(MERGES)
    assert tokenizer.tokenize("ether") == ["e", "the", "r"]
    tokenizer.add_tokens(["ethe"])
    assert tokenizer.tokenize("ether") == ["ethe", "r"]
    for text in generate(150, 48, ["<mask>", "ethe"]):
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        assert ids == [token.id for word in tokenizer.words(text) for token in word], text


def test_refusals():
    cache = roberta(MERGES).road.memory._ids_of
    with pytest.raises(InputError, match=r"lone surrogate, U\+D800, at position 1"):
        cache.cut("a\ud800")
    with pytest.raises(TokenizerError, match=r"merge 0, 't' . 'h', needs the token 't'"):
        BytePairCache(ByteBPE({"h": 0}, [("t", "h")]))
    newest = next((char for char in map(chr, range(0x323B0, 0x33480)) if newer_letter()(char)), None)
    if newest is not None:
        with pytest.raises(NewerLetter):
            cache[newest]


def test_letters_newer_than_the_reference():
    newer = "\U000323b0"  # a letter since Unicode 17, no letter to the compiled tokenizers
    text = f"a{newer}b é"
    tokenizer = roberta([])
    words = [text[start:end] for start, end in (match.span() for match in gpt2_words().finditer(text))]
    assert words == ["a", newer, "b", " é"]
    if quick_words().findall(text) == words:
        pytest.skip("the installed regex does not know this letter yet")
    row = tokenizer(text, return_offsets_mapping=True)
    assert row.word_ids() == [None, 0, 1, 1, 1, 1, 2, 3, 3, 3, None]
    merging = roberta([("a", BYTE_CHARS[0xF0])])  # would join across the boundary if the cut were wrong
    assert merging(text)["input_ids"][1:-1] == [token.id for word in merging.words(text) for token in word]
