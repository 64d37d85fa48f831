"""Classifiers of texts and words: rows with labels, which labels, and what is cut."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.commands.training.fine_tuning import fine_tuning_job
from minibert.functional.losses import IGNORE_INDEX
from tests.commands.training_runs import moods, options_of, tagged
from tests.small_checkpoints import save


def job_of(tmp_path: Path, task: str, model: str, *arguments: str) -> Any:
    return fine_tuning_job(options_of("--task", task, "--model", model, *arguments), tmp_path / "run")


def test_texts_and_their_labels(tmp_path: Path, bert: str) -> None:
    job = job_of(tmp_path, "text-classification", bert, moods(tmp_path / "moods.tsv"))
    assert job.model.config.id2label == {0: "calm", 1: "wild"}
    assert job.notes == ["36 texts, 4 held out; labels: calm, wild"]
    row = job.tokenizer("The river number 0")["input_ids"]
    labels = [each["labels"] for each in job.train + job.held_out if each["input_ids"] == row]
    assert labels == [0]
    assert sum(each["labels"] for each in job.train + job.held_out) == 20
    assert all("cut" not in each for each in job.train)


def test_pairs_are_encoded_together(tmp_path: Path, bert: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps({"text": "a", "text_pair": "b", "label": i % 2}) + "\n" for i in range(20)))
    job = job_of(tmp_path, "text-classification", bert, str(path))
    assert job.train[0]["input_ids"] == job.tokenizer("a", "b")["input_ids"]
    assert job.model.config.id2label == {0: "0", 1: "1"}


def test_the_same_data_in_every_form(tmp_path: Path, bert: str) -> None:
    rows = [line.split("\t") for line in Path(moods(tmp_path / "a.tsv")).read_text().splitlines()[1:]]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"sentence": a, "y": b}) + "\n" for a, b in rows))
    (tmp_path / "a.csv").write_text("y,sentence\n" + "".join(f'{b},"{a}"\n' for a, b in rows))
    named = ["--text-column", "sentence", "--label-column", "y"]
    tsv = job_of(tmp_path, "text-classification", bert, str(tmp_path / "a.tsv"))
    for name in ("a.jsonl", "a.csv"):
        job = job_of(tmp_path, "text-classification", bert, *named, str(tmp_path / name))
        assert (job.train, job.held_out) == (tsv.train, tsv.held_out)


def test_a_words_label_stands_at_its_first_token(tmp_path: Path, bert: str) -> None:
    job = job_of(tmp_path, "token-classification", bert, tagged(tmp_path / "names.conll"))
    assert job.model.config.id2label == {0: "O", 1: "B-PER", 2: "I-PER"}
    encoded = job.tokenizer(["My", "name", "is", "Wolfgang", "O'Neill", "."], is_split_into_words=True)
    seen, expected = set(), []
    for word in encoded.word_ids():
        expected.append(IGNORE_INDEX if word is None or word in seen else [0, 0, 0, 1, 2, 0][word])
        seen.add(word)
    assert job.train[0]["input_ids"] == encoded["input_ids"]
    assert job.train[0]["labels"] == expected
    right = np.array([expected])
    assert job.metrics(mb.EvalPrediction(right.clip(0), right))["majority_accuracy"] == pytest.approx(4 / 6)


def test_a_trained_head_keeps_its_labels(tmp_path: Path) -> None:
    labels = {0: "wild", 1: "calm", 2: "other"}
    model = str(save("bert", "ForSequenceClassification", tmp_path / "head", id2label=labels))
    file = moods(tmp_path / "moods.tsv")
    assert job_of(tmp_path, "text-classification", model, file).model.config.id2label == labels
    anew = job_of(tmp_path, "text-classification", model, "--new-head", file)
    assert anew.model.config.id2label == {0: "calm", 1: "wild"}
    more = tmp_path / "more.tsv"
    more.write_text("text\tlabel\nOne\tcalm\nTwo\tunheard\n")
    with pytest.raises(mb.InputError) as error:
        job_of(tmp_path, "text-classification", model, "--eval-split", "0", str(more))
    assert str(error.value) == (
        f"{more}:3: the label 'unheard' is not one of the labels that {model} has, wild, calm, other; --new-head "
        "begins with a new head for the data's own labels."
    )


def test_one_class_is_nothing_to_tell_apart(tmp_path: Path, bert: str) -> None:
    file = tmp_path / "one.tsv"
    file.write_text("text\tlabel\na\tx\nb\tx\n")
    with pytest.raises(mb.InputError, match=r"^every label is 'x': there must be two classes or more to tell apart"):
        job_of(tmp_path, "text-classification", bert, str(file))


def test_held_out_labels_must_be_known(tmp_path: Path, bert: str) -> None:
    (tmp_path / "dev.tsv").write_text("text\tlabel\nOne\tcalm\nTwo\tunheard\n")
    arguments = ["--eval-file", str(tmp_path / "dev.tsv"), moods(tmp_path / "moods.tsv")]
    with pytest.raises(mb.InputError, match="'unheard' is not one of the training data's labels, calm, wild"):
        job_of(tmp_path, "text-classification", bert, *arguments)


def test_long_texts_are_said_to_be_cut(tmp_path: Path, bert: str) -> None:
    file = tagged(tmp_path / "names.conll")
    short = job_of(tmp_path, "token-classification", bert, "--max-length", "6", file)
    assert short.notes[1] == "12 of them are longer than 6 tokens and were cut there (--max-length)"
    assert {len(row["input_ids"]) for row in short.train} == {6}
    assert len(job_of(tmp_path, "token-classification", bert, file).notes) == 1


def test_many_labels_are_not_all_named(tmp_path: Path, bert: str) -> None:
    file = tmp_path / "many.tsv"
    file.write_text("text\tlabel\n" + "".join(f"text {i}\t{i % 13}\n" for i in range(52)))
    job = job_of(tmp_path, "text-classification", bert, "--eval-split", "0", str(file))
    assert job.notes[0] == "52 texts, 0 held out; labels: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more"
