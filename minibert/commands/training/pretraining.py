"""Masked language models from texts: a new one, or a checkpoint that goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minibert as mb
from minibert.commands.training import data, metrics
from minibert.commands.training.job import Job, Rows, split
from minibert.commands.training.models import check_vocabulary, loaded_model, new_model, resumed_model, set_length
from minibert.commands.training.tokenizers import run_tokenizer
from minibert.errors import InputError

_SHORTEST = 4  # tokens of a text, special ones aside, from which there is something to fill in


def pretraining_job(options: dict[str, Any], folder: Path) -> Job:
    """The parts of a run. Raises InputError for data, ConfigError for sizes that do not fit."""
    for file in [*options["files"], *([options["eval_file"]] if options["eval_file"] else [])]:
        data.format_of(file, options["task"], options["format"])
    texts = data.read_texts(options["files"], options["paragraphs"])
    if options["eval_file"]:
        train, held_out = texts, data.read_texts([options["eval_file"]], options["paragraphs"])
    else:
        train, held_out = split(texts, options["eval_split"], options["seed"])
    tokenizer = run_tokenizer(options, folder, train)
    model = resumed_model(options, folder)
    if model is None:
        model = loaded_model(options, {}) if options["model"] else new_model(options, tokenizer)
    check_vocabulary(model, tokenizer)
    set_length(options, model.config)
    rows = [_text_rows(tokenizer, part, options["max_length"]) for part in (train, held_out)]
    if not rows[0]:
        raise InputError(f"every text has fewer than {_SHORTEST} tokens: there is nothing to fill in.")
    collator = mb.DataCollatorForLanguageModeling(
        tokenizer, mlm_probability=options["mlm_probability"], seed=options["seed"]
    )
    notes = [f"{len(train):,} texts as {len(rows[0]):,} sequences, {len(rows[1]):,} held out"]
    return Job(model, tokenizer, rows[0], rows[1], collator, metrics.masked_accuracy, notes)


def _text_rows(tokenizer: Any, texts: Sequence[str], max_length: int) -> Rows:
    """Texts as token ids with special tokens around them; a long text becomes several rows."""
    room = max_length - tokenizer.num_special_tokens_to_add()
    if room < _SHORTEST:
        raise InputError(
            f"--max-length is {max_length}: with special tokens at least {max_length - room + _SHORTEST} fit."
        )
    rows = []
    encoded = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"] if texts else []
    for ids in encoded:
        for start in range(0, len(ids), room):
            if len(ids[start : start + room]) >= _SHORTEST:
                rows.append({"input_ids": tokenizer.build_inputs_with_special_tokens(ids[start : start + room])})
    return rows
