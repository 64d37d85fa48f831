"""train_unigram and its parts: seeds, expectations and prunings against slow and simple ways to compute them."""

import itertools
import math
import pydoc_data.topics
import random
from collections import Counter

import numpy as np
import pytest
from unigram_roads import UnigramRoads

import minibert as mb
from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model
from minibert.tokenizers.stages.pieces import BYTE_PIECES, NormalizerOptions, PieceType
from minibert.tokenizers.training.scripts import scripts_of
from minibert.tokenizers.training.suffix_array import (
    Followers,
    common_prefixes,
    repeated_substrings,
    sort_suffixes,
)
from minibert.tokenizers.training.unigram import (
    EmStep,
    PruneStep,
    _choose,
    _first_byte,
    _required_characters,
    _script_ends,
    _seeds,
    _shrink,
    _Words,
    train_unigram,
)
from minibert.tokenizers.training.unigram_em import Lattice, digamma, estimate, prune, with_unknown

PROSE = [text for topic in pydoc_data.topics.topics.values() for text in topic.split("\n\n")][:600]


def laid_out(words):
    """text, room and weights of {word: count}, as the suffix array takes them."""
    text = np.array([ord(char) for word in words for char in word])
    room = np.array([len(word) - at for word in words for at in range(len(word))])
    weights = np.array([count for word, count in words.items() for _ in word])
    return text, room, weights


def random_words(rng, alphabet="abc"):
    words = ["".join(rng.choices(alphabet, k=rng.randint(1, 9))) for _ in range(rng.randint(1, 12))]
    return {word: rng.randint(1, 5) for word in words}


# ------------------------------------------------------------ best paths


def test_of_equal_ways_the_longer_last_piece_wins():
    lattice = Lattice(["xab", "ab"], {"x": 0, "a": 1, "b": 2, "ab": 3})
    best, last = lattice.best_paths(np.array([-1.0, -1.0, -1.0, -2.0, -20.0]))
    assert best.tolist() == [-3.0, -2.0]
    rounds = [(texts.tolist(), pieces.tolist()) for texts, pieces in lattice.walk(last)]
    assert rounds == [([0, 1], [3, 3]), ([0], [0])]


# ------------------------------------------------------------ seeds


def test_suffixes_are_sorted():
    rng = random.Random(0)
    for _ in range(100):
        words = random_words(rng)
        text, room, _ = laid_out(words)
        joined = "".join(words)
        for longest in (1, 2, 3, 5, 16):
            width = 1 << max(longest - 1, 0).bit_length()  # doubling stops at the first power of two
            order = sort_suffixes(text, room, longest)
            suffixes = [joined[at : at + min(room[at], width)] for at in order]
            assert suffixes == sorted(suffixes)
            common = common_prefixes(text, room, order, longest)
            for left, right, found in zip(suffixes, suffixes[1:], common[1:], strict=False):
                pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
                assert found == min(len(list(pairs)), longest)


def slow_repeats(words, longest):
    """Substrings of 2 to `longest` characters, twice or more, that not always have the same follower."""
    counts, followers = Counter(), {}
    for number, (word, count) in enumerate(words.items()):
        for start in range(len(word)):
            for end in range(start + 2, min(len(word), start + longest) + 1):
                counts[word[start:end]] += count
                follower = word[end] if end < len(word) else None
                followers.setdefault(word[start:end], set()).add(follower)
                if follower is None:
                    followers[word[start:end]] |= {f"end {number}", f"end {number}, again"}
    return {text: count for text, count in counts.items() if count >= 2 and len(followers[text]) > 1}


@pytest.mark.parametrize("longest", [2, 3, 4, 16])
def test_repeated_substrings(longest):
    rng = random.Random(longest)
    for _ in range(150):
        words = random_words(rng)
        found = repeated_substrings(*laid_out(words), longest)
        joined = "".join(words)
        strings = [joined[start : start + length] for start, length in zip(found.starts, found.lengths, strict=True)]
        assert len(set(strings)) == len(strings)
        assert dict(zip(strings, found.counts.tolist(), strict=True)) == slow_repeats(words, longest)


