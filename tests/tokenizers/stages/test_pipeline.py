"""The plain road says what every other road must give: generated texts, all families, many options, with offsets."""

import json
from functools import partial
from pathlib import Path

import pytest
from generated_texts import generate

from minibert.errors import InputError
from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.pipeline import text_parts, text_words
from minibert.tokenizers.stages.template import Sequence

HERE = Path(__file__).parents[1]
COUNT = 250
ADDED = [AddedToken("newtok", single_word=True), AddedToken("Norm"), AddedToken("lst", lstrip=True, normalized=False)]


def bert(**options):
    vocab = json.loads((HERE / "vectors" / "bert_cased.json").read_text())["vocab"]
    return BertTokenizer(vocab={token: i for i, token in enumerate(vocab)}, **options)


def roberta(**options):
    data = json.loads((HERE / "vectors" / "roberta.json").read_text())
    vocab = {token: i for i, token in enumerate(data["vocab"])}
    return RobertaTokenizer(vocab=vocab, merges=data["merges"], **options)


def rembert(name="nmt", **options):
    return RemBertTokenizer(HERE / "unigram_vectors" / f"{name}.model", **options)


CASES = {
    "bert": lambda: bert(extra_special_tokens=ADDED),
    "bert cased": lambda: bert(do_lower_case=False),
    "bert cased, stripped, no CJK": lambda: bert(
        do_lower_case=False, strip_accents=True, tokenize_chinese_chars=False
    ),
    "bert uncleaned, accents kept": lambda: bert(clean_text=False, strip_accents=False),
    "bert short words": lambda: bert(max_input_chars_per_word=4),
    "bert original": lambda: bert(profile="original", extra_special_tokens=ADDED),
    "roberta": lambda: roberta(extra_special_tokens=ADDED),
    "roberta prefix": lambda: roberta(add_prefix_space=True, extra_special_tokens=ADDED),
    "roberta untrimmed": lambda: roberta(trim_offsets=False),
    "roberta prefix untrimmed": lambda: roberta(add_prefix_space=True, trim_offsets=False),
    "roberta original": lambda: roberta(profile="original", extra_special_tokens=ADDED),
    "roberta original prefix": lambda: roberta(profile="original", add_prefix_space=True),
    "rembert": lambda: rembert(extra_special_tokens=ADDED),
    "rembert lower": lambda: rembert(do_lower_case=True),
    "rembert lower, no accents": lambda: rembert(do_lower_case=True, keep_accents=False),
    "rembert original": lambda: rembert(profile="original"),
    **{f"rembert {name}": partial(rembert, name) for name in ("bytes", "symbols", "inner", "suffix", "bare")},
}


def plain(tokenizer, text, split_special=False, is_word=False):
    """Ids, spans and words of a text by the stages alone."""
    words = text_words(text, tokenizer.stages, tokenizer.added, split_special, is_word)
    tokens = [(i, token) for i, word in enumerate(words) for token in word]
    return Sequence([t.id for _, t in tokens], [t.span for _, t in tokens], [i for i, _ in tokens])


@pytest.fixture(scope="module", params=CASES)
def tokenizer(request):
    return CASES[request.param]()


def texts(tokenizer, seed, count=COUNT):
    return list(generate(count, seed, [*tokenizer.all_special_tokens, "newtok", "Norm", "norm", "lst"]))


@pytest.mark.parametrize("split_special", [False, True])
def test_calls_give_what_the_stages_give(tokenizer, split_special):
    for text in texts(tokenizer, 21):
        expected = plain(tokenizer, text, split_special)
        tokenizer.stages.post_processor.trim(expected, text, tokenizer.vocabulary)
        arguments = {"add_special_tokens": False, "split_special_tokens": split_special, "verbose": False}
        row = tokenizer(text, return_offsets_mapping=True, **arguments)
        assert tokenizer(text, **arguments)["input_ids"] == row["input_ids"] == expected.ids, text
        assert row["offset_mapping"] == expected.offsets, text
        assert row.word_ids() == expected.words, text
        assert row[0].offsets == expected.offsets, text


def test_texts_that_come_as_words(tokenizer):
    for text in texts(tokenizer, 22, 60):
        words = text.split(" ")
        parts = [plain(tokenizer, word, is_word=True) for word in words]
        arguments = {"add_special_tokens": False, "is_split_into_words": True, "verbose": False}
        row = tokenizer(words, return_offsets_mapping=True, **arguments)
        assert row["input_ids"] == [id_ for part in parts for id_ in part.ids], words
        assert tokenizer(words, **arguments)["input_ids"] == row["input_ids"], words
        assert row.word_ids() == [i for i, part in enumerate(parts) for _ in part.ids], words
        expected = Sequence(row["input_ids"], [span for part in parts for span in part.offsets], row.word_ids())
        tokenizer.stages.post_processor.trim(expected, words, tokenizer.vocabulary)
        assert row["offset_mapping"] == expected.offsets, words


def test_explanations_give_the_ids_of_calls(tokenizer):
    for text in texts(tokenizer, 23, 60):
        if len(text) < 200:
            explanation = tokenizer.explain(text)
            assert explanation.ids == tokenizer(text, verbose=False)["input_ids"], text
            assert all(part.added is not None or part.text for part in explanation.parts)


def test_the_parts_of_a_text():
    tokenizer = bert(extra_special_tokens=[AddedToken("norm")])
    parts = list(text_parts("A[MASK] NORM b", tokenizer.stages, tokenizer.added))
    assert [(part.source.text, part.normalized.text) for part in parts] == [
        ("A", "a"), ("[MASK]", "[MASK]"), (" NORM b", " "), (" NORM b", "norm"), (" NORM b", " b"),
    ]  # fmt: skip
    assert [[word.text for word in part.words] for part in parts] == [["a"], [], [], [], ["b"]]
    assert [part.added is None for part in parts] == [True, False, True, False, True]


def test_a_text_of_which_nothing_is_left_is_a_part_without_words():
    tokenizer = bert()
    (part,) = text_parts("\x00", tokenizer.stages, tokenizer.added)
    assert part == (AlignedText("\x00", [(0, 1)]), AlignedText("", []), None, [])


def test_lone_surrogates_are_refused(tokenizer):
    with pytest.raises(InputError, match=r"U\+D800, at position 8"):
        text_words(f"a {'[MASK]'}\ud800", tokenizer.stages, tokenizer.added)
