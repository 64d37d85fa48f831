"""Two roads lead from a text to its tokens; here thousands of texts take both.

The fast one fills caches by word or by what stands between blanks; the plain one (`tokenizer.words`) runs the
functions of each stage over the whole text.
"""

import json
import random
from pathlib import Path

import pytest
from generated_texts import generate

from minibert.tokenizers.bert import BertTokenizer
from minibert.tokenizers.files.sentencepiece_model import sentencepiece_bytes
from minibert.tokenizers.rembert import RemBertTokenizer
from minibert.tokenizers.roberta import RobertaTokenizer
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.pieces import NormalizerOptions, Piece, PieceType, SentencePieceModel
from minibert.tokenizers.stages.template import Sequence
from minibert.tokenizers.stages.unigram import float32
from minibert.tokenizers.training.charsmap_builder import build_charsmap

COUNT = 1200
HERE = Path(__file__).parents[1]
MODELS = HERE / "unigram_vectors"
BERT = [{}, {"do_lower_case": False}, {"strip_accents": False}, {"clean_text": False}]
ROBERTA = [{}, {"add_prefix_space": True}, {"trim_offsets": False}, {"add_prefix_space": True, "trim_offsets": False}]
REMBERT = ["nmt", "nfkc", "identity", "bytes", "symbols", "no_prefix", "suffix", "all_blanks", "inner", "folded"]
ADDED = [AddedToken("newtok", single_word=True), AddedToken("Norm"), AddedToken("lst", lstrip=True, normalized=False)]


def plain(tokenizer, text, start=None, end=None):
    """Ids, spans and words of a text, cut like a truncated one if `start` and `end` are given."""
    words = tokenizer.words(text)
    tokens = [(token.id, token.span, i) for i, word in enumerate(words) for token in word][start:end]
    sequence = Sequence([id_ for id_, *_ in tokens], [span for _, span, _ in tokens], [i for *_, i in tokens])
    tokenizer.stages.post_processor.trim(sequence, text, tokenizer.vocabulary)
    return sequence


def check(tokenizer, seed):
    texts = list(generate(COUNT, seed, [*tokenizer.all_special_tokens, "newtok", "Norm", "norm", "lst"]))
    for _ in range(2):  # the second time from full caches
        ids = tokenizer(texts)["input_ids"]
        rows = tokenizer(texts, return_offsets_mapping=True)
        for text, alone, row, spans in zip(texts, ids, rows["input_ids"], rows["offset_mapping"], strict=True):
            expected = plain(tokenizer, text)
            assert alone[1:-1] == row[1:-1] == expected.ids, repr(text)
            assert spans == [(0, 0), *expected.offsets, (0, 0)], repr(text)
    for text in texts[:200]:
        row = tokenizer(text)
        expected = plain(tokenizer, text)
        assert row.word_ids()[1:-1] == expected.words, repr(text)
        assert row[0].offsets[1:-1] == expected.offsets, repr(text)
    check_truncated(tokenizer, texts[:200])


def check_truncated(tokenizer, texts):
    for side in ("left", "right"):
        rows = tokenizer(texts, max_length=6, return_offsets_mapping=True, truncation_side=side)
        for text, ids, spans in zip(texts, rows["input_ids"], rows["offset_mapping"], strict=True):
            expected = plain(tokenizer, text, *((0, 4) if side == "right" else (-4, None)))
            assert ids[1:-1] == expected.ids, (side, text)
            assert spans[1:-1] == expected.offsets, (side, text)


def bert(**options):
    vocab = json.loads((HERE / "vectors" / "bert_cased.json").read_text())["vocab"]
    return BertTokenizer(vocab={token: i for i, token in enumerate(vocab)}, **options)


def roberta(**options):
    data = json.loads((HERE / "vectors" / "roberta.json").read_text())
    vocab = {token: i for i, token in enumerate(data["vocab"])}
    return RobertaTokenizer(vocab=vocab, merges=data["merges"], **options)


@pytest.mark.parametrize("options", BERT)
def test_bert(options):
    check(bert(extra_special_tokens=ADDED, **options), 1)


@pytest.mark.parametrize("options", ROBERTA)
def test_roberta(options):
    check(roberta(extra_special_tokens=ADDED, **options), 2)
    check(roberta(**options), 3)


def test_tokens_that_end_in_blanks_are_trimmed_from_the_first_text_on():
    vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", "Ċ", "a", "ĊĠ", "ĠĠ", "ĠĠĠ"]
    merges = [("Ċ", "Ġ"), ("Ġ", "Ġ"), ("ĠĠ", "Ġ")]
    for text in ("a\n  a", "a    a", "\n \n", "a\u00a0\n  a"):
        ids = {token: i for i, token in enumerate([*vocab, "Â", "ł"])}
        tokenizer = RobertaTokenizer(vocab=ids, merges=merges)
        row = tokenizer(text, return_offsets_mapping=True)
        assert row["offset_mapping"][1:-1] == plain(tokenizer, text).offsets, repr(text)
    assert tokenizer("a\n  a", return_offsets_mapping=True)["offset_mapping"][1:-1] == [(0, 1), (1, 2), (4, 4), (4, 5)]