def test_followers_decide_what_can_not_grow():
    words = {"ab": 2, "cab": 3}
    text, room, weights = laid_out(words)
    always_blank = Followers(text, np.full(5, 1), np.full(5, 1))
    assert len(repeated_substrings(text, room, weights, 16, always_blank).starts) == 0
    sometimes_last = Followers(text, np.array([0, 0, 1, 1, 1]), np.full(5, 1))
    found = repeated_substrings(text, room, weights, 16, sometimes_last)
    assert (found.lengths.tolist(), found.counts.tolist()) == ([2], [5])


def test_first_bytes():
    chars = "a\x7f\x80é߿ࠀ▁\uffff𐀀😀\U0010ffff"
    assert _first_byte(np.array([ord(char) for char in chars])).tolist() == [char.encode()[0] for char in chars]


def test_scripts():
    assert scripts_of("aЖ中ひカー1▁\u0301") == {
        "a": "Latin", "Ж": "Cyrillic", "中": "Han", "ひ": "Han", "カ": "Han", "ー": "Han", "1": "Common", "▁": "Common",
        "\u0301": "Inherited",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("▁ab1.", [3, 3, 3, 5, 5]),
        ("a\u0301b", [3, 3, 3]),
        ("a\u0301Ж", [2, 3, 3]),
        ("ひカ中a", [3, 3, 3, 4]),
        ("ab▅c", [2, 2, 2, 4]),
        ("▁\u0301", [2, 2]),
        ("▁▅", [1, 1]),
    ],
)
def test_where_pieces_must_end(text, ends):
    assert _script_ends(np.array([ord(char) for char in text])).tolist() == ends


# ------------------------------------------------------------ expectations


@pytest.mark.parametrize("x", [0.5, 1.0, 2.0, 6.9, 7.0, 100.0, 12345.6])
def test_digamma(x):
    step = 1e-5 * max(x, 1)
    slope = (math.lgamma(x + step) - math.lgamma(x - step)) / (2 * step)
    assert digamma(np.array([x]))[0] == pytest.approx(slope, rel=1e-6, abs=1e-6)


def ways(text, scores, unknown):
    """Every way to cut the text: (pieces, sum); unknown characters are None."""
    if not text:
        return [((), 0.0)]
    found = []
    for size in range(1, len(text) + 1):
        if text[:size] in scores or size == 1:
            piece = text[:size] if text[:size] in scores else None
            score = scores.get(text[:size], unknown)
            found += [((piece, *rest), score + total) for rest, total in ways(text[size:], scores, unknown)]
    return found


def random_lattice(rng, **options):
    words = random_words(rng, "abc?")
    pieces = {"a": -1.5, "b": -2.0} | {
        "".join(rng.choices("abc", k=rng.randint(1, 4))): -rng.random() * 6 for _ in range(rng.randint(1, 9))
    }
    ids = {piece: i for i, piece in enumerate(pieces)}
    return words, pieces, Lattice(list(words), ids, **options), np.array(list(pieces.values()))


def test_expectations_are_sums_over_all_ways():
    rng = random.Random(1)
    for _ in range(60):
        words, pieces, lattice, scores = random_lattice(rng)
        expected, logs = lattice.expectations(with_unknown(scores), np.array(list(words.values()), float))
        unknown = min(pieces.values()) - 10
        slow = Counter()
        for (word, count), log in zip(words.items(), logs, strict=True):
            all_ways = ways(word, pieces, unknown)
            total = math.log(sum(math.exp(score) for _, score in all_ways))
            assert log == pytest.approx(total)
            for way, score in all_ways:
                for piece in way:
                    slow[piece] += count * math.exp(score - total)
        assert expected[:-1] == pytest.approx([slow[piece] for piece in pieces])
        assert expected[-1] == pytest.approx(slow[None])


