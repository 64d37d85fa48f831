"""The shipped tiny-rembert: its prompts and figures as its card says, and nothing of the unseen sets in training.

What holds for all that is shipped (names, golden packs, golden encodings) is in test_shipped.py.
"""

import importlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb

TOP = Path(__file__).resolve().parents[2]
WEIGHTS, VOCABULARY = TOP / "weights" / "tiny-rembert", TOP / "tokenizers" / "tiny-rembert"
FIGURES = json.loads((WEIGHTS / "figures.json").read_text(encoding="utf-8"))
CARD = (WEIGHTS / "README.md").read_text(encoding="utf-8")
ENCODINGS = json.loads((VOCABULARY / "golden.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def model() -> Any:
    return mb.RemBertForMaskedLM.from_pretrained("tiny-rembert")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return mb.RemBertTokenizer.from_pretrained("tiny-rembert")


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that makes the corpus; recipes are scripts, not a package."""
    monkeypatch.syspath_prepend(str(TOP / "recipes"))
    return importlib.import_module("corpora.multilingual")


def first_choices(texts: list[str]) -> list[str]:
    fill = mb.pipeline("fill-mask", model="tiny-rembert")
    return [answer[0]["token_str"].strip().removeprefix("▁") for answer in fill(texts, top_k=1)]


def test_size_and_name(model: Any) -> None:
    assert (WEIGHTS / "model.safetensors").stat().st_size <= 4_000_000
    assert model.num_parameters() == FIGURES["parameters"]
    assert isinstance(mb.AutoModelForMaskedLM.from_pretrained("tiny-rembert"), mb.RemBertForMaskedLM)
    assert isinstance(mb.AutoTokenizer.from_pretrained("tiny-rembert"), mb.RemBertTokenizer)


def test_prompts_as_the_card_says(corpus: Any) -> None:
    """Those fixed before training and those beyond its patterns, hits and misses."""
    prompts = FIGURES["prompts"] + FIGURES["limits"]
    texts = [prompt.text for prompt in [*corpus.PROMPTS, *corpus.LIMITS]]
    assert [prompt["text"] for prompt in prompts] == texts
    assert first_choices(texts) == [prompt["choice"] for prompt in prompts]
    hits = sum(prompt["choice"] == prompt["answer"] for prompt in FIGURES["prompts"])
    assert hits > len(FIGURES["prompts"]) * 2 / 3
    assert f"right in {hits} of the {len(FIGURES['prompts'])}." in CARD
    for prompt in prompts:
        verdict = "right" if prompt["choice"] == prompt["answer"] else "**wrong**"
        assert f"| {prompt['text']} | {prompt['answer']} | {prompt['choice']} | {verdict} |" in CARD


def test_figures_of_log_and_card_agree() -> None:
    records = [json.loads(line) for line in (WEIGHTS / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    final = records[-1]
    assert final["step"] == FIGURES["steps"]
    sets = re.findall(r"final_(\w+)_loss", " ".join(FIGURES))
    assert len(sets) == 5
    for name in sets:
        loss, accuracy = final[f"final_{name}_loss"], final[f"final_{name}_accuracy"]
        assert (loss, accuracy) == (FIGURES[f"final_{name}_loss"], FIGURES[f"final_{name}_accuracy"])
        assert f"| {loss:.4f} | {accuracy:.4f} | {FIGURES[f'unigram_{name}_loss']:.2f} |" in CARD
        assert loss < FIGURES[f"unigram_{name}_loss"]
        assert accuracy > FIGURES[f"unigram_{name}_accuracy"]
    for groups in FIGURES["clozes"].values():
        assert f"| {groups['all']['accuracy']:.4f} | {groups['all']['count']:,} |" in CARD


def test_unseen_stories_again(corpus: Any, model: Any, tokenizer: Any) -> None:
    """The cloze test on unseen stories gives the recorded figure; and none of them can stand in training."""
    frames = importlib.import_module("corpora.multilingual_frames")
    unseen = frames.stories(100, unseen=True, seed=0)
    seen = {line.text for line in frames.stories(corpus.STORIES, unseen=False, seed=0)}
    assert not seen & {line.text for line in unseen}
    recipe = importlib.import_module("tiny_rembert")
    found = recipe.cloze_accuracy(model, tokenizer, unseen)
    assert found == {group: pytest.approx(value) for group, value in FIGURES["clozes"]["story_unseen"].items()}


def test_unseen_translations_stand_nowhere_in_training(corpus: Any) -> None:
    frames = importlib.import_module("corpora.multilingual_frames")
    unseen = list(frames.translations(unseen=True))
    seen = {line.text for line in frames.translations(unseen=False)}
    assert len(unseen) > 500
    assert not seen & {line.text for line in unseen}
    # neither direction: what is hidden between two languages is hidden both ways
    assert any(line.text == "Auf Französisch heißt Buch livre." for line in unseen)
    assert any(line.text == "En allemand, livre se dit Buch." for line in unseen)


def test_sentences_agree(corpus: Any) -> None:
    """Spot checks of grammar, one of each kind that agrees, and how marks become cloze tests."""
    frames = importlib.import_module("corpora.multilingual_frames")
    texts = {line.text for line in frames.stories(corpus.STORIES, unseen=False, seed=0)}
    texts |= {line.text for line in [*frames.capitals(), *frames.series(), *frames.opposites()]}
    for sentence in ("La capitale de l'Égypte est Le Caire.", "Die Hauptstadt der Türkei ist Ankara.",
                     "День после среды — четверг.", "Il mese prima di marzo è febbraio."):  # fmt: skip
        assert sentence in texts
    wrong = r"einen (Katze|Blume|Buch|Pferd|Auto)\b|une (chien|chat|cheval|livre)\b|Эта ключ"
    assert [text for text in texts if re.search(wrong, text)] == []
    line = frames.Line("capital", "en", "<Rome> is the capital of <Italy>.")
    assert line.text == "Rome is the capital of Italy."
    assert list(line.clozes()) == [("[MASK] is the capital of Italy.", "Rome"),
                                   ("Rome is the capital of [MASK].", "Italy")]  # fmt: skip


def test_words_of_frames_are_hidden_less_often(corpus: Any, tokenizer: Any) -> None:
    recipe = importlib.import_module("tiny_rembert")
    rows = recipe.encode(tokenizer, ["The capital of Italy is Rome."] * 2000, 64)
    collator = recipe.ContentCollator(tokenizer, rows, seed=0)
    batch = {name: [row[name] for row in rows] for name in rows[0]}
    hidden = (collator([batch])["labels"] != -100).mean(axis=0)
    assert hidden[0] == hidden[-1] == 0.0
    tokens = tokenizer.convert_ids_to_tokens(rows[0]["input_ids"])
    assert hidden[tokens.index("▁capital")] == pytest.approx(recipe.COMMON_MASKED, abs=0.03)
    assert hidden[tokens.index("▁Rome")] == pytest.approx(recipe.RARE_MASKED, abs=0.05)


@pytest.mark.reference
class TestInTransformers:
    """The folders load in transformers as they are."""

    @pytest.mark.parametrize(("dtype", "error"), [("float32", 1e-5), ("float64", 1e-12)])
    def test_outputs(self, tokenizer: Any, dtype: str, error: float) -> None:
        """The largest difference of two logits, relative to the largest logit."""
        torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
        transformers.logging.set_verbosity_error()
        theirs = transformers.RemBertForMaskedLM.from_pretrained(WEIGHTS, dtype=getattr(torch, dtype)).eval()
        ours = mb.RemBertForMaskedLM.from_pretrained("tiny-rembert").to(dtype=dtype)
        batch = tokenizer([prompt["text"] for prompt in FIGURES["prompts"]], padding=True, return_tensors="np")
        with torch.no_grad():
            expected = theirs(**{name: torch.from_numpy(np.asarray(value)) for name, value in batch.items()}).logits
        difference = np.abs(ours(**batch).logits - expected.numpy())
        assert difference.max() <= error * np.abs(expected.numpy()).max()

    def test_encodings(self) -> None:
        transformers = pytest.importorskip("transformers")
        transformers.logging.set_verbosity_error()
        slow = transformers.RemBertTokenizer.from_pretrained(VOCABULARY)
        fast = transformers.AutoTokenizer.from_pretrained(VOCABULARY)
        for golden in ENCODINGS:
            texts = golden["text"], golden["text_pair"]
            assert slow(*texts)["input_ids"] == golden["input_ids"]
            assert slow(*texts)["token_type_ids"] == golden["token_type_ids"]
            assert fast(*texts)["input_ids"] == golden["input_ids"]
