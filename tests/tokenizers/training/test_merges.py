"""train_bpe and train_wordpiece: small corpora by hand, a slow trainer that says what the fast one should do, files."""

import json
import random
from collections import Counter
from itertools import pairwise

import pytest
from generated_texts import SENTENCES

import minibert as mb
from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.stages.byte_bpe import BYTE_CHARS
from minibert.tokenizers.training.bpe import train_bpe
from minibert.tokenizers.training.counting import count_words
from minibert.tokenizers.training.merges import MergeStep, Symbols, learn_merges
from minibert.tokenizers.training.wordpiece import train_wordpiece

NO_WORDS = "The texts hold no words, so there is nothing to learn a vocabulary from."


def slow_merges(words, alphabet, vocab_size, min_frequency):
    """BPE by counting all pairs anew each round. Differs where a pair forms anew after it was joined."""
    ids = {char: i for i, char in enumerate(alphabet)}
    words = {tuple(word): count for word, count in words.items()}
    merges = []
    while len(ids) < vocab_size:
        counts = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))
        if counts[best] < min_frequency:
            break
        merges.append(best)
        ids.setdefault("".join(best), len(ids))
        rewritten = Counter()
        for word, count in words.items():
            new, at = [], 0
            while at < len(word):
                joined = word[at : at + 2] == best
                new.append("".join(best) if joined else word[at])
                at += 2 if joined else 1
            rewritten[tuple(new)] += count
        words = rewritten
    return merges


def test_merges_are_those_of_counting_anew():
    rng = random.Random(0)
    for _ in range(150):
        texts = ["".join(rng.choices("abcd", (4, 3, 2, 1), k=rng.randint(1, 8))) for _ in range(rng.randint(1, 30))]
        words = {text: rng.randint(1, 9) for text in texts}
        symbols = Symbols("abcd")
        size, least = rng.randint(4, 30), rng.randint(0, 4)
        spelled = {tuple(symbols.ids[char] for char in word): count for word, count in words.items()}
        expected = slow_merges(words, "abcd", size, max(least, 1))
        strings = ["".join(pair) for pair in expected]
        merges = learn_merges(spelled, symbols, size, least)
        if len(set(strings)) == len(strings):  # no symbol was made in two ways
            assert merges == expected


def test_of_equally_frequent_pairs_the_smaller_ids_win():
    symbols = Symbols("abc")
    assert learn_merges({(1, 2): 3, (0, 1): 3}, symbols, 5, 1) == [("a", "b"), ("b", "c")]


def test_overlapping_pairs_are_joined_from_the_left():
    steps = []
    assert learn_merges({(0, 0, 0): 2}, Symbols("a"), 9, 1, on_step=steps.append) == [("a", "a"), ("aa", "a")]
    assert steps[0] == MergeStep(0, "a", "a", "aa", 4)


def test_min_frequency_and_size_stop_the_loop():
    words = {(0, 1): 3, (1, 2): 2}
    assert learn_merges(words, Symbols("abc"), 99, 3) == [("a", "b")]
    assert learn_merges(words, Symbols("abc"), 4, 1) == [("a", "b")]
    assert learn_merges(words, Symbols("abc"), 3, 1) == []


def test_a_symbol_made_in_two_ways_has_one_id():
    # "ab" is joined first, so abc comes from ab + c; but one word has "bc" from the start
    words = {(0, 1): 20, (1, 2): 8, (0, 1, 2): 5, (3, 1, 2): 4, (0, 4): 1}
    symbols = Symbols(["a", "b", "c", "x", "bc"])
    merges = learn_merges(words, symbols, 99, 1)
    assert ("ab", "c") in merges
    assert ("a", "bc") in merges
    assert sorted(symbols.ids.values()) == list(range(len(symbols.texts)))
    assert len(set(symbols.texts)) == len(symbols.texts)


def test_a_pair_that_forms_anew_keeps_its_count_and_stands_where_it_was_joined_last():
    words = {(0, 1): 20, (0, 1, 2): 10, (0, 1, 2, 3): 15, (0, 4, 3): 4}
    steps = []
    merges = learn_merges(words, Symbols(["a", "b", "c", "d", "bc"]), 99, 1, on_step=steps.append)
    assert merges == [("a", "b"), ("ab", "c"), ("a", "bc"), ("abc", "d")]
    joined = [(step.merged, step.frequency) for step in steps]
    assert joined == [("ab", 45), ("abc", 25), ("abcd", 15), ("abc", 4), ("abcd", 19)]


# ------------------------------------------------------------ BPE


def test_bpe_vocabulary_has_specials_bytes_and_merges_in_order():
    trained = train_bpe(["low lower lowest", "slow"], 270, progress=False)
    tokens = list(trained.vocab)
    assert tokens[:5] == ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    assert tokens[5:261] == sorted(BYTE_CHARS)
    assert tokens[261:] == ["".join(pair) for pair in trained.merges]
    assert list(trained.vocab.values()) == list(range(len(tokens)))


def test_bpe_prefix_space():
    assert ("Ġ", "a") in train_bpe(["a", "a"], 300, add_prefix_space=True, progress=False).merges
    assert train_bpe([" a", " a"], 300, progress=False).merges == [("Ġ", "a")]


def test_bpe_prefix_space_is_not_doubled():
    assert train_bpe([" a", " a"], 300, add_prefix_space=True, progress=False).merges == [("Ġ", "a")]
    assert train_bpe([" ", " "], 300, add_prefix_space=True, progress=False).merges == []


