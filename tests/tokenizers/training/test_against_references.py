"""Live comparison of the trainers with Hugging Face's and SentencePiece's on the same texts."""

import io
import json
import pydoc_data.topics
import random

import pytest
from generated_texts import SENTENCES, generate
from unigram_roads import UnigramRoads

from minibert.tokenizers.files.sentencepiece_model import read_sentencepiece_model, sentencepiece_bytes
from minibert.tokenizers.training.bpe import ROBERTA_SPECIALS, train_bpe
from minibert.tokenizers.training.unigram import train_unigram
from minibert.tokenizers.training.wordpiece import train_wordpiece
from tests.reference_packages import hugging_face_tokenizers

pytestmark = pytest.mark.reference
PROSE = [text for topic in pydoc_data.topics.topics.values() for text in topic.split("\n\n") if len(text) < 3000]
CORPORA = {
    "prose": PROSE[:-400],
    "many languages": SENTENCES * 3,
    "anything": list(generate(4000, 1, ["<s>", "[MASK]"])),
    "both": [*PROSE[:1000], *SENTENCES * 5],
}
HELD_OUT = PROSE[-400:]


@pytest.fixture(scope="module")
def tokenizers():
    return hugging_face_tokenizers("the reference of this comparison")


@pytest.fixture(scope="module")
def sentencepiece():
    return pytest.importorskip("sentencepiece", reason="the reference of this comparison")


@pytest.mark.parametrize("corpus", CORPORA)
@pytest.mark.parametrize(
    ("size", "min_frequency", "prefix"), [(600, 2, False), (1000, 1, True), (3000, 2, False), (30_000, 5, False)]
)
def test_bpe_merges_are_the_same(tokenizers, corpus, size, min_frequency, prefix):
    texts = CORPORA[corpus]
    ours = train_bpe(texts, size, min_frequency=min_frequency, add_prefix_space=prefix, progress=False)
    reference = tokenizers.ByteLevelBPETokenizer(add_prefix_space=prefix)
    reference.train_from_iterator(
        texts, vocab_size=size, min_frequency=min_frequency, special_tokens=list(ROBERTA_SPECIALS), show_progress=False
    )
    assert [list(pair) for pair in ours.merges] == json.loads(reference.to_str())["model"]["merges"]
    assert ours.vocab == reference.get_vocab()


@pytest.mark.parametrize("corpus", ["prose", "both"])
@pytest.mark.parametrize(("size", "lower"), [(1000, True), (3000, False)])
def test_wordpiece_differs_only_in_ties(tokenizers, corpus, size, lower):
    """Which pair of equally frequent ones is joined changes from run to run in the reference."""
    texts = CORPORA[corpus]
    steps = []
    ours = train_wordpiece(texts, size, do_lower_case=lower, progress=False, on_step=steps.append).vocab
    reference = tokenizers.BertWordPieceTokenizer(lowercase=lower)
    reference.train_from_iterator(texts, vocab_size=size, min_frequency=2, show_progress=False)
    theirs = reference.get_vocab()
    characters = {token for token in ours if len(token.removeprefix("##")) == 1}
    assert {token for token in theirs if len(token.removeprefix("##")) == 1} == characters
    assert abs(len(ours) - len(theirs)) <= 0.002 * len(theirs)
    assert len(set(ours) & set(theirs)) > 0.95 * len(theirs)


@pytest.mark.parametrize("seed", range(20))
def test_wordpiece_without_ties_is_the_same(tokenizers, seed):
    """Words of three letters, each as often as a power of two: no two pairs of different words are equally frequent."""
    rng = random.Random(seed)
    words = dict.fromkeys("".join(rng.choices("abcd", k=rng.randint(2, 3))) for _ in range(12))
    texts = [" ".join([word] * 2**power) for power, word in enumerate(words)]
    ours = train_wordpiece(texts, 35, min_frequency=2, progress=False).vocab
    reference = tokenizers.BertWordPieceTokenizer()
    reference.train_from_iterator(texts, vocab_size=35, min_frequency=2, show_progress=False)
    assert set(reference.get_vocab()) == set(ours)


@pytest.mark.parametrize(
    ("corpus", "size", "options"),
    [
        ("prose", 1000, {}),
        ("prose", 4000, {"normalization_rule_name": "identity"}),
        ("prose", 3000, {"max_sentencepiece_length": 8, "character_coverage": 0.99}),
        ("both", 2000, {"normalization_rule_name": "nfkc"}),
        ("many languages", 600, {}),
    ],
)
def test_unigram_needs_as_many_tokens(sentencepiece, corpus, size, options):
    texts = CORPORA[corpus]
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=written, vocab_size=size, minloglevel=3, num_threads=1, **options
    )
    model = read_sentencepiece_model(written.getvalue())
    ours = train_unigram(
        texts, size, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", normalizer=model.normalizer,
        character_coverage=options.get("character_coverage", 0.9995),
        max_piece_length=options.get("max_sentencepiece_length", 16), progress=False,
    )  # fmt: skip
    assert len(ours.vocab) == size
    assert len(set(ours.vocab) & set(model.ids)) > 0.98 * size
    unigram, reference = UnigramRoads(ours.model), UnigramRoads(model)
    for sample in (texts, HELD_OUT):
        theirs = sum(len(reference.encode(text)) for text in sample)
        found = sum(len(unigram.encode(text)) for text in sample)
        assert abs(found - theirs) <= 0.003 * theirs
    processor = sentencepiece.SentencePieceProcessor(model_proto=sentencepiece_bytes(ours.model))
    assert [processor.encode(text) for text in HELD_OUT] == [unigram.encode(text) for text in HELD_OUT]
