"""Labels of words and of stretches of text, brought to tokens."""

import pytest

import minibert as mb
from tests.training import small


def test_labels_of_words_with_a_real_tokenizer() -> None:
    words = ["the", "unaffable", "cat"]
    encoding = small.tokenizer()(words, is_split_into_words=True)
    assert mb.align_labels_with_words(encoding.word_ids(), [0, 1, 2]) == [-100, 0, 1, -100, -100, 2, -100]
    assert mb.align_labels_with_words(encoding.word_ids(), [0, 1, 2], True) == [-100, 0, 1, 1, 1, 2, -100]
    with pytest.raises(mb.InputError, match="a token is of word 2, but there are labels of 2 words only"):
        mb.align_labels_with_words(encoding.word_ids(), [0, 1])


def test_every_span_of_words_is_found_again() -> None:
    text = "the unaffable big cat sat on a red mat"
    tokenizer = small.tokenizer()
    encoding = tokenizer("the dog ran", text, return_offsets_mapping=True)
    words = text.split()
    starts = [text.index(" ".join(words[i:])) for i in range(len(words))]
    for i in range(len(words)):
        for j in range(i, len(words)):
            start, end = starts[i], starts[j] + len(words[j])
            first, last = mb.align_span_with_tokens(encoding["offset_mapping"], start, end, encoding.sequence_ids())
            tokens = tokenizer.convert_ids_to_tokens(encoding["input_ids"][first : last + 1])
            assert tokenizer.convert_tokens_to_string(tokens) == text[start:end]
            assert encoding.sequence_ids()[first] == 1


def test_a_span_that_was_cut_off_is_outside() -> None:
    offsets = [(0, 0), (0, 3), (4, 7), (0, 0)]
    assert mb.align_span_with_tokens(offsets, 4, 7) == (2, 2)
    assert mb.align_span_with_tokens(offsets, 4, 12) == (0, 0)
    assert mb.align_span_with_tokens(offsets, 9, 12) == (0, 0)
    assert mb.align_span_with_tokens(offsets[1:], 9, 12, outside=3) == (3, 3)
    with pytest.raises(mb.InputError, match="the span from 5 to 5 is empty"):
        mb.align_span_with_tokens(offsets, 5, 5)
    with pytest.raises(mb.InputError, match="there are 4 offsets and 1 sequence ids"):
        mb.align_span_with_tokens(offsets, 1, 2, [0])


def test_classification_features() -> None:
    tokenizer = small.tokenizer()
    features = mb.encode_for_classification(
        tokenizer,
        ["the cat", "a big dog ran"],
        ["no", "yes"],
        ["dog", "cat"],
        label2id={"yes": 1, "no": 0},
        max_length=6,
    )
    assert [feature["labels"] for feature in features] == [0, 1]
    assert len(features[1]["input_ids"]) == 6
    assert max(features[0]["token_type_ids"]) == 1
    with pytest.raises(mb.InputError, match="there are 1 texts and 2 labels"):
        mb.encode_for_classification(tokenizer, ["a"], [1, 2])
    with pytest.raises(mb.InputError, match=r"labels\[0\] is 'maybe', which label2id does not have: yes"):
        mb.encode_for_classification(tokenizer, ["a"], ["maybe"], label2id={"yes": 1})
