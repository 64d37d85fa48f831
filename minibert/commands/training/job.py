"""A run in parts: the tokenizer, the model, features of the data, and the Trainer that joins them.

Everything follows from the options, the data and the seed, so that the same options build the same run again; what
is learned before the first step (a vocabulary) is kept in the run's folder.
"""

import math
import random
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import minibert as mb
from minibert.backend import backend_of_device
from minibert.commands.card.gather import positions_of
from minibert.commands.device import parse_device
from minibert.commands.training import data, metrics
from minibert.commands.training.folder import LEARNED, TOKENIZER
from minibert.errors import ConfigError, InputError
from minibert.models import auto
from minibert.training.trainer.checkpoints import last_checkpoint
from minibert.weights.names import head_of

Rows = list[dict[str, Any]]
_AUTO = {
    "fill-mask": "AutoModelForMaskedLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}
_TRAINERS = {"bert": "train_wordpiece", "roberta": "train_bpe", "rembert": "train_unigram"}
_SHORTEST = 4  # tokens of a text, special ones aside, from which there is something to fill in


class Job(NamedTuple):
    """What a Trainer is made of, and what to tell the user about it."""

    model: Any
    tokenizer: Any
    train: Rows
    held_out: Rows
    collator: Any
    metrics: Callable[[Any], dict[str, float]]
    notes: list[str]


def build(options: dict[str, Any], folder: Path) -> Job:
    """The run's parts. Raises InputError for data, ConfigError for sizes that do not fit."""
    return _pretraining(options, folder) if options["task"] == "fill-mask" else _fine_tuning(options, folder)


def make_trainer(job: Job, options: dict[str, Any], folder: Path, on_log: Callable[..., None], quiet: bool) -> Any:
    """The Trainer of a job."""
    batch = options["batch_size"]
    if options["batch_tokens"] is not None:
        batch = max(1, options["batch_tokens"] // options["max_length"])
    batches = math.ceil(math.ceil(len(job.train) / batch) / options["gradient_accumulation"])
    steps = options["max_steps"] or max(1, math.ceil(options["epochs"] * batches))
    tenth = max(1, steps // 10)
    evaluates = "steps" if job.held_out else "no"
    arguments = mb.TrainingArguments(
        folder,
        num_train_epochs=options["epochs"],
        max_steps=options["max_steps"] or -1,
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        gradient_accumulation_steps=options["gradient_accumulation"],
        group_by_length=True,
        learning_rate=options["learning_rate"],
        weight_decay=options["weight_decay"],
        max_grad_norm=options["max_grad_norm"],
        lr_scheduler_type=options["schedule"],
        warmup_ratio=options["warmup_ratio"],
        logging_steps=options["log_every"] or tenth,
        eval_strategy=evaluates,
        eval_steps=options["eval_every"] or tenth,
        save_steps=options["save_every"] or min(tenth, 500),
        save_total_limit=1,
        load_best_model_at_end=bool(options["best"] and job.held_out),
        early_stopping_patience=options["patience"] if job.held_out else None,
        seed=options["seed"],
        disable_tqdm=quiet,
    )
    return mb.Trainer(
        job.model,
        arguments,
        job.train,
        job.held_out or None,
        job.collator,
        job.tokenizer,
        compute_metrics=job.metrics,
        preprocess_logits_for_metrics=lambda logits, _: logits.argmax(-1),
        on_log=on_log,
    )


def split(examples: Sequence[Any], share: float, seed: int) -> tuple[list[Any], list[Any]]:
    """The examples, and a share of them held out, by a shuffle that follows from the seed."""
    if share == 0:
        return list(examples), []
    order = list(range(len(examples)))
    random.Random(seed).shuffle(order)
    count = max(1, round(len(examples) * share))
    if count >= len(examples):
        raise InputError(
            f"there is too little data: {len(examples)} in all, of which --eval-split {share} holds out {count}; give "
            "more, or --eval-split 0."
        )
    held_out = set(order[:count])
    return [each for i, each in enumerate(examples) if i not in held_out], [examples[i] for i in sorted(held_out)]


# masked language models


def _pretraining(options: dict[str, Any], folder: Path) -> Job:
    for file in [*options["files"], *([options["eval_file"]] if options["eval_file"] else [])]:
        data.format_of(file, options["task"], options["format"])
    texts = data.read_texts(options["files"], options["paragraphs"])
    if options["eval_file"]:
        train, held_out = texts, data.read_texts([options["eval_file"]], options["paragraphs"])
    else:
        train, held_out = split(texts, options["eval_split"], options["seed"])
    tokenizer = _tokenizer(options, folder, train)
    model = _resumed(options, folder) or (_loaded(options, {}) if options["model"] else _new_model(options, tokenizer))
    _check_vocabulary(model, tokenizer)
    _set_length(options, model.config)
    rows = [_text_rows(tokenizer, part, options["max_length"]) for part in (train, held_out)]
    if not rows[0]:
        raise InputError(f"every text has fewer than {_SHORTEST} tokens: there is nothing to fill in.")
    collator = mb.DataCollatorForLanguageModeling(
        tokenizer, mlm_probability=options["mlm_probability"], seed=options["seed"]
    )
    notes = [f"{len(train):,} texts as {len(rows[0]):,} sequences, {len(rows[1]):,} held out"]
    return Job(model, tokenizer, rows[0], rows[1], collator, metrics.masked_accuracy, notes)


def _tokenizer(options: dict[str, Any], folder: Path, texts: Sequence[str] = ()) -> Any:
    """The run's own tokenizer, or the one asked for, or one that is learned from the texts; kept in the folder."""
    kept = folder / TOKENIZER
    more = {"add_prefix_space": True} if _wants_prefix_space(options, kept) else {}
    if not kept.is_dir():
        source = options["tokenizer"] or options["model"]
        if not source:
            _learn_tokenizer(options, folder, texts)
            source = folder / LEARNED
        mb.AutoTokenizer.from_pretrained(source).save_pretrained(folder / f".{TOKENIZER}")
        (folder / f".{TOKENIZER}").rename(kept)
        shutil.rmtree(folder / LEARNED, ignore_errors=True)
    return mb.AutoTokenizer.from_pretrained(kept, **more)


def _wants_prefix_space(options: dict[str, Any], kept: Path) -> bool:
    """RoBERTa's words, given one by one, need the blank before them that they have inside a text."""
    if options["task"] != "token-classification":
        return False
    from minibert.tokenizers.auto import family_of
    from minibert.tokenizers.files.folder import find_folder

    return family_of(kept if kept.is_dir() else find_folder(options["tokenizer"] or options["model"])) == "roberta"


def _learn_tokenizer(options: dict[str, Any], folder: Path, texts: Sequence[str]) -> None:
    family = _family(options)
    more = {"do_lower_case": not options["cased"]} if family == "bert" else {}
    learn = getattr(mb, _TRAINERS[family])
    learn(texts, options["vocab_size"], progress=sys.stderr.isatty(), **more).save(folder / LEARNED)


def _family(options: dict[str, Any]) -> str:
    return mb.AutoConfig.from_pretrained(options["config"]).model_type if options["config"] else options["family"]


def _new_model(options: dict[str, Any], tokenizer: Any) -> Any:
    """A model with random weights, of the sizes asked for, that fits the tokenizer."""
    family = _family(options)
    if tokenizer.family != family:
        raise InputError(
            f"the tokenizer is of the {tokenizer.family} family, and the model of {family}: give --family."
        )
    fits = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    if family != "bert":
        fits |= {"bos_token_id": tokenizer.cls_token_id, "eos_token_id": tokenizer.sep_token_id}
    if options["config"]:
        config = mb.AutoConfig.from_pretrained(options["config"], **fits)
    else:
        config = mb.AutoConfig.for_model(family, **fits, **_sizes(options, family, tokenizer))
    return auto.AutoModelForMaskedLM.from_config(config, seed=options["seed"], **_place(options))


def _sizes(options: dict[str, Any], family: str, tokenizer: Any) -> dict[str, Any]:
    width = options["hidden_size"]
    length = options["max_length"] or 128
    sizes = {
        "hidden_size": width,
        "num_hidden_layers": options["num_hidden_layers"],
        "num_attention_heads": options["num_attention_heads"],
        "intermediate_size": options["intermediate_size"] or 4 * width,
        "max_position_embeddings": length + (tokenizer.pad_token_id + 1 if family == "roberta" else 0),
        "hidden_dropout_prob": options["dropout"],
        "attention_probs_dropout_prob": options["dropout"],
        # BERT's 0.02 is for 768; narrower layers need wider weights for outputs of the same size
        "initializer_range": round(0.02 * math.sqrt(768 / width), 4),
    }
    if family == "rembert":
        sizes |= {"input_embedding_size": max(width // 2, 1), "output_embedding_size": width}
    return sizes


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


# classifiers


def _fine_tuning(options: dict[str, Any], folder: Path) -> Job:
    words = options["task"] == "token-classification"
    train = [example for file in options["files"] for example in _read(file, options)]
    if options["eval_file"]:
        held_out = _read(options["eval_file"], options)
    else:
        train, held_out = split(train, options["eval_split"], options["seed"])
    model = _resumed(options, folder)
    labels = _labels(options, train) if model is None else list(model.config.id2label.values())
    data.check_labels(held_out, labels, "the training data's labels")
    if len(labels) < 2:
        raise InputError(f"every label is {labels[0]!r}: there must be two classes or more to tell apart.")
    model = model or _loaded(options, {"id2label": dict(enumerate(labels))})
    tokenizer = _tokenizer(options, folder)
    _check_vocabulary(model, tokenizer)
    _set_length(options, model.config)
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
    if options["new_head"] or not _has_head(options):
        return data.labels_in(train)
    known = list(mb.AutoConfig.from_pretrained(options["model"]).id2label.values())
    advice = "; --new-head begins with a new head for the data's own labels"
    data.check_labels(train, known, f"the labels that {options['model']} has", advice)
    return known


def _has_head(options: dict[str, Any]) -> bool:
    """Whether the checkpoint was saved with a head for this task."""
    config = mb.AutoConfig.from_pretrained(options["model"])
    return auto.class_of_checkpoint(options["model"]) is _auto_class(options).class_for(config)


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


# models


def _auto_class(options: dict[str, Any]) -> Any:
    return getattr(auto, _AUTO[options["task"]])


def _place(options: dict[str, Any]) -> dict[str, Any]:
    device = parse_device(options["device"])
    place = {} if device is None else {"backend": backend_of_device(device)}
    return {"dtype": options["dtype"], **place}


def _resumed(options: dict[str, Any], folder: Path) -> Any:
    """The model of the run's last checkpoint, None where there is none."""
    last = last_checkpoint(folder)
    return None if last is None else auto.class_of_checkpoint(last).from_pretrained(last, **_place(options))


def _loaded(options: dict[str, Any], changes: dict[str, Any]) -> Any:
    """The checkpoint to go on from, in the task's class; a head that it lacks, or has for another task, is new."""
    fresh = options["task"] != "fill-mask" and (options["new_head"] or not _has_head(options))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*drawn anew from seed")  # that is what training is for
        model = _auto_class(options).from_pretrained(
            options["model"], seed=options["seed"], ignore_mismatched_sizes=fresh, **changes,
            **_place(options),
        )  # fmt: skip
    if fresh:  # a classifier of another task has parameters of the same names
        names = [name for name in model.parameters.shapes if head_of(name, model.base_model_prefix) == "classifier"]
        model.parameters.initialise(names, options["seed"], model.config.initializer_range)
    return model


def _check_vocabulary(model: Any, tokenizer: Any) -> None:
    if len(tokenizer) > model.config.vocab_size:
        raise ConfigError(
            f"the tokenizer has {len(tokenizer)} tokens, and the model's vocabulary {model.config.vocab_size}: they "
            "are not of one checkpoint."
        )


def _set_length(options: dict[str, Any], config: Any) -> None:
    """--max-length, by default 128 or as many tokens as there are positions."""
    most = positions_of(config)
    if options["max_length"] is None:
        options["max_length"] = min(128, most)
    if options["max_length"] > most:
        raise InputError(f"--max-length is {options['max_length']}, and the model has positions for {most} tokens.")
