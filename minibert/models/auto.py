"""Choosing the class by a checkpoint's `model_type`: `AutoModelForMaskedLM` and its siblings."""

import importlib
import os
from typing import Any

from minibert.errors import ConfigError
from minibert.models.config import BertConfig, PretrainedConfig, RemBertConfig, RobertaConfig, read_config
from minibert.weights import HUB_OPTIONS

CONFIGS: dict[str, type[PretrainedConfig]] = {
    config.model_type: config for config in (BertConfig, RobertaConfig, RemBertConfig)
}
_PREFIXES = {"bert": "Bert", "roberta": "Roberta", "rembert": "RemBert"}


class AutoConfig:
    """The configuration class that a checkpoint's config.json asks for."""

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike[str], **options: Any) -> PretrainedConfig:
        """The configuration of a folder, a config.json, or a name; options as of `PretrainedConfig.from_pretrained`.

        Raises:
            ConfigError: config.json is missing or damaged, or its model_type is none of these three families.
            WeightFileError: the name is found nowhere.
        """
        fields, changes = read_config(name_or_path, options)
        family = fields.get("model_type")
        if family not in CONFIGS:
            raise ConfigError(f"{name_or_path}: model_type is {family!r}, but minibert has {', '.join(CONFIGS)}.")
        return CONFIGS[family].from_dict(fields).changed(changes)

    @classmethod
    def for_model(cls, model_type: str, **fields: Any) -> PretrainedConfig:
        """A new configuration of this family: "bert", "roberta" or "rembert"."""
        if model_type not in CONFIGS:
            raise ConfigError(f"model_type is {model_type!r}, but minibert has {', '.join(CONFIGS)}.")
        return CONFIGS[model_type](**fields)


class _AutoModel:
    """One task; `suffixes` are what the families call its class."""

    suffixes: tuple[str, ...] = ()

    @classmethod
    def class_for(cls, config: PretrainedConfig) -> Any:
        """The class of this task for the configuration's family. Raises ConfigError if the family has none."""
        family = config.model_type
        if family not in _PREFIXES:
            raise ConfigError(f"{cls.__name__} takes a configuration of {', '.join(CONFIGS)}, not {family!r}.")
        module = importlib.import_module(f"minibert.models.{family}")
        for suffix in cls.suffixes:
            if hasattr(module, _PREFIXES[family] + suffix):
                return getattr(module, _PREFIXES[family] + suffix)
        raise ConfigError(f"{cls.__name__}: {family} has no such task.")

    @classmethod
    def from_config(cls, config: PretrainedConfig, **options: Any) -> Any:
        """A new model with random weights; options as of the model class."""
        return cls.class_for(config)(config, **options)

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike[str], **options: Any) -> Any:
        """The model of a checkpoint; options and errors as of `PreTrainedModel.from_pretrained`."""
        config = options.get("config")
        if config is None:
            places = {key: options[key] for key in HUB_OPTIONS if key in options}
            config = AutoConfig.from_pretrained(name_or_path, **places)
        return cls.class_for(config).from_pretrained(name_or_path, **options)


def class_of_checkpoint(name_or_path: str | os.PathLike[str], **hub: Any) -> Any:
    """The class that wrote a checkpoint (its configuration's `architectures`), or the family's bare encoder."""
    config = AutoConfig.from_pretrained(name_or_path, **hub)
    module = importlib.import_module(f"minibert.models.{config.model_type}")
    for name in getattr(config, "architectures", None) or []:
        if name.startswith(_PREFIXES[config.model_type]) and hasattr(module, name):
            return getattr(module, name)
    return AutoModel.class_for(config)


class AutoModel(_AutoModel):
    """The bare encoder."""

    suffixes = ("Model",)


class AutoModelForPreTraining(_AutoModel):
    """What the family was pretrained with."""

    suffixes = ("ForPreTraining", "ForMaskedLM")


class AutoModelForMaskedLM(_AutoModel):
    """Masked tokens."""

    suffixes = ("ForMaskedLM",)


class AutoModelForCausalLM(_AutoModel):
    """The next token."""

    suffixes = ("ForCausalLM", "LMHeadModel")


class AutoModelForNextSentencePrediction(_AutoModel):
    """Whether one sentence follows another."""

    suffixes = ("ForNextSentencePrediction",)


class AutoModelForSequenceClassification(_AutoModel):
    """A class for a text."""

    suffixes = ("ForSequenceClassification",)


class AutoModelForTokenClassification(_AutoModel):
    """A class for every token."""

    suffixes = ("ForTokenClassification",)


class AutoModelForQuestionAnswering(_AutoModel):
    """An answer inside a text."""

    suffixes = ("ForQuestionAnswering",)


class AutoModelForMultipleChoice(_AutoModel):
    """The best of several texts."""

    suffixes = ("ForMultipleChoice",)