def test_bpe_files_load(tmp_path):
    trained = train_bpe(SENTENCES * 2, 700, progress=False)
    paths = trained.save(tmp_path / "new" / "folder")
    assert [path.name for path in paths] == ["vocab.json", "merges.txt", "tokenizer_config.json"]
    assert json.loads(paths[0].read_text(encoding="utf-8")) == trained.vocab
    tokenizer = mb.RobertaTokenizer.from_pretrained(tmp_path / "new" / "folder")
    assert tokenizer.get_vocab() == trained.vocab
    for text in SENTENCES:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
        assert len(ids) < len(text.encode())


# ------------------------------------------------------------ WordPiece


def test_wordpiece_vocabulary_order():
    trained = train_wordpiece(["Hug hugs!", "héhé"], 40, progress=False)
    assert list(trained.vocab)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert list(trained.vocab)[5:15] == ["!", "e", "g", "h", "s", "u", "##e", "##g", "##h", "##s"]
    assert "hug" in trained.vocab


def test_wordpiece_options():
    cased = train_wordpiece(["Éa Éa"], 40, do_lower_case=False, progress=False).vocab
    assert {"É", "##a", "Éa"} <= set(cased)
    kept = train_wordpiece(["Éa Éa"], 40, strip_accents=False, progress=False).vocab
    assert "éa" in kept
    assert (
        "中文"
        in train_wordpiece(["中文 中文"], 40, tokenize_chinese_chars=False, wordpieces_prefix="", progress=False).vocab
    )
    assert "@@b" in train_wordpiece(["ab"], 40, wordpieces_prefix="@@", progress=False).vocab


def test_limited_alphabet_keeps_the_most_frequent_characters():
    trained = train_wordpiece(["aab aab ac"], 40, limit_alphabet=2, min_frequency=99, progress=False)
    assert list(trained.vocab)[5:] == ["a", "b", "##a", "##b"]


def test_the_alphabet_counts_occurrences_not_words():
    trained = train_wordpiece(["zzz b", "aq bq q"], 99, limit_alphabet=3, progress=False, special_tokens=["[UNK]"])
    assert {"z", "q", "b"} < set(trained.vocab)  # 3, 3 and 2 times; a once
    trained = train_wordpiece(["z"] * 5 + ["qa qb"], 99, limit_alphabet=1, progress=False, special_tokens=["[UNK]"])
    assert list(trained.vocab) == ["[UNK]", "z"]


def test_words_that_the_limited_alphabet_makes_equal_count_together():
    steps = []
    texts = ["ab"] * 5 + ["axb"] * 4
    train_wordpiece(texts, 99, limit_alphabet=2, progress=False, on_step=steps.append)
    assert [(step.merged, step.frequency) for step in steps] == [("ab", 9)]


def test_wordpiece_files_load(tmp_path):
    trained = train_wordpiece(SENTENCES, 900, do_lower_case=False, progress=False)
    assert [path.name for path in trained.save(tmp_path)] == ["vocab.txt", "tokenizer_config.json"]
    tokenizer = mb.BertTokenizer.from_pretrained(tmp_path)
    assert tokenizer.get_vocab() == trained.vocab
    assert tokenizer.do_lower_case is False
    assert "[UNK]" not in tokenizer.tokenize(SENTENCES[0])


# ------------------------------------------------------------ all of them


@pytest.mark.parametrize("train", [mb.train_bpe, mb.train_wordpiece])
class TestEveryTrainer:
    def test_same_texts_same_result(self, train):
        assert train(iter(SENTENCES), 600, progress=False) == train(SENTENCES, 600, progress=False)

    def test_steps_are_the_new_symbols(self, train):
        steps = []
        trained = train(SENTENCES, 800, progress=False, on_step=steps.append)
        assert [step.rank for step in steps] == list(range(len(steps)))
        assert list(trained.vocab)[-len(steps) :] == [step.merged for step in steps]
        assert all(left.frequency >= right.frequency for left, right in pairwise(steps))

    def test_progress_is_shown_or_not(self, train, capsys):
        train(["ab ab"], 300, progress=False)
        assert capsys.readouterr().err == ""
        train(["ab ab"], 300)
        assert "Join pairs" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("texts", "options", "error", "reason"),
        [
            ([], {}, TokenizerError, NO_WORDS),
            (["", ""], {}, TokenizerError, NO_WORDS),
            (["a"], {"vocab_size": 0}, TokenizerError, "vocab_size is 0; it must be at least 1."),
            (["a"], {"special_tokens": ["x", "x"]}, TokenizerError, "The special token 'x' is given twice."),
            (["a"], {"special_tokens": [""]}, TokenizerError, "A special token is empty."),
            ("text", {}, InputError, "The trainers take an iterable of texts, not one str; put it into a list."),
            (["a", b"b"], {}, InputError, "Text 1 for the trainer is a bytes, not a str."),
        ],
    )
    def test_bad_arguments(self, train, texts, options, error, reason):
        with pytest.raises(error) as caught:
            train(texts, progress=False, **options)
        assert str(caught.value) == reason

    def test_lone_surrogates(self, train):
        with pytest.raises(InputError, match=r"lone surrogate, U\+DFFF"):
            train(["a\udfff"], progress=False)


def test_count_words_keeps_the_order_of_appearance():
    assert list(count_words(["b a", "b"], str.split).items()) == [("b", 2), ("a", 1)]