def test_best_paths():
    rng = random.Random(2)
    for _ in range(60):
        words, pieces, lattice, scores = random_lattice(rng)
        sums, last = lattice.best_paths(with_unknown(scores))
        names = [*pieces, None]
        cut = [[] for _ in words]
        for texts, used in lattice.walk(last):
            for text, piece in zip(texts, used, strict=True):
                cut[text].insert(0, names[piece])
        for word, total, way in zip(words, sums, cut, strict=True):
            all_ways = ways(word, pieces, min(pieces.values()) - 10)
            assert total == pytest.approx(max(score for _, score in all_ways))
            assert tuple(way) in [way for way, score in all_ways if score == pytest.approx(total)]


def test_dropping_pieces_and_texts_is_the_same_as_building_anew():
    rng = random.Random(3)
    for _ in range(40):
        words, pieces, lattice, scores = random_lattice(rng)
        kept = sorted(rng.sample(range(len(pieces)), rng.randint(1, len(pieces))))
        texts = sorted(rng.sample(range(len(words)), rng.randint(1, len(words))))
        renumber = np.full(len(pieces), -1)
        renumber[kept] = np.arange(len(kept))
        lattice.keep(renumber)
        lattice.keep_texts(np.array(texts))
        fewer_words = [list(words)[i] for i in texts]
        anew = Lattice(fewer_words, {list(pieces)[i]: n for n, i in enumerate(kept)})
        weights = np.array([words[word] for word in fewer_words], float)
        for left, right in zip(
            lattice.expectations(with_unknown(scores[kept]), weights),
            anew.expectations(with_unknown(scores[kept]), weights),
            strict=True,
        ):
            assert left == pytest.approx(right)


def test_estimates_drop_what_is_hardly_expected():
    kept, scores = estimate(np.array([10.0, 0.4, 0.5, 2.0]))
    assert kept.tolist() == [0, 2, 3]
    assert scores == pytest.approx(digamma(np.array([10.0, 0.5, 2.0])) - digamma(np.array([12.5])))


def test_prune_drops_what_costs_least():
    pieces = {"a": -1.0, "b": -1.0, "c": -2.0, "ab": -1.2, "bc": -2.5, "abc": -9.0}
    words = {"ab": 50, "bc": 2, "abc": 1, "a": 5, "b": 5, "c": 5}
    ids = {piece: i for i, piece in enumerate(pieces)}
    lattice, alone = Lattice(list(words), ids), Lattice(list(pieces), ids, whole=False)
    decided = prune(
        lattice, np.array(list(words.values()), float), alone, with_unknown(np.array(list(pieces.values()))), 4, True
    )
    # abc is better cut; of ab and bc, ab saves more; characters have no alternative
    assert decided.pieces.tolist() == [0, 1, 2, 3]
    assert decided.dropped.tolist() == [4, 5]
    assert decided.losses[0] > 0 == decided.losses[1]
    assert decided.tokens == 50 + 2 + 2 + 15


def test_the_loss_of_a_piece_is_what_its_alternative_costs():
    words, pieces = {"ab": 10, "a": 5, "b": 3}, {"a": -2.0, "b": -2.0, "ab": -3.0}
    ids = {piece: i for i, piece in enumerate(pieces)}
    lattice, alone = Lattice(list(words), ids), Lattice(list(pieces), ids, whole=False)
    scores = with_unknown(np.array(list(pieces.values())))
    decided = prune(lattice, np.array([10.0, 5.0, 3.0]), alone, scores, 2, False)
    assert decided.pieces.tolist() == [0, 1]
    # ab has 10 of 18 tokens; without it, a and b would have 10 more each, of 28
    kept, without = math.log(10 / 18), math.log(15 / 28) + math.log(13 / 28)
    assert decided.losses.tolist() == pytest.approx([10 / 18 * (kept - without)])


def test_covered_characters_end_where_the_coverage_is_reached():
    assert _required_characters({"ab": 1}, 0.5) == ["a"]
    assert _required_characters({"ab": 1}, 0.51) == ["a", "b"]
    assert _required_characters({"b": 3, "a": 2, "c": 1}, 1.0) == ["b", "a", "c"]


