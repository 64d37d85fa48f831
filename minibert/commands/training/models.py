"""The model of a run: of its last checkpoint, of the checkpoint to go on from, or a new one."""

import math
import warnings
from pathlib import Path
from typing import Any

import minibert as mb
from minibert.backend import backend_of_device
from minibert.commands.card.gather import positions_of
from minibert.commands.device import parse_device
from minibert.commands.training.tokenizers import family_of_new
from minibert.errors import ConfigError, InputError
from minibert.models import auto
from minibert.training.trainer.checkpoints import last_checkpoint
from minibert.weights.names import head_of

_AUTO = {
    "fill-mask": "AutoModelForMaskedLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}


def resumed_model(options: dict[str, Any], folder: Path) -> Any:
    """The model of the run's last checkpoint, None where there is none."""
    last = last_checkpoint(folder)
    return None if last is None else auto.class_of_checkpoint(last).from_pretrained(last, **place_of(options))


def loaded_model(options: dict[str, Any], changes: dict[str, Any]) -> Any:
    """The checkpoint to go on from, in the task's class; a head that it lacks, or has for another task, is new."""
    fresh = options["task"] != "fill-mask" and (options["new_head"] or not has_head(options))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*drawn anew from seed")  # that is what training is for
        model = auto_class(options).from_pretrained(
            options["model"], seed=options["seed"], ignore_mismatched_sizes=fresh, **changes,
            **place_of(options),
        )  # fmt: skip
    if fresh:  # a classifier of another task has parameters of the same names
        names = [name for name in model.parameters.shapes if head_of(name, model.base_model_prefix) == "classifier"]
        model.parameters.initialise(names, options["seed"], model.config.initializer_range)
    return model


def new_model(options: dict[str, Any], tokenizer: Any) -> Any:
    """A model with random weights, of the sizes asked for, that fits the tokenizer."""
    family = family_of_new(options)
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
    return auto.AutoModelForMaskedLM.from_config(config, seed=options["seed"], **place_of(options))


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


def has_head(options: dict[str, Any]) -> bool:
    """Whether the checkpoint was saved with a head for this task."""
    config = mb.AutoConfig.from_pretrained(options["model"])
    return auto.class_of_checkpoint(options["model"]) is auto_class(options).class_for(config)


def auto_class(options: dict[str, Any]) -> Any:
    """AutoModelFor... of the task."""
    return getattr(auto, _AUTO[options["task"]])


def place_of(options: dict[str, Any]) -> dict[str, Any]:
    """The dtype and the backend, as `from_pretrained` takes them."""
    device = parse_device(options["device"])
    place = {} if device is None else {"backend": backend_of_device(device)}
    return {"dtype": options["dtype"], **place}


def check_vocabulary(model: Any, tokenizer: Any) -> None:
    """Raise ConfigError for a tokenizer with more tokens than the model knows."""
    if len(tokenizer) > model.config.vocab_size:
        raise ConfigError(
            f"the tokenizer has {len(tokenizer)} tokens, and the model's vocabulary {model.config.vocab_size}: they "
            "are not of one checkpoint."
        )


def set_length(options: dict[str, Any], config: Any) -> None:
    """--max-length, by default 128 or as many tokens as there are positions."""
    most = positions_of(config)
    if options["max_length"] is None:
        options["max_length"] = min(128, most)
    if options["max_length"] > most:
        raise InputError(f"--max-length is {options['max_length']}, and the model has positions for {most} tokens.")
