"""train_unigram and its parts: seeds, expectations and prunings against slow and simple ways to compute them."""

import pydoc_data.topics

import numpy as np
import pytest
from unigram_roads import UnigramRoads

import minibert as mb
from minibert.errors import InputError, TokenizerError
from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model
from minibert.tokenizers.stages.pieces import BYTE_PIECES, NormalizerOptions, PieceType
from minibert.tokenizers.training.scripts import scripts_of
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

PROSE = [text for topic in pydoc_data.topics.topics.values() for text in topic.split("\n\n")][:600]


# ------------------------------------------------------------ seeds


def test_first_bytes():
    chars = "a\x7f\x80é߿ࠀ▁\uffff𐀀😀\U0010ffff"
    assert _first_byte(np.array([ord(char) for char in chars])).tolist() == [char.encode()[0] for char in chars]


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