@pytest.mark.parametrize("name", REMBERT)
def test_rembert(name):
    tokenizer = RemBertTokenizer(MODELS / f"{name}.model")
    check(tokenizer, 4)
    rng = random.Random(5)
    for _ in range(COUNT):  # blanks of all kinds, characters that vanish, marks, and characters that become several
        text = "".join(
            rng.choice("  \t\u3000\u200b\u00ad\x01abe\u0301\ufdfa㍿中か\u3099.,▁") for _ in range(rng.randint(1, 12))
        )
        expected = plain(tokenizer, text)
        row = tokenizer(text, return_offsets_mapping=True)
        assert row["input_ids"][1:-1] == expected.ids, repr(text)
        assert row["offset_mapping"][1:-1] == expected.offsets, repr(text)
        assert row.word_ids()[1:-1] == expected.words, repr(text)


def test_rules_that_move_characters_without_changing_the_length(tmp_path):
    """A character that vanishes beside one that becomes two; blanks that a longer rule begins with."""
    rules = {"q": "", "w": "ab", "\t": " ", "\tz": "c", "x": "c"}
    pieces = [Piece("[UNK]", 0.0, PieceType.UNKNOWN)]
    pieces += [Piece(text, -1.0 - i / 7) for i, text in enumerate(["▁", "▁a", "ab", "a", "b", "c", "▁c", "bc"])]
    path = tmp_path / "sentencepiece.model"
    options = NormalizerOptions(charsmap=build_charsmap(rules))
    path.write_bytes(sentencepiece_bytes(SentencePieceModel(tuple(pieces), options)))
    tokenizer, rng = RemBertTokenizer(path), random.Random(10)
    for _ in range(1500):
        text = "".join(rng.choice("qwabcx\tz ") for _ in range(rng.randint(1, 9)))
        expected = plain(tokenizer, text)
        row = tokenizer(text, return_offsets_mapping=True)
        assert (row["input_ids"][1:-1], row["offset_mapping"][1:-1]) == (expected.ids, expected.offsets), text
        assert row.word_ids()[1:-1] == expected.words, text


@pytest.mark.parametrize("word", ["cat", "e\u0301té", "x" * 70])
def test_spans_go_on_beyond_those_that_texts_share(word):
    rembert = RemBertTokenizer(MODELS / "nmt.model")
    for tokenizer in bert(), roberta(), roberta(add_prefix_space=True), rembert:
        for text in f"{word}, " * 500 + word, f"a [MASK] <mask> {word} " * 300:
            expected = plain(tokenizer, text)
            row = tokenizer(text, return_offsets_mapping=True, verbose=False)
            assert (row["input_ids"][1:-1], row["offset_mapping"][1:-1]) == (expected.ids, expected.offsets)
            assert row["offset_mapping"][-2][0] > 2048


def test_full_caches_are_emptied_and_filled_again(monkeypatch):
    for module in ("chunks", "wordpiece", "byte_bpe"):
        monkeypatch.setattr(f"minibert.tokenizers.fast.{module}.CACHE_LIMIT", 5)
    monkeypatch.setattr("minibert.tokenizers.fast.unigram_words.WORDS_KEPT", 5)
    for tokenizer in bert(), roberta(), RemBertTokenizer(MODELS / "nmt.model"):
        for text in generate(150, 6, tokenizer.all_special_tokens):
            expected = plain(tokenizer, text)
            row = tokenizer(text, return_offsets_mapping=True)
            assert tokenizer(text)["input_ids"] == row["input_ids"]
            assert (row["input_ids"][1:-1], row["offset_mapping"][1:-1]) == (expected.ids, expected.offsets), text


def near_ties(folder):
    """A tokenizer whose "ab" is cut in one way or the other by how the sum before it is rounded."""
    scores = {"▁": -1.0, "a": -1.1, "b": -1.3, "c": -3.7, ".": -2.0}
    rounded = {text: float32(score) for text, score in scores.items()}
    rounded["ab"] = float32(rounded["a"] + rounded["b"] - 3e-7)
    rounded["abc"] = float32(rounded["ab"] + rounded["c"] + 5e-7)
    pieces = [Piece("[UNK]", 0.0, PieceType.UNKNOWN), *(Piece(*item) for item in rounded.items())]
    path = folder / "sentencepiece.model"
    path.write_bytes(sentencepiece_bytes(SentencePieceModel(tuple(pieces))))
    return RemBertTokenizer(path)


def test_what_rounding_can_turn_is_known_as_long_as_its_spans_are(monkeypatch, tmp_path):
    monkeypatch.setattr("minibert.tokenizers.fast.unigram_words.WORDS_KEPT", 6)
    tokenizer, rng, ways = near_ties(tmp_path), random.Random(9), set()
    for _ in range(400):
        words = ["c", "ab", "cab", "abc", "abab", "ca", "acb", "bb", "cc", "ab.", ".c", ".abc."]
        text = " ".join(rng.choice(words) for _ in range(rng.choice([1, 2, 30, 300])))
        expected = plain(tokenizer, text)
        row = tokenizer(text, return_offsets_mapping=True)
        assert (row["input_ids"][1:-1], row["offset_mapping"][1:-1]) == (expected.ids, expected.offsets), text
        ways.update(expected.ids)
    assert len(ways) == 7
