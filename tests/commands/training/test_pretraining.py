"""Masked language models from texts: rows of tokens, what is held out, and what there must be."""

from pathlib import Path
from typing import Any

import pytest

import minibert as mb
from minibert.commands.training.pretraining import pretraining_job
from minibert.functional.losses import IGNORE_INDEX
from tests.commands.training_runs import SMALL, options_of
from tests.small_checkpoints import LONG, SENTENCES


def job_of(tmp_path: Path, texts: str, model: str, *options: str) -> Any:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(texts, encoding="utf-8")
    given = options_of("--task", "fill-mask", "--model", model, *options, str(corpus))
    return pretraining_job(given, tmp_path / "run")


def test_a_long_text_becomes_several_rows_that_join_to_it(tmp_path: Path, bert: str) -> None:
    job = job_of(tmp_path, LONG, bert, "--max-length", "16", "--eval-split", "0")
    own = job.tokenizer
    rows = [row["input_ids"] for row in job.train]
    assert max(map(len, rows)) == 16
    assert {(row[0], row[-1]) for row in rows} == {(own.cls_token_id, own.sep_token_id)}
    joined = [id_ for row in rows for id_ in row[1:-1]]
    whole = own(LONG, add_special_tokens=False, verbose=False)["input_ids"]
    assert joined == whole[: len(joined)]
    assert len(whole) - len(joined) < 4  # what is too short to fill in is left out
    assert job.notes == [f"1 texts as {len(rows)} sequences, 0 held out"]


def test_a_share_is_held_out_or_a_file_is(tmp_path: Path, bert: str) -> None:
    texts = "\n".join(SENTENCES)
    by_share = job_of(tmp_path, texts, bert, "--eval-split", "0.25")
    assert (len(by_share.train), len(by_share.held_out)) == (6, 2)
    (tmp_path / "dev.txt").write_text(SENTENCES[0], encoding="utf-8")
    by_file = job_of(tmp_path, texts, bert, "--eval-file", str(tmp_path / "dev.txt"))
    assert (len(by_file.train), len(by_file.held_out)) == (8, 1)
    assert by_file.held_out == by_file.train[:1]


def test_tokens_are_hidden_with_the_probability_asked_for(tmp_path: Path, bert: str) -> None:
    job = job_of(tmp_path, LONG, bert, "--mlm-probability", "0.5", "--eval-split", "0")
    labels = job.collator(job.train)["labels"]
    inside = sum(len(row["input_ids"]) - 2 for row in job.train)
    assert 0.35 < (labels != IGNORE_INDEX).sum() / inside < 0.65


def test_a_new_model_has_the_vocabulary_that_is_learned(tmp_path: Path, corpus: str) -> None:
    job = pretraining_job(options_of("--task", "fill-mask", *SMALL, corpus), tmp_path / "run")
    assert type(job.model) is mb.BertForMaskedLM
    assert job.model.config.vocab_size == len(job.tokenizer) <= 300


def test_there_must_be_something_to_fill_in(tmp_path: Path, bert: str) -> None:
    with pytest.raises(mb.InputError, match=r"^every text has fewer than 4 tokens: there is nothing to fill in"):
        job_of(tmp_path, "a\nb", bert, "--eval-split", "0")
    with pytest.raises(mb.InputError, match=r"^--max-length is 5: with special tokens at least 6 fit"):
        job_of(tmp_path, LONG, bert, "--max-length", "5", "--eval-split", "0")
    with pytest.raises(mb.InputError, match="fill-mask is trained on txt files, not on csv"):
        job_of(tmp_path, LONG, bert, "--eval-file", str(tmp_path / "dev.csv"))
