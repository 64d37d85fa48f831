"""The demonstrations: honest data, a short run from end to end, and what their stored results claim."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import minibert as mb

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def examples(monkeypatch):
    """Import a file of examples/ as a script would."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return __import__


def test_no_thing_and_no_sentence_of_the_test_is_in_the_training(examples) -> None:
    demo = examples("finetune_minilm")
    train, choose, test = demo.make_data()
    seen = {word for text, _ in train + choose for word in text.lower().split()}
    things = {thing for line in demo.THINGS.values() for thing in line.split()}
    tested = {thing for line in demo.THINGS.values() for thing in line.split()[10:]}
    assert len(things) == 16 * len(demo.KINDS)  # none is of two kinds
    assert not any(word.strip("?.,") in tested for word in seen)
    assert not set(demo.TEST_SENTENCES) & set(demo.TRAIN_SENTENCES)
    assert {label for _, label in test} == set(range(len(demo.KINDS)))
    assert demo.naive_bayes(train, test) == pytest.approx(1 / len(demo.KINDS))
    assert demo.naive_bayes(train, train) == 1.0  # it does count


def test_held_out_stories_are_not_learned_from(examples) -> None:
    demo, world = examples("pretrain_tiny_bert"), examples("small_world")
    texts = world.small_world(500)
    assert texts == world.small_world(500)
    train, held_out = demo.split(texts)
    assert not set(train) & set(held_out)
    assert len(held_out) == 50


def test_baselines_are_counted_on_the_training_text(examples) -> None:
    demo = examples("pretrain_tiny_bert")
    rows = [[2, 5, 6, 5, 7, 3], [2, 5, 6, 3]]
    found = demo.count_baselines(rows, [[2, 5, 6, 6, 3]])
    assert found == {"unigram": pytest.approx(1 / 3), "bigram": pytest.approx(2 / 3)}


def test_python_prose_is_prose(examples) -> None:
    paragraphs = examples("python_prose").python_prose()
    assert len(paragraphs) == len(set(paragraphs)) > 3000
    assert all(len(text.split()) >= 6 and ">>>" not in text for text in paragraphs)


def test_a_short_run_is_saved_and_resumed(tmp_path) -> None:
    command = [sys.executable, str(EXAMPLES / "pretrain_tiny_bert.py"), "--no-results", "--output", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    for steps in (2, 3):
        done = subprocess.run(
            [*command, "--steps", str(steps)], env=environment, capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert f'"steps": {steps}' in done.stdout
    model = mb.BertForMaskedLM.from_pretrained(tmp_path / "model")
    tokenizer = mb.BertTokenizer.from_pretrained(tmp_path / "model")
    assert model.config.vocab_size == len(tokenizer)


@pytest.mark.parametrize("corpus", ["stories", "python"])
def test_the_stored_run_is_far_above_its_baselines(corpus: str) -> None:
    results = json.loads((EXAMPLES / f"pretrain_tiny_bert_{corpus}.json").read_text(encoding="utf-8"))
    assert results["held_out_masked_accuracy"] > 4 * results["unigram_accuracy"]
    assert results["held_out_masked_accuracy"] > 1.3 * results["bigram_accuracy"]
    assert (EXAMPLES / f"pretrain_tiny_bert_{corpus}.png").read_bytes().startswith(b"\x89PNG")


def test_the_stored_classifier_is_far_above_its_baselines() -> None:
    results = json.loads((EXAMPLES / "finetune_minilm.json").read_text(encoding="utf-8"))
    others = [results[name] for name in ("majority", "naive_bayes", "from_random_weights")]
    assert results["from_minilm"] > 0.9 > 0.3 > max(others)
    assert (EXAMPLES / "finetune_minilm.png").read_bytes().startswith(b"\x89PNG")
