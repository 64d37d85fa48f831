"""The tokenizer of a run: the one asked for, the checkpoint's, or one that is learned from the texts."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import minibert as mb
from minibert.commands.training.folder import LEARNED, TOKENIZER

_TRAINERS = {"bert": "train_wordpiece", "roberta": "train_bpe", "rembert": "train_unigram"}


def run_tokenizer(options: dict[str, Any], folder: Path, texts: Sequence[str] = ()) -> Any:
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
    family = family_of_new(options)
    more = {"do_lower_case": not options["cased"]} if family == "bert" else {}
    learn = getattr(mb, _TRAINERS[family])
    learn(texts, options["vocab_size"], progress=sys.stderr.isatty(), **more).save(folder / LEARNED)


def family_of_new(options: dict[str, Any]) -> str:
    """The family of a new model: that of the file that --config names, or --family."""
    return mb.AutoConfig.from_pretrained(options["config"]).model_type if options["config"] else options["family"]
