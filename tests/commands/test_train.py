"""`minibert train`: every task from files, resuming to the same bits, what is measured."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.weights import open_checkpoint
from tests.commands.training_runs import SMALL, STEPS, moods, tagged, train
from tests.small_checkpoints import FAMILIES, SENTENCES, save

CALM = {"initializer_range": 0.1, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
LEARN = ("--max-steps", "60", "--batch-size", "4", "--learning-rate", "1e-2", "--eval-every", "60")


def end_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last JSON line that was printed."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_new_masked_model_of_every_family(
    family: str, tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = {"rembert": "150", "roberta": "400"}.get(family, "300")
    arguments = [*SMALL, *STEPS, "--family", family, "--vocab-size", size, "--task", "fill-mask", corpus]
    assert train(tmp_path / "run", *arguments) == 0
    out = capsys.readouterr().out
    assert "held out" in out
    assert f"minibert run --task fill-mask --model {tmp_path / 'run'} tries it." in out
    tokenizer = mb.AutoTokenizer.from_pretrained(tmp_path / "run")
    model = mb.AutoModelForMaskedLM.from_pretrained(tmp_path / "run")
    assert model.config.vocab_size == len(tokenizer)
    assert len(tokenizer) <= int(size)
    assert len(mb.pipeline("fill-mask", str(tmp_path / "run"))(f"My {tokenizer.mask_token} is Wolfgang.")) == 5
    longest = tokenizer(" ".join(SENTENCES), truncation=True, max_length=24, return_tensors="np")
    assert model(**longest).logits.shape[1] == 24


def test_a_loss_that_falls(tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--max-steps",
        "60",
        "--eval-every",
        "60",
        "--learning-rate",
        "1e-2",
        "--dropout",
        "0",
        "--eval-file",
        corpus,
    ]
    assert train(tmp_path / "run", *SMALL, *options, "--task", "fill-mask", "--json", corpus) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["event"] for event in events] == ["start", *["log"] * (len(events) - 2), "end"]
    losses = [event["loss"] for event in events if "loss" in event]
    assert losses[-1] < losses[0] - 0.7
    last = events[-1]["metrics"]
    assert last["eval_perplexity"] == pytest.approx(np.exp(last["eval_loss"]))
    assert 0 <= last["eval_accuracy"] <= 1
    assert events[-1]["steps"] == 60


def test_going_on_from_a_checkpoint(tmp_path: Path, corpus: str, bert: str) -> None:
    assert train(tmp_path / "run", "--task", "fill-mask", "--model", bert, *STEPS, corpus) == 0
    before, after = open_checkpoint(bert), open_checkpoint(tmp_path / "run")
    moved = [name for name in after if not np.array_equal(after[name], before[name])]
    assert "bert.encoder.layer.0.output.dense.weight" in moved
    assert max(float(np.abs(after[name] - before[name]).max()) for name in after) < 1e-2  # it went on from there
    assert (
        mb.AutoTokenizer.from_pretrained(tmp_path / "run").get_vocab()
        == mb.AutoTokenizer.from_pretrained(bert).get_vocab()
    )


def test_texts_are_classified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bert = str(save("bert", "ForMaskedLM", tmp_path / "bert", **CALM))
    arguments = ["--task", "text-classification", "--model", bert, *LEARN]
    assert train(tmp_path / "run", *arguments, "--json", moods(tmp_path / "moods.tsv")) == 0
    end = end_of(capsys)
    assert end["metrics"]["eval_accuracy"] == 1.0
    assert end["metrics"]["eval_macro_f1"] == 1.0
    assert end["metrics"]["eval_majority_accuracy"] == 0.5
    classify = mb.pipeline("text-classification", str(tmp_path / "run"))
    assert [each["label"] for each in classify(["The river number 99", "The dog number 98"])] == ["calm", "wild"]


@pytest.mark.parametrize("family", FAMILIES)
def test_words_are_classified(family: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(save(family, "ForMaskedLM", tmp_path / family, **CALM))
    arguments = ["--task", "token-classification", "--model", model, *LEARN]
    assert train(tmp_path / "run", *arguments, "--json", tagged(tmp_path / "names.conll")) == 0
    end = end_of(capsys)
    assert end["metrics"]["eval_accuracy"] == 1.0
    assert end["metrics"]["eval_entity_f1"] == 1.0
    assert end["metrics"]["eval_majority_accuracy"] == pytest.approx(4 / 6)
    find = mb.pipeline("ner", str(tmp_path / "run"), aggregation_strategy="first")
    assert {each["entity_group"] for each in find("My name is Wolfgang O'Neill.")} == {"PER"}


def test_a_trained_head_goes_on_or_begins_anew(tmp_path: Path) -> None:
    labels = {0: "wild", 1: "calm", 2: "other"}
    model = str(save("bert", "ForSequenceClassification", tmp_path / "head", id2label=labels))
    head, file = "classifier.weight", moods(tmp_path / "moods.tsv")
    base = ["--task", "text-classification", "--model", model, "--max-steps", "1", "--learning-rate", "1e-6"]
    assert train(tmp_path / "on", *base, file) == 0
    assert mb.AutoConfig.from_pretrained(tmp_path / "on").id2label == labels
    assert np.allclose(open_checkpoint(tmp_path / "on")[head], open_checkpoint(model)[head], atol=1e-5)
    assert train(tmp_path / "new", *base, "--new-head", file) == 0
    assert mb.AutoConfig.from_pretrained(tmp_path / "new").id2label == {0: "calm", 1: "wild"}
    assert open_checkpoint(tmp_path / "new")[head].shape == (2, 24)
    assert np.abs(open_checkpoint(tmp_path / "new")[head] - open_checkpoint(model)[head][:2]).max() > 0.1


def test_standard_input_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(SENTENCES * 2)))
    assert train(tmp_path / "run", *SMALL, *STEPS, "--task", "fill-mask", "--json") == 0
    first = end_of(capsys)
    assert (tmp_path / "run" / "input.txt").read_text(encoding="utf-8") == "\n".join(SENTENCES * 2)
    assert train(tmp_path / "run", "--resume", "--json") == 0
    assert end_of(capsys)["metrics"] == first["metrics"]


def test_the_best_weights_are_kept(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--task", "text-classification", "--model", bert, "--epochs", "6", "--learning-rate", "3e-2"]
    assert train(tmp_path / "run", *arguments, "--best", "--json", moods(tmp_path / "moods.tsv")) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    losses = [event["eval_loss"] for event in events if event["event"] == "log" and "eval_loss" in event]
    assert events[-1]["metrics"]["eval_loss"] == pytest.approx(min(losses))


def test_a_run_that_was_stopped_ends_with_the_same_bits(tmp_path: Path, corpus: str) -> None:
    """Ctrl-C in a process of its own, then --resume."""
    options = [*SMALL, "--max-steps", "40", "--log-every", "2", "--task", "fill-mask", corpus]
    assert train(tmp_path / "whole", *options) == 0
    command = [sys.executable, "-m", "minibert", "train", "--output-dir", "stopped run", *options]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(mb.__file__).parents[1])},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("step 2 "):
                break
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    stopped = re.fullmatch(
        r"minibert: stopped after step (\d+), which is saved; go on with: "
        r"minibert train --resume --output-dir 'stopped run'\n",
        said,
    )
    assert stopped is not None, said
    assert (tmp_path / "stopped run" / f"checkpoint-{stopped[1]}").is_dir()
    assert not (tmp_path / "stopped run" / "model.safetensors").exists()
    assert train(tmp_path / "stopped run", "--resume") == 0
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "stopped run"))
    assert one == other


def test_resuming_a_classifier_gives_the_same_bits(tmp_path: Path, bert: str) -> None:
    options = ["--task", "text-classification", "--model", bert, "--max-steps", "6", "--save-every", "3"]
    file = moods(tmp_path / "moods.tsv")
    assert train(tmp_path / "run", *options, file) == 0
    whole = (tmp_path / "run" / "model.safetensors").read_bytes()
    shutil.rmtree(bert)  # everything that is needed is in the run's folder
    (tmp_path / "run" / "model.safetensors").unlink()
    assert train(tmp_path / "run", "--resume") == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == whole


def test_a_run_without_a_checkpoint_begins_anew(tmp_path: Path, corpus: str) -> None:
    assert train(tmp_path / "run", *SMALL, *STEPS, "--task", "fill-mask", corpus) == 0
    whole = (tmp_path / "run" / "model.safetensors").read_bytes()
    shutil.rmtree(tmp_path / "run" / "checkpoint-4")
    assert train(tmp_path / "run", "--resume") == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == whole


def test_no_progress_bar_where_there_is_no_terminal(tmp_path: Path, corpus: str) -> None:
    options = ["--task", "fill-mask", "--output-dir", "run", *SMALL, *STEPS, corpus]
    done = subprocess.run(
        [sys.executable, "-m", "minibert", "train", *options],
        cwd=tmp_path, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(Path(mb.__file__).parents[1])},
    )  # fmt: skip
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
