"""`minibert train`: every task from files, resuming to the same bits, what is measured, and every mistake."""

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
from minibert.cli import main
from minibert.commands.training import data, folder, metrics
from minibert.weights import open_checkpoint
from tests.small_checkpoints import FAMILIES, SENTENCES, save

SMALL = ("--hidden-size", "16", "--vocab-size", "300", "--batch-size", "4", "--max-length", "24")
STEPS = ("--max-steps", "4", "--save-every", "2", "--log-every", "2", "--eval-every", "2")

CALM = {"initializer_range": 0.1, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
LEARN = ("--max-steps", "60", "--batch-size", "4", "--learning-rate", "1e-2", "--eval-every", "60")


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    path = tmp_path / "corpus.txt"
    path.write_text("\n\n".join(SENTENCES * 3), encoding="utf-8")
    return str(path)


@pytest.fixture
def bert(tmp_path: Path) -> str:
    return str(save("bert", "ForMaskedLM", tmp_path / "bert"))


def moods(path: Path, rows: int = 40) -> str:
    """Texts whose class stands in one word."""
    lines = [f"The {('river', 'dog')[i % 2]} number {i}\t{('calm', 'wild')[i % 2]}" for i in range(rows)]
    path.write_text("\n".join(["text\tlabel", *lines, ""]))
    return str(path)


def tagged(path: Path, sentences: int = 12) -> str:
    """Sentences whose names are marked."""
    sentence = "My\tO\nname\tO\nis\tO\nWolfgang\tB-PER\nO'Neill\tI-PER\n.\tO\n"
    path.write_text("-DOCSTART- O\n\n" + "\n".join([sentence] * sentences))
    return str(path)


def train(output: Path, *arguments: str) -> int:
    return main(["train", "--output-dir", str(output), *arguments])


def end_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last JSON line that was printed."""
    return json.loads(capsys.readouterr().out.splitlines()[-1])


# every task


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


def test_the_same_data_in_every_form(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [line.split("\t") for line in Path(moods(tmp_path / "a.tsv")).read_text().splitlines()[1:]]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"sentence": a, "y": b}) + "\n" for a, b in rows))
    (tmp_path / "a.csv").write_text("y,sentence\n" + "".join(f'{b},"{a}"\n' for a, b in rows))
    losses = []
    for name, more in (("a.tsv", []), ("a.jsonl", ["--text-column", "sentence", "--label-column", "y"]),
                       ("a.csv", ["--text-column", "sentence", "--label-column", "y"])):  # fmt: skip
        arguments = ["--task", "text-classification", "--model", bert, *STEPS, "--json", *more]
        assert train(tmp_path / f"run-{name}", *arguments, str(tmp_path / name)) == 0
        losses.append(end_of(capsys)["training_loss"])
    assert losses[0] == losses[1] == losses[2]


def test_a_trained_head_goes_on_or_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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
    (tmp_path / "more.tsv").write_text("text\tlabel\nOne\tcalm\nTwo\tunheard\n")
    assert train(tmp_path / "bad", *base, str(tmp_path / "more.tsv")) == 1
    assert capsys.readouterr().err == (
        f"minibert: {tmp_path / 'more.tsv'}:3: the label 'unheard' is not one of the labels that {model} has, wild, "
        "calm, other; --new-head begins with a new head for the data's own labels.\n"
    )


def test_a_head_of_another_task_is_not_taken_over(tmp_path: Path) -> None:
    """A classifier of texts has parameters of the same names and shapes as one of words."""
    model = str(save("bert", "ForSequenceClassification", tmp_path / "head", num_labels=3))
    arguments = ["--task", "token-classification", "--model", model, "--max-steps", "1", "--learning-rate", "1e-6"]
    assert train(tmp_path / "run", *arguments, tagged(tmp_path / "names.conll")) == 0
    found, other = open_checkpoint(tmp_path / "run"), open_checkpoint(model)
    assert np.abs(found["classifier.weight"] - other["classifier.weight"]).max() > 0.1
    assert np.abs(found["classifier.bias"]).max() < 1e-5
    assert mb.AutoConfig.from_pretrained(tmp_path / "run").id2label == {0: "O", 1: "B-PER", 2: "I-PER"}


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


# a run's folder


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


def test_overwriting(tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = [*SMALL, *STEPS, "--task", "fill-mask", corpus]
    assert train(tmp_path / "run", *options) == 0
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    capsys.readouterr()
    assert train(tmp_path / "run", *options) == 1
    assert capsys.readouterr().err == (
        f"minibert: {tmp_path / 'run'} holds an earlier run: --resume goes on with it, --overwrite removes it and "
        "begins anew.\n"
    )
    assert train(tmp_path / "run", *options, "--overwrite", "--seed", "1", "--vocab-size", "200") == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() != before
    assert len(mb.AutoTokenizer.from_pretrained(tmp_path / "run")) == 200


@pytest.mark.skipif(sys.platform == "win32", reason="there is no flock")
def test_a_folder_in_use(tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    with folder.locked(tmp_path / "run"):
        assert train(tmp_path / "run", *SMALL, "--task", "fill-mask", corpus) == 1
    assert capsys.readouterr().err == (
        f"minibert: {tmp_path / 'run'} is in use: another minibert train is writing there.\n"
    )


def test_a_try_that_fails_leaves_nothing(tmp_path: Path, corpus: str) -> None:
    bad = [*SMALL, "--num-attention-heads", "3", "--task", "fill-mask", corpus]
    assert train(tmp_path / "run", *bad) == 1
    assert not (tmp_path / "run").exists()
    assert train(tmp_path / "run", *SMALL, *STEPS, "--task", "fill-mask", corpus) == 0


def test_resuming_what_has_changed(tmp_path: Path, corpus: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert train(run, *SMALL, *STEPS, "--task", "fill-mask", corpus) == 0
    capsys.readouterr()
    with Path(corpus).open("a") as file:
        file.write("One more.\n")
    said = []
    for prepare in (lambda: None, lambda: Path(corpus).unlink(), lambda: (run / "run.json").write_text("{}"),
                    lambda: (run / "run.json").write_text("{"), lambda: (run / "run.json").unlink()):  # fmt: skip
        prepare()
        assert train(run, "--resume") == 1
        said.append(capsys.readouterr().err.removeprefix("minibert: ").rstrip("\n"))
    assert said[0] == f"{corpus} has changed since the run in {run} began: it cannot go on as the same run."
    assert said[1] == f"{corpus} is gone, and the run in {run} was reading it: put it back to resume."
    assert said[2] == f"{run / 'run.json'} is not what minibert train of this version writes."
    assert "the options of the run is not JSON" in said[3]
    assert said[4] == f"{run} holds no run of minibert train to resume: there is no run.json in it."


# mistakes


def test_mistakes_of_options(
    tmp_path: Path, corpus: str, bert: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(" \n"))
    fill, texts = ["--task", "fill-mask"], ["--task", "text-classification"]
    (tmp_path / "config.json").write_text(json.dumps(mb.BertConfig().to_dict()))
    config = str(tmp_path / "config.json")
    full = tmp_path / "full"
    full.mkdir()
    for name in "abcd":
        (full / name).touch()
    for arguments, message in (
        ([corpus], "--task is missing: give one of fill-mask, text-classification, token-classification."),
        ([*texts, corpus], "text-classification goes on from a checkpoint: give --model."),
        ([*fill, "--model", bert, "--hidden-size", "8", corpus],
         "--hidden-size is for new models, and --model goes on from a checkpoint: give one of them."),
        ([*fill, "--config", config, "--dropout", "0", corpus],
         "--dropout is in the file that --config names: give one of them."),
        ([*fill, "--tokenizer", bert, "--cased", corpus],
         "--cased is for a tokenizer that is learned, and --tokenizer names one."),
        ([*texts, "--model", bert, "--paragraphs", corpus],
         "--paragraphs is an option of fill-mask, not of text-classification."),
        ([*fill, "--pair-column", "b", corpus], "--pair-column is an option of text-classification, not of fill-mask."),
        ([*fill, "--new-head", corpus], "--new-head is an option of text-classification and token-classification."),
        ([*fill, "--eval-file", corpus, "--eval-split", "0.5", corpus],
         "--eval-file and --eval-split say the same thing in two ways: give one of them."),
        ([*fill, "--max-steps", "1", "--epochs", "1", corpus],
         "--max-steps and --epochs say the same thing in two ways: give one of them."),
        ([*fill, "--batch-size", "1", "--batch-tokens", "1", corpus],
         "--batch-size and --batch-tokens say the same thing in two ways: give one of them."),
        ([*fill, "--best", "--eval-split", "0", corpus], "--best needs data to evaluate on, and --eval-split is 0."),
        ([*fill, "--batch-size", "0", corpus], "--batch-size is 0: a whole number of at least 1 belongs there."),
        ([*fill, "--learning-rate", "-1", corpus], "--learning-rate is -1.0: a number above 0 belongs there."),
        ([*fill, "--eval-split", "1", corpus],
         "--eval-split is 1.0: a share of the data, from 0 to below 1, belongs there."),
        ([*fill], "there is no data: give files after the options, or text on standard input."),
        ([*fill, "--max-length", "5", corpus], "--max-length is 5: with special tokens at least 6 fit."),
        ([*fill, "--model", bert, "--max-length", "65", corpus],
         "--max-length is 65, and the model has positions for 64 tokens."),
        ([*fill, "--family", "roberta", "--tokenizer", bert, corpus],
         "the tokenizer is of the bert family, and the model of roberta: give --family."),
        ([*fill, "--hidden-size", "10", "--vocab-size", "99", corpus],
         "hidden_size 10 is not a multiple of num_attention_heads 4."),
        ([*fill, "--device", "7", corpus, "--vocab-size", "99"], "device is 7: give -1 or 'cpu' for NumPy, 0, 'cuda'"),
        ([*fill, "--schedule", "wavy", "--vocab-size", "99", corpus],
         "--schedule is 'wavy': choose one of linear, cosine"),
        (["--resume", "--epochs", "2"], f"--resume takes all options from {tmp_path / 'run' / 'run.json'}: leave out "
         "--epochs."),
        (["--resume", corpus], f"--resume takes all options from {tmp_path / 'run' / 'run.json'}: leave out FILE."),
        (["--resume"], f"{tmp_path / 'run'} holds no run of minibert train to resume: there is no run.json in it."),
    ):  # fmt: skip
        assert train(tmp_path / "run", *arguments) == 1, arguments
        captured = capsys.readouterr()
        assert captured.err.startswith(f"minibert: {message}")
        assert captured.err.count("\n") == 1
        assert not (tmp_path / "run").exists()
    assert train(full, *fill, corpus) == 1
    assert capsys.readouterr().err == (
        f"minibert: {full} holds files that are of no run of minibert train (a, b, c, ...): give a new folder.\n"
    )
    assert train(Path(corpus), *fill, corpus) == 1
    assert capsys.readouterr().err == f"minibert: {corpus} is a file: give --output-dir a folder.\n"


def test_mistakes_in_data(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "d"
    texts, words, fill = "text-classification", "token-classification", "fill-mask"
    for task, ending, content, message in (
        (fill, "txt", "\n \n", ": there is no text in it, only blank lines."),
        (fill, "txt", "One text.", "there is too little data: 1 in all, of which --eval-split 0.1 holds out 1"),
        (fill, "txt", "a\nb\nc", "every text has fewer than 4 tokens: there is nothing to fill in."),
        (fill, "txt", b"fine\nna\xefve", ":2 is not UTF-8: it has the byte 0xef."),
        (fill, "csv", "a", ": fill-mask is trained on txt files, not on csv; --format says how a file is read"),
        (texts, "data", "a", ": its ending does not say what it holds: rename it, or give --format tsv or csv or "
         "jsonl."),
        (texts, "txt", "a", ": text-classification is trained on tsv, csv, jsonl files, not on txt"),
        (texts, "tsv", "a\tlabel\nx\ty\n", ":1 names the columns a, label: there is no 'text' among them, so name the "
         "right one with --text-column."),
        (texts, "tsv", "", ":1 names the columns (none): there is no 'text'"),
        (texts, "tsv", "text\tlabel\n", ": there are no rows in it."),
        (texts, "tsv", "text\tlabel\na\tb\na b\n", ":3 has 1 column, and the first line 2."),
        (texts, "tsv", "text\tlabel\na\tb\n \tb\n", ":3: the 'text' is empty."),
        (texts, "tsv", "text\tlabel\na\t\n", ":2: the 'label' is empty."),
        (texts, "csv", 'text,label\n"a,b\n', " cannot be read as csv: "),
        (texts, "jsonl", '{"text": "a"}', ":1 has no 'label', only text: name the right field with --label-column."),
        (texts, "jsonl", '{"text": 3, "label": "a"}', ":1: 'text' is 3, not a text."),
        (texts, "jsonl", '{"text": "a", "label": 0.5}', ":1: 'label' is 0.5, not a text."),
        (texts, "jsonl", "\n[1]\n", ":2 is no JSON object: one {...} a line belongs there."),
        (texts, "jsonl", "{", ":1 is not JSON: "),
        (texts, "tsv", "text\tlabel\na\tx\nb\tx\n", "every label is 'x': there must be two classes or more"),
        (words, "conll", "a X\nb\n", ":2 is 'b': a word, then a blank or a tab, then its label belong there."),
        (words, "conll", "\n\n", ": there are no sentences in it."),
        (words, "jsonl", '{"tokens": ["a"], "labels": ["X", "Y"]}', ":1 has 1 word and 2 labels: one each"),
        (words, "jsonl", '{"words": ["a"]}', ":1 has no 'tokens', only words: name the right field with --text-c"),
        (words, "jsonl", '{"tokens": "a", "labels": ["X"]}', ":1: 'tokens' is \"a\", not a list of texts."),
        (words, "tsv", "a\tX", ": token-classification is trained on conll, jsonl files, not on tsv"),
    ):  # fmt: skip
        path = file.with_suffix(f".{ending}")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        arguments = ["--task", task, *(["--model", bert] if task != fill else [])]
        assert train(tmp_path / "run", *arguments, str(path)) == 1, content
        said = capsys.readouterr().err
        expected = message if message[0] not in ":" and not message.startswith(" ") else f"{path}{message}"
        assert expected in said or (message.startswith(" ") and message in said), said
        assert said.count("\n") == 1
    for place, message in (
        (tmp_path, " is a folder: give the files in it."),
        (tmp_path / "no", ": there is no such file."),
    ):
        assert train(tmp_path / "run", "--task", fill, str(place)) == 1
        assert capsys.readouterr().err == f"minibert: {place}{message}\n"
    (tmp_path / "dev.tsv").write_text("text\tlabel\nOne\tcalm\nTwo\tunheard\n")
    evaluation = ["--eval-file", str(tmp_path / "dev.tsv")]
    assert train(tmp_path / "run", "--task", texts, "--model", bert, *evaluation, moods(tmp_path / "moods.tsv")) == 1
    assert capsys.readouterr().err == (
        f"minibert: {tmp_path / 'dev.tsv'}:3: the label 'unheard' is not one of the training data's labels, calm, "
        "wild.\n"
    )


def test_long_texts_are_said_to_be_cut(tmp_path: Path, bert: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--task", "token-classification", "--model", bert, "--max-steps", "1", "--max-length", "6"]
    assert train(tmp_path / "run", *arguments, tagged(tmp_path / "names.conll")) == 0
    assert "12 of them are longer than 6 tokens and were cut there (--max-length)" in capsys.readouterr().out


# reading and measuring


def test_paragraphs_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffOne\r\ntwo\r\n\r\n\r\nthree\u2028still three".encode())
    assert data.read_texts([str(path)]) == ["One", "two", "three\u2028still three"]
    assert data.read_texts([str(path)], paragraphs=True) == ["One two", "three\u2028still three"]


def test_pairs_and_number_labels(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text": "a", "text_pair": "b", "label": 10}\n{"text": "c", "text_pair": "d", "label": 9}\n')
    rows = data.read_labelled_texts(str(path), "jsonl", data.Columns())
    assert rows[0] == data.LabelledText("a", "b", "10", f"{path}:1")
    assert data.labels_in(rows) == ["9", "10"]


def test_conll_columns_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("# text = A b\nA DT B-NP O\nb NN I-NP B-X\n\n# next\nc NN B-NP O\n")
    rows = data.read_labelled_words(str(path), "conll", data.Columns())
    assert rows == [
        data.LabelledWords(["A", "b"], ["O", "B-X"], f"{path}:2"),
        data.LabelledWords(["c"], ["O"], f"{path}:6"),
    ]
    assert data.labels_in(rows) == ["O", "B-X"]


def test_spans_follow_the_conll_rules() -> None:
    for labels, expected in (
        (["B-A", "I-A", "I-B", "O"], {("A", 0, 2), ("B", 2, 3)}),
        (["I-A", "I-A", "B-A"], {("A", 0, 2), ("A", 2, 3)}),
        (["O", "O"], set()),
        (["B-A"], {("A", 0, 1)}),
    ):
        assert metrics.spans(labels) == expected
    scores = metrics.span_scores([{("A", 0, 1), ("B", 2, 3)}], [{("A", 0, 1), ("B", 2, 4), ("C", 5, 6)}])
    assert scores == {"entity_precision": 0.5, "entity_recall": pytest.approx(1 / 3), "entity_f1": pytest.approx(0.4)}
    assert metrics.span_scores([set()], [set()]) == dict.fromkeys(scores, 0.0)


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
