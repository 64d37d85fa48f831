"""Pairs of sentences: what follows, what is random, and every mistake's sentence."""

import numpy as np
import pytest

import minibert as mb
from minibert.training.next_sentence import IS_NEXT, IS_RANDOM, sentence_pairs
from tests.training import small

DOCUMENTS = [[[10 * d + s] * 3 for s in range(8)] for d in range(1, 5)]


def test_pairs_of_one_document_by_hand() -> None:
    """With every second part its own, a document is gone through from its first sentence to its last."""
    pairs = list(sentence_pairs(DOCUMENTS, 0, 12, np.random.default_rng(0), next_share=1.0, short_share=0.0))
    assert [pair.label for pair in pairs] == [IS_NEXT, IS_NEXT]
    assert [token for pair in pairs for token in pair.first + pair.second] == [
        token for sentence in DOCUMENTS[0] for token in sentence
    ]


def test_a_random_second_part_is_never_of_the_same_document() -> None:
    for number in range(4):
        for pair in sentence_pairs(DOCUMENTS, number, 12, np.random.default_rng(number), next_share=0.0):
            assert pair.label == IS_RANDOM
            assert {token // 10 for token in pair.first} == {number + 1}
            assert number + 1 not in {token // 10 for token in pair.second}
            assert len(pair.first) + len(pair.second) <= 12


def test_short_targets_make_short_pairs() -> None:
    lengths = {
        share: np.mean([len(pair.first) + len(pair.second) for seed in range(40) for pair in
                        sentence_pairs(DOCUMENTS, 0, 21, np.random.default_rng(seed), 1.0, share)])
        for share in (0.0, 1.0)
    }  # fmt: skip
    assert lengths[1.0] < 0.8 * lengths[0.0]


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