def test_seeds_are_those_that_cover_most_text():
    words = _Words({"abcd": 3, "xy": 4}, {})
    seeds = _seeds(words, 16, 2, 1, False)
    assert {piece: size for piece, size in seeds.items() if len(piece) > 1} == {"abcd": 12.0}
    assert (seeds["a"], seeds["x"]) == (3.0, 4.0)


def test_the_final_choice():
    chosen = _choose({"a": -1.0, "ab": -0.5}, ["b", "c", "a"], 4)  # b and c lost their pieces on the way
    assert [piece.text for piece in chosen] == ["ab", "a", "b", "c"]
    assert [piece.score for piece in chosen] == pytest.approx([-0.5, -1.0, -1.0, -1.0001])
    assert [piece.text for piece in _choose({"c": -1.0, "ab": -1.0, "aa": -1.0}, [], 2)] == ["aa", "ab"]


# ------------------------------------------------------------ the trainer


def test_rounds_end_at_a_tenth_more_than_wanted():
    steps = []
    train_unigram(PROSE, 300, progress=False, on_step=steps.append)
    assert steps[-1].pieces == 330


def test_pieces_that_are_better_cut_do_not_stay():
    # "ab" is less probable than "a", then "b": no text would ever hold it
    kept = _shrink({"a": 50.0, "b": 50.0, "ab": 1.0}, {"a": 50, "b": 50, "ab": 1}, 3, False, False, None)
    assert sorted(kept) == ["a", "b"]
    kept = _shrink({"a": 5.0, "b": 5.0, "ab": 50.0}, {"a": 5, "b": 5, "ab": 50}, 3, False, False, None)
    assert sorted(kept) == ["a", "ab", "b"]


