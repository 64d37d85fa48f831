"""Collators of language models: labels, whole words, seeds, and every mistake's sentence."""

import numpy as np
import pytest

import minibert as mb
from minibert.training.masking import KEPT, LEFT_ALONE, MASKED, RANDOM
from tests.training import small

MASK = 4


def long_texts(count: int = 60) -> list[dict]:
    rng = np.random.default_rng(0)
    return [{"input_ids": [2, *rng.integers(5, 21, size=rng.integers(60, 90)).tolist(), 3]} for _ in range(count)]


def test_the_three_rules_in_their_proportions() -> None:
    collator = mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=0)
    originals = mb.DataCollatorWithPadding(small.tokenizer())(long_texts())["input_ids"]
    counts = np.zeros(4)
    for _ in range(10):
        batch, rules = collator.collate_with_rules(long_texts())
        ids, labels = batch["input_ids"], batch["labels"]
        assert (labels[rules == LEFT_ALONE] == -100).all()
        np.testing.assert_array_equal(labels[rules != LEFT_ALONE], originals[rules != LEFT_ALONE])
        assert (ids[rules == MASKED] == MASK).all()
        assert (ids[rules == RANDOM] < 21).all()
        same = (rules == KEPT) | (rules == LEFT_ALONE)
        np.testing.assert_array_equal(ids[same], originals[same])
        assert (rules[originals <= 3] == LEFT_ALONE).all()  # special tokens and padding
        counts += np.bincount(rules[originals > 4], minlength=4)
    chosen = counts[1:].sum()
    assert chosen / counts.sum() == pytest.approx(0.15, abs=0.005)  # five deviations, at 45,000 tokens
    np.testing.assert_allclose(counts[1:] / chosen, [0.8, 0.1, 0.1], atol=0.02)


def test_masks_are_new_each_time_and_the_same_for_a_seed() -> None:
    one, other = (mb.DataCollatorForLanguageModeling(small.tokenizer(), seed=3) for _ in range(2))
    first, second = one(long_texts())["labels"], one(long_texts())["labels"]
    assert (first != second).any()
    np.testing.assert_array_equal(other(long_texts())["labels"], first)
    state = other.state_dict()
    again = other(long_texts())["labels"]
    np.testing.assert_array_equal(again, second)
    other.load_state_dict(state)
    np.testing.assert_array_equal(other(long_texts())["labels"], again)


def test_ones_own_labels_are_kept() -> None:
    ids = [2, *range(5, 21), 3]
    labels = [-100, *range(100, 108), *[-100] * 8, -100]
    collator = mb.DataCollatorForLanguageModeling(small.tokenizer(), mlm_probability=1.0, seed=0)
    batch, rules = collator.collate_with_rules(
        [{"input_ids": ids, "labels": labels}, {"input_ids": [2, 5, 3], "labels": [-100] * 3}]
    )
    np.testing.assert_array_equal(batch["labels"][0], labels)
    assert (batch["labels"][1] == -100).all()
    assert (rules[1] == LEFT_ALONE).all()
    np.testing.assert_array_equal(batch["input_ids"][0, 9:], ids[9:])


@pytest.mark.parametrize("side", ["left", "right"])
def test_causal_labels_and_the_padding_side(side: str) -> None:
    collator = mb.DataCollatorForLanguageModeling(small.tokenizer(side), mlm=False)
    batch = collator([{"input_ids": [2, 7, 8, 9, 3]}, {"input_ids": [2, 7, 3]}])
    row = [2, 7, 3, -100, -100] if side == "right" else [-100, -100, 2, 7, 3]
    np.testing.assert_array_equal(batch["labels"][1], row)
    given = [{"input_ids": [2, 7, 8, 9, 3], "labels": [1] * 5}, {"input_ids": [2, 7, 3], "labels": [5, 6, 7]}]
    expected = [5, 6, 7, -100, -100] if side == "right" else [-100, -100, 5, 6, 7]
    np.testing.assert_array_equal(collator(given)["labels"][1], expected)


WORDS = [[1, 2, 3], [4], [5], [6], [7, 8, 9, 10], [11]]  # places of "unaffable cat sat on unaffablely mat"


SENTENCE = [2, 10, 11, 12, 6, 8, 14, 10, 11, 12, 13, 15, 3]


def whole_word_features(how: str) -> list[dict]:
    feature: dict = {"input_ids": SENTENCE}
    ids: list[int | None] = [None] * len(SENTENCE)
    offsets = [(0, 0)] * len(SENTENCE)
    for number, places in enumerate(WORDS):
        for k, place in enumerate(places):
            ids[place] = number
            offsets[place] = (10 * number + k, 10 * number + k + 1)
    if how == "word_ids":
        feature["word_ids"] = ids
    if how == "offsets":
        feature["offset_mapping"] = offsets
    return [feature]


@pytest.mark.parametrize("how", ["word_ids", "offsets", "pieces"])
@pytest.mark.parametrize(
    "kind",
    [
        mb.DataCollatorForWholeWordMask,
        lambda *a, **k: mb.DataCollatorForLanguageModeling(*a, whole_word_mask=True, **k),
    ],
)
def test_words_are_chosen_as_a_whole(kind, how: str) -> None:
    collator = kind(small.tokenizer(), mlm_probability=0.4, seed=1)
    seen = np.zeros(len(WORDS))
    for _ in range(200):
        batch, rules = collator.collate_with_rules(whole_word_features(how))
        chosen = rules[0] != LEFT_ALONE
        assert not chosen[[0, -1]].any()
        for number, places in enumerate(WORDS):
            assert chosen[places].all() or not chosen[places].any()
            seen[number] += chosen[places[0]]
        assert set(batch) == {"input_ids", "attention_mask", "labels"}
    assert (seen > 20).all()


def test_the_whole_word_collator_fills_a_fixed_number() -> None:
    collator = mb.DataCollatorForWholeWordMask(small.tokenizer(), mlm_probability=0.3, seed=0)
    for _ in range(50):
        _, rules = collator.collate_with_rules(whole_word_features("pieces"))
        assert (rules != LEFT_ALONE).sum() == round(0.3 * len(SENTENCE))  # words of one token fill the rest


def lm(**options):
    return mb.DataCollatorForLanguageModeling(small.tokenizer(), **options)


class Maskless:
    mask_token_id = None
    pad = None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lm()([]), "was given no features"),
        (lambda: lm()(["the cat"]), r"features\[0\] is a str"),
        (lambda: lm()([{"text": "x"}]), "has text, but no 'input_ids'"),
        (
            lambda: lm()([{"input_ids": [1]}, {"input_ids": [1], "label": 2}]),
            r"features\[1\] and features\[0\] do not have the same names: label",
        ),
        (lambda: lm()([{"input_ids": [2, 5, 3], "labels": [1]}]), r"features\[0\] has 3 tokens and 1 labels"),
        (lambda: lm(mlm_probability=1.5), "mlm_probability is 1.5: a probability, at most 1"),
        (
            lambda: lm(mask_replace_prob=0.9, random_replace_prob=0.2),
            "0.9 and random_replace_prob 0.2 are together above 1",
        ),
        (lambda: lm(mlm=False, whole_word_mask=True), "whole_word_mask=True needs mlm=True"),
        (lambda: lm(return_tensors="pt"), "return_tensors is 'pt': batches are NumPy's"),
        (lambda: mb.DataCollatorForLanguageModeling(Maskless()), "the tokenizer has no mask token"),
    ],
)
def test_mistakes_are_one_sentence(make, message: str) -> None:
    with pytest.raises(mb.InputError, match=message):
        make()
