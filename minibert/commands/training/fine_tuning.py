"""Classifiers of texts and of words: a checkpoint, and a head for the labels of the data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minibert as mb
from minibert.commands.training import data, metrics
from minibert.commands.training.job import Job, Rows, split
from minibert.commands.training.models import check_vocabulary, has_head, loaded_model, resumed_model, set_length
from minibert.commands.training.tokenizers import run_tokenizer
from minibert.errors import InputError


def fine_tuning_job(options: dict[str, Any], folder: Path) -> Job:
    """The parts of a run. Raises InputError for data or labels that do not fit."""
    words = options["task"] == "token-classification"
    train, held_out = _examples(options)
    model = resumed_model(options, folder)
    labels = _labels(options, train) if model is None else list(model.config.id2label.values())
    data.check_labels(held_out, labels, "the training data's labels")
    if len(labels) < 2:
        raise InputError(f"every label is {labels[0]!r}: there must be two classes or more to tell apart.")
    model = model or loaded_model(options, {"id2label": dict(enumerate(labels))})
    tokenizer = run_tokenizer(options, folder)
    check_vocabulary(model, tokenizer)
    set_length(options, model.config)
    encode = _word_rows if words else _labelled_rows
    rows = [encode(tokenizer, part, labels, options["max_length"]) for part in (train, held_out)]
    notes = [f"{len(train):,} {'sentences' if words else 'texts'}, {len(held_out):,} held out; labels: {_few(labels)}"]
    cut = sum(row.pop("cut", False) for part in rows for row in part)
    if cut:
        notes.append(f"{cut} of them are longer than {options['max_length']} tokens and were cut there (--max-length)")
    counted = [label for row in rows[0] for label in (row["labels"] if words else [row["labels"]]) if label >= 0]
    frequent = metrics.commonest(counted)
    compute = metrics.word_metrics(labels, frequent) if words else metrics.text_metrics(frequent)
    collator = (mb.DataCollatorForTokenClassification if words else mb.DataCollatorWithPadding)(tokenizer)
    return Job(model, tokenizer, rows[0], rows[1], collator, compute, notes)


def _examples(options: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """What is trained on, and what is held out: the file that --eval-file names, or a share of the data."""
    given = [example for file in options["files"] for example in _read(file, options)]
    if options["eval_file"]:
        return given, _read(options["eval_file"], options)
    return split(given, options["eval_split"], options["seed"])


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _read(file: str, options: dict[str, Any]) -> list[Any]:
    task = options["task"]
    form = data.format_of(file, task, options["format"])
    columns = data.Columns(options["text_column"], options["pair_column"], options["label_column"])
    if task == "text-classification":
        return data.read_labelled_texts(file, form, columns)
    return data.read_labelled_words(file, form, columns)


def _labels(options: dict[str, Any], train: Sequence[Any]) -> list[str]:
    """The checkpoint's own labels where its head is trained already and is to go on, else the data's."""
    if options["new_head"] or not has_head(options):
        return data.labels_in(train)
    known = list(mb.AutoConfig.from_pretrained(options["model"]).id2label.values())
    advice = "; --new-head begins with a new head for the data's own labels"
    data.check_labels(train, known, f"the labels that {options['model']} has", advice)
    return known


def _labelled_rows(tokenizer: Any, examples: Sequence[Any], labels: Sequence[str], max_length: int) -> Rows:
    if not examples:
        return []
    pairs = [example.pair or "" for example in examples] if any(example.pair for example in examples) else None
    rows = mb.encode_for_classification(
        tokenizer,
        [example.text for example in examples],
        [example.label for example in examples],
        pairs,
        {label: i for i, label in enumerate(labels)},
        max_length,
    )
    for row in rows:
        row["cut"] = len(row["input_ids"]) == max_length
    return rows


def _word_rows(tokenizer: Any, examples: Sequence[Any], labels: Sequence[str], max_length: int) -> Rows:
    """Words as tokens; a word's label stands at its first token."""
    ids = {label: i for i, label in enumerate(labels)}
    rows = []
    for example in examples:
        encoded = tokenizer(example.words, is_split_into_words=True, truncation=True, max_length=max_length)
        word_ids = encoded.word_ids()
        row = {name: encoded[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in encoded}
        row["labels"] = mb.align_labels_with_words(word_ids, [ids[label] for label in example.labels])
        row["cut"] = max((word for word in word_ids if word is not None), default=-1) < len(example.words) - 1
        rows.append(row)
    return rows