def test_vocabulary(tmp_path):
    trained = train_unigram(PROSE, 900, normalizer="identity", progress=False)
    assert len(trained.vocab) == len(trained.model.pieces) == 900
    assert list(trained.vocab)[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    kinds = [piece.type for piece in trained.model.pieces[:6]]
    assert kinds == [PieceType.CONTROL, PieceType.UNKNOWN, *[PieceType.CONTROL] * 3, PieceType.NORMAL]
    scores = [piece.score for piece in trained.model.pieces[5:]]
    assert scores == sorted(scores, reverse=True)
    model = trained.model
    assert (model.unk_id, model.bos_id, model.eos_id, model.pad_id) == (1, 2, 3, 0)


def test_files_load(tmp_path):
    trained = train_unigram(PROSE, 900, normalizer="identity", progress=False)
    assert [path.name for path in trained.save(tmp_path)] == ["spiece.model", "tokenizer_config.json"]
    assert read_sentencepiece_model(tmp_path / "spiece.model") == trained.model
    tokenizer = mb.RemBertTokenizer.from_pretrained(tmp_path)
    unigram = UnigramRoads(trained.model)
    for text in PROSE[:30]:
        assert tokenizer(text)["input_ids"] == [2, *unigram.encode(text), 3]
    assert unigram.decode(unigram.encode("a short text")) == "a short text"


def test_every_covered_character_has_a_piece():
    texts = ["abc abc", "abd", "q"]
    everything = train_unigram(texts, 13, character_coverage=1.0, normalizer="identity", progress=False)
    assert set("▁abcdq") <= set(everything.vocab)
    most = train_unigram(texts, 9, character_coverage=0.8, normalizer="identity", progress=False)
    assert "q" not in most.vocab


def test_user_defined_symbols_and_bytes():
    texts = ["see <sep> here", "<sep>see here", "see there"] * 3
    trained = train_unigram(
        texts,
        5 + 1 + 256 + 6,
        user_defined_symbols=["<sep>"],
        byte_fallback=True,
        normalizer="identity",
        progress=False,
    )
    assert list(trained.vocab)[5] == "<sep>"
    assert [piece.text for piece in trained.model.pieces[6 : 6 + 256]] == list(BYTE_PIECES)
    assert not any("<" in piece.text or "p" in piece.text for piece in trained.model.pieces[262:])
    unigram = UnigramRoads(trained.model)
    assert unigram.decode(unigram.encode("see <sep> 😀")) == "see <sep> 😀"


def test_pieces_respect_length_scripts_and_blanks():
    texts = ["abcdefghij abcdefghij", "abcdef1234 Жa Жa Жa Жa", "x.y x.y x.y"] * 3
    trained = train_unigram(
        texts, 27, max_piece_length=4, normalizer="identity", as_sentencepiece=False, progress=False
    )
    for piece in trained.model.pieces[5:]:
        assert len(piece.text) <= 4
        assert "▁" not in piece.text[1:]
        assert len(set(scripts_of(piece.text.lstrip("▁")).values())) <= 1, piece


def test_steps_show_estimates_and_prunings():
    steps = []
    trained = train_unigram(PROSE, 700, normalizer="identity", progress=False, on_step=steps.append)
    kinds = [type(step) for step in steps]
    assert kinds == [EmStep, EmStep, PruneStep] * (len(steps) // 3)
    assert all(
        second.log_probability > first.log_probability for first, second in zip(steps[::3], steps[1::3], strict=True)
    )
    for before, after in zip(steps[1::3], steps[2::3], strict=True):
        assert before.pieces - after.pieces >= len(after.dropped) - 1
        assert after.tokens > 0
    dropped = {piece for step in steps[2::3] for piece, _ in step.dropped}
    assert len(dropped & set(trained.vocab)) == 0
    assert [step.tokens for step in steps[2::3]] == sorted(step.tokens for step in steps[2::3])


def test_mended_seeds_give_fewer_tokens():
    def tokens(as_sentencepiece):
        trained = train_unigram(PROSE, 900, normalizer="identity", as_sentencepiece=as_sentencepiece, progress=False)
        return sum(len(UnigramRoads(trained.model).encode(text)) for text in PROSE)

    assert tokens(False) < tokens(True)


def test_same_texts_same_result():
    one, two = (train_unigram(iter(PROSE), 700, normalizer="identity", progress=False) for _ in range(2))
    assert one == two


def test_normalizer_by_name_or_by_options():
    named = train_unigram(["ﬁx ﬁx ﬁx"], 9, normalizer="nfkc", progress=False).model
    assert named.normalizer.name == "nfkc"
    assert set("▁fix") == {piece.text for piece in named.pieces[5:]}
    options = train_unigram(["ab  ab"], 8, normalizer=NormalizerOptions(add_dummy_prefix=False), progress=False).model
    assert options.normalizer.add_dummy_prefix is False


def test_progress_is_shown_or_not(capsys):
    train_unigram(["ab ab"], 8, normalizer="identity", progress=False)
    assert capsys.readouterr().err == ""
    train_unigram(["ab ab"], 8, normalizer="identity")
    assert "Drop pieces" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("texts", "options", "error", "reason"),
    [
        ([], {}, TokenizerError, "The texts hold no words, so there is nothing to learn a vocabulary from."),
        ([" "], {}, TokenizerError, "The texts hold no words, so there is nothing to learn a vocabulary from."),
        (["ab"], {"unk_token": "?"}, TokenizerError, "unk_token is '?', which is not among the special tokens [PAD], "),
        (["ab"], {"vocab_size": 7}, TokenizerError, "vocab_size is 7, but 5 special pieces and 3 characters need 8; "),
        (["ab"], {"vocab_size": 70}, TokenizerError, "vocab_size is 70, but these texts give only 8 pieces; lower it."),
        (["ab"], {"normalizer": "nfc"}, TokenizerError, "The normalisation 'nfc' is not known; known are identity, "),
        (["ab"], {"special_tokens": ["[UNK]", "x", "x"]}, TokenizerError, "piece 2, 'x', is in the vocabulary twice."),
        ("ab", {}, InputError, "The trainers take an iterable of texts, not one str; put it into a list."),
        ([None], {}, InputError, "Text 0 for the trainer is a NoneType, not a str."),
        (["\ud800"], {}, InputError, "The text holds a lone surrogate, U+D800"),
    ],
)
def test_bad_arguments(texts, options, error, reason):
    with pytest.raises(error) as caught:
        train_unigram(texts, **{"normalizer": "identity", "progress": False, **options})
    assert reason in str(caught.value)
