"""Live comparison with SentencePiece: thousands of generated texts for models of every kind.

MINIBERT_LIVE_TEXTS=20000 raises the number of texts for each model, MINIBERT_LIVE_SEED changes them.
"""

import io
import os
import pydoc_data.topics
import random

import pytest
from generated_texts import SENTENCES, generate
from unigram_roads import UnigramRoads

from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model, sentencepiece_bytes
from minibert.tokenizers.stages.charsmap import CharsMap
from minibert.tokenizers.stages.pieces import NormalizerOptions
from minibert.tokenizers.training.charsmap_builder import build_charsmap, normalization_rules

pytestmark = pytest.mark.reference
COUNT = int(os.environ.get("MINIBERT_LIVE_TEXTS", "1000"))
SEED = int(os.environ.get("MINIBERT_LIVE_SEED", "0"))
SYMBOLS = ["<sep>", "foo bar", "ab", "abc", "é", "▁▁"]
PROSE = [line for topic in pydoc_data.topics.topics.values() for line in topic.split("\n\n") if len(line) < 2000]
MODELS = {
    "nmt_nfkc": {},
    "nmt_nfkc, small": {"vocab_size": 1200},
    "nfkc": {"normalization_rule_name": "nfkc"},
    "identity": {"normalization_rule_name": "identity"},
    "nfkc_cf": {"normalization_rule_name": "nfkc_cf"},
    "nmt_nfkc_cf, other ids": {"normalization_rule_name": "nmt_nfkc_cf", "pad_id": 0, "unk_id": 3, "bos_id": 1},
    "bytes": {"byte_fallback": True, "character_coverage": 0.99},
    "symbols": {"user_defined_symbols": SYMBOLS[:-1], "control_symbols": ["<ctl>"]},
    "symbols with blanks": {"user_defined_symbols": SYMBOLS, "byte_fallback": True},
    "no prefix": {"add_dummy_prefix": False},
    "all blanks": {"remove_extra_whitespaces": False},
    "suffix": {"treat_whitespace_as_suffix": True},
    "across words": {"split_by_whitespace": False},
}


@pytest.fixture(scope="module")
def sentencepiece():
    return pytest.importorskip("sentencepiece", reason="the reference of this comparison")


def train(sentencepiece, texts, **options):
    """A model file as bytes."""
    written = io.BytesIO()
    options = {"vocab_size": 4000, "character_coverage": 0.9995, "hard_vocab_limit": False, **options}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=written, minloglevel=3, num_threads=1, **options
    )
    return written.getvalue()


@pytest.fixture(scope="module", params=MODELS)
def both(request, sentencepiece):
    data = train(sentencepiece, [*PROSE[:3000], *SENTENCES * 3], **MODELS[request.param])
    return UnigramRoads(read_sentencepiece_model(data)), sentencepiece.SentencePieceProcessor(model_proto=data)


def texts_for(seed):
    """Texts of the generator, among them paragraphs of prose, whole and shuffled."""
    rng = random.Random(seed)
    for text in generate(COUNT, seed, ["<unk>", "<s>", *SYMBOLS, "▁", "<0x41>"]):
        kind = rng.random()
        if kind < 0.15:
            text = rng.choice(PROSE)
        elif kind < 0.25:
            words = rng.choice(PROSE).split()
            rng.shuffle(words)
            text = rng.choice([" ", "  ", "\u3000", "", "\t", "▁", "é"]).join([*words, text])
        yield text


def test_text_to_ids_and_back(both):
    unigram, reference = both
    rng = random.Random(SEED)
    for text in texts_for(SEED):
        ids = reference.encode(text)
        assert unigram.encode(text) == ids, text
        assert unigram.normalize_text(text) == reference.normalize(text), text
        assert unigram.decode(ids) == reference.decode(ids), text
        if rng.random() < 0.2:
            encoding = unigram.encode_with_offsets(text)
            assert encoding.ids == unigram.encode_plainly(text) == ids, text
            assert encoding.tokens == reference.encode(text, out_type=str), text
            assert unigram.normalize(text).text == reference.normalize(text), text


def test_any_ids_to_text(both):
    unigram, reference = both
    rng = random.Random(SEED)
    special = [i for i in range(len(reference)) if reference.is_control(i) or reference.is_byte(i)]
    special += [reference.unk_id(), reference.piece_to_id("▁")]
    for _ in range(COUNT):
        ids = [rng.randrange(len(reference)) for _ in range(rng.randint(0, 12))]
        ids += [rng.choice(special) for _ in range(rng.randint(0, 8))]
        if rng.random() < 0.5:
            rng.shuffle(ids)
        assert unigram.decode(ids) == reference.decode(ids), ids


def test_long_texts(both):
    unigram, reference = both
    rng = random.Random(SEED)
    for size in (60_000, 200_000):
        for text in (" ".join(rng.choices(PROSE, k=400))[:size], "".join(rng.choices("abcdé日 ", k=size)), "a" * size):
            assert unigram.encode(text) == reference.encode(text)


def test_what_is_known_about_pieces(both):
    unigram, reference = both
    model = unigram.model
    assert [piece.text for piece in model.pieces] == [reference.id_to_piece(i) for i in range(len(reference))]
    assert [piece.score for piece in model.pieces] == [reference.get_score(i) for i in range(len(reference))]
    assert model.unk_id == reference.unk_id()
    assert (model.bos_id, model.eos_id, model.pad_id) == (reference.bos_id(), reference.eos_id(), reference.pad_id())


def test_written_models_load(both, sentencepiece):
    unigram, reference = both
    again = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_bytes(unigram.model))
    for text in list(texts_for(SEED))[:200]:
        assert again.encode(text) == reference.encode(text)
        assert again.decode(again.encode(text)) == reference.decode(reference.encode(text))
    assert (again.unk_id(), again.bos_id(), again.eos_id(), again.pad_id()) == (
        reference.unk_id(), reference.bos_id(), reference.eos_id(), reference.pad_id(),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf"])
def test_named_rules_are_those_of_sentencepiece(sentencepiece, name):
    data = train(sentencepiece, SENTENCES * 3, vocab_size=1000, normalization_rule_name=name)
    reference = CharsMap(read_sentencepiece_model(data).normalizer.charsmap).rules()
    ours = normalization_rules(name)
    assert all(reference.get(source) == target for source, target in ours.items())
    # the others are characters that Python's Unicode tables do not have yet
    assert len(ours) > 0.99 * len(reference)


def test_written_maps_load(sentencepiece):
    """A map of ours inside a model: SentencePiece normalises by it."""
    rules = {"ab": "X", "abc": "", "é": "e", "e\u0301": "é", "\u3000": " ", "😀": " smile ", "q": "q\u0301"}
    options = NormalizerOptions("ours", build_charsmap(rules))
    model = read_sentencepiece_model(train(sentencepiece, SENTENCES * 3, vocab_size=1000))
    object.__setattr__(model, "normalizer", options)
    reference = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_bytes(model))
    unigram = UnigramRoads(model)
    for text in texts_for(SEED):
        text = text.replace("o", "ab").replace("u", "abc").replace("i", "e\u0301")
        assert unigram.normalize(text).text == reference.normalize(text)
