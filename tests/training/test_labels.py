"""Labels brought to tokens, and pairs of sentences."""

import numpy as np
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


# every word tells its document and its place, so that what follows can be checked
def documents(count: int = 12, sentences: int = 15) -> tuple[list[list[str]], mb.BertTokenizer]:
    texts = [
        [" ".join(f"d{d}s{s}w{w}" for w in range(3 + (d + s) % 4)) for s in range(sentences)] for d in range(count)
    ]
    words = [word for document in texts for sentence in document for word in sentence.split()]
    vocab = {token: i for i, token in enumerate([*small.SPECIAL, *words])}
    return texts, mb.BertTokenizer(vocab=vocab)


def halves(feature: dict, tokenizer) -> tuple[list[str], list[str]]:
    tokens = tokenizer.convert_ids_to_tokens(feature["input_ids"])
    split = tokens.index("[SEP]")
    return tokens[1:split], tokens[split + 1 : -1]


def test_pairs_follow_or_come_from_another_document() -> None:
    texts, tokenizer = documents()
    dataset = mb.NextSentenceDataset(texts, tokenizer, max_length=40, seed=1)
    order = {word: i for i, word in enumerate(word for document in texts for s in document for word in s.split())}
    labels = []
    for feature in dataset:
        first, second = halves(feature, tokenizer)
        assert len(feature["input_ids"]) == len(feature["token_type_ids"]) <= 40
        assert feature["token_type_ids"] == [0] * (len(first) + 2) + [1] * (len(second) + 1)
        assert first
        assert second
        same = first[0].split("s")[0] == second[0].split("s")[0]
        assert same == (feature["next_sentence_label"] == 0)
        if same:
            assert order[second[0]] > order[first[-1]]
        labels.append(feature["next_sentence_label"])
    assert 0.35 < np.mean(labels) < 0.75  # the last sentence of a document has none that follows
    words = {word for feature in dataset for word in halves(feature, tokenizer)[0]}
    assert len(words) > 0.4 * len(order)
    again = mb.NextSentenceDataset(texts, tokenizer, max_length=40, seed=1)
    assert list(again) == list(dataset)
    assert list(mb.NextSentenceDataset(texts, tokenizer, max_length=40, seed=2)) != list(dataset)


def test_sentences_that_a_random_one_displaced_are_gathered_again() -> None:
    texts, tokenizer = documents()
    dataset = mb.NextSentenceDataset(texts, tokenizer, max_length=200, next_probability=0.0, seed=1)
    assert {feature["next_sentence_label"] for feature in dataset} == {1}
    first_words = {word for feature in dataset for word in halves(feature, tokenizer)[0]}
    assert first_words == {word for document in texts for sentence in document for word in sentence.split()}


def test_pairs_train_a_model(tmp_path) -> None:
    texts, tokenizer = documents(4, 6)
    dataset = mb.NextSentenceDataset(texts, tokenizer, max_length=16)
    model = mb.BertForPreTraining(mb.BertConfig(**{**small.BERT, "vocab_size": len(tokenizer)}))
    collator = mb.DataCollatorForLanguageModeling(tokenizer, seed=0)
    trainer = mb.Trainer(model, small.arguments(tmp_path, max_steps=3), dataset, data_collator=collator)
    trainer.train()
    assert all(np.isfinite(loss) for _, loss in small.losses(trainer))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda t: mb.NextSentenceDataset([["the cat"]], t), r"1 document\(s\) with text were given"),
        (lambda t: mb.NextSentenceDataset(["the cat", "a dog"], t), "each document is a list of sentences"),
        (
            lambda t: mb.NextSentenceDataset([["the cat"], ["a dog"]], t, max_length=4),
            "max_length is 4, which leaves 1 tokens",
        ),
        (lambda t: mb.NextSentenceDataset([["the cat"], ["a dog"]], t, next_probability=-1), "next_probability is -1"),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        make(small.tokenizer())
