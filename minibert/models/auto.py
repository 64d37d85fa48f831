"""Choosing the class by a checkpoint's `model_type`: `AutoModelForMaskedLM` and its siblings."""

import functools
import importlib
import os
from typing import Any

from minibert.errors import ConfigError
from minibert.messages import quoted, shown
from minibert.models.config import BertConfig, PretrainedConfig, RemBertConfig, RobertaConfig, read_config
from minibert.models.options import choose_backend, choose_dtype, take_options
from minibert.weights import HUB_OPTIONS

CONFIGS: dict[str, type[PretrainedConfig]] = {
    config.model_type: config for config in (BertConfig, RobertaConfig, RemBertConfig)
}


@functools.cache
def classes_of(family: str) -> dict[str, Any]:
    """The model classes of "bert", "roberta" or "rembert", by the name of their task."""
    module = importlib.import_module(f"minibert.models.{family}")
    classes: list[Any] = [each for each in vars(module).values() if isinstance(each, type) and hasattr(each, "task")]
    return {each.task: each for each in classes if each.task and each.config_class.model_type == family}


def class_named(name: str) -> Any:
    """The model class of this name, None where there is none."""
    classes = [each for family in CONFIGS for each in classes_of(family).values()]
    return next((each for each in classes if each.__name__ == name), None)


class AutoConfig:
    """The configuration class that a checkpoint's config.json asks for, by its `model_type`.

    Not made itself: `from_pretrained` reads one, `for_model` makes one.

    Raises:
        ConfigError: config.json is missing or damaged, or its model_type is none of the three families.

    Example:
        >>> config = AutoConfig.from_pretrained("tiny-roberta")
        >>> type(config).__name__, config.num_hidden_layers
        ('RobertaConfig', 2)
        >>> AutoConfig.for_model("bert", num_hidden_layers=3).num_hidden_layers
        3
    """

    def __init__(self) -> None:
        raise ConfigError("AutoConfig is not made itself: use AutoConfig.from_pretrained(checkpoint).")

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
            raise ConfigError(
                f"{shown(name_or_path)}: model_type is {quoted(family)}, but minibert has {', '.join(CONFIGS)}."
            )
        return CONFIGS[family].from_dict(fields).changed(changes)

    @classmethod
    def for_model(cls, model_type: str, **fields: Any) -> PretrainedConfig:
        """A new configuration of this family: "bert", "roberta" or "rembert"."""
        if model_type not in CONFIGS:
            raise ConfigError(f"model_type is {quoted(model_type)}, but minibert has {', '.join(CONFIGS)}.")
        return CONFIGS[model_type](**fields)


class _AutoModel:
    """The tasks that it serves; of several that a family has it takes the first."""

    tasks: tuple[str, ...] = ()

    @classmethod
    def class_for(cls, config: PretrainedConfig) -> Any:
        """The class of this task for the configuration's family. Raises ConfigError if the family has none."""
        family = config.model_type if isinstance(config, PretrainedConfig) else config
        if not isinstance(config, PretrainedConfig) or family not in CONFIGS:
            raise ConfigError(f"{cls.__name__} takes a configuration of {', '.join(CONFIGS)}, not {quoted(family)}.")
        found = cls.class_in(family)
        if found is None:
            having = [auto.__name__ for auto in _AutoModel.__subclasses__() if auto.class_in(family)]
            raise ConfigError(f"{cls.__name__}: {family} models have no such task; they have {', '.join(having)}.")
        return found

    @classmethod
    def class_in(cls, family: str) -> Any:
        """The class of this task in a family, None where it has none."""
        classes = classes_of(family)
        return next((classes[task] for task in cls.tasks if task in classes), None)

    def __init__(self) -> None:
        name = type(self).__name__
        raise ConfigError(
            f"{name} is not made itself: use {name}.from_pretrained(checkpoint) or {name}.from_config(config)."
        )

    @classmethod
    def from_config(cls, config: PretrainedConfig, **options: Any) -> Any:
        """A new model with random weights; options as of the model class, and of `from_pretrained`'s torch_dtype,
        device_map and attn_implementation."""
        found = cls.class_for(config)
        options = take_options(options, f"{cls.__name__}.from_config")
        backend = choose_backend(options.pop("backend", None), options.pop("device_map", None))
        dtype = choose_dtype(options.pop("dtype", None), options.pop("torch_dtype", None), vars(config))
        return found(config, backend=backend, dtype=dtype, **options)

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
    classes = {each.__name__: each for each in classes_of(config.model_type).values()}
    names = getattr(config, "architectures", None) or []
    return next((classes[name] for name in names if name in classes), AutoModel.class_for(config))


class AutoModel(_AutoModel):
    """The bare encoder: `BertModel`, `RobertaModel` or `RemBertModel`.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> model = AutoModel.from_pretrained("tiny-rembert", add_pooling_layer=False)
    >>> type(model).__name__, model(input_ids=[[2, 16, 185, 3]]).last_hidden_state.shape
    ('RemBertModel', (1, 4, 128))
    """

    tasks = ("encoder",)


class AutoModelForPreTraining(_AutoModel):
    """What the family was pretrained with: `BertForPreTraining`, else the masked-token model.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> [AutoModelForPreTraining.class_for(config).__name__ for config in (BertConfig(), RobertaConfig())]
    ['BertForPreTraining', 'RobertaForMaskedLM']
    """

    tasks = ("pre-training", "masked-lm")


class AutoModelForMaskedLM(_AutoModel):
    """The tokens behind a mask: `BertForMaskedLM`, `RobertaForMaskedLM` or `RemBertForMaskedLM`.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> model = AutoModelForMaskedLM.from_pretrained("tiny-bert")
    >>> type(model).__name__, model(input_ids=[[2, 7, 3]]).logits.shape
    ('BertForMaskedLM', (1, 3, 4000))
    """

    tasks = ("masked-lm",)


class AutoModelForCausalLM(_AutoModel):
    """The next token: `BertLMHeadModel`, `RobertaForCausalLM` or `RemBertForCausalLM`.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> config = RobertaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                        intermediate_size=16, is_decoder=True)
    >>> model = AutoModelForCausalLM.from_config(config)
    >>> type(model).__name__, model(input_ids=[[0, 7, 2]]).logits.shape
    ('RobertaForCausalLM', (1, 3, 30))
    """

    tasks = ("causal-lm",)


class AutoModelForNextSentencePrediction(_AutoModel):
    """Whether one sentence follows another: `BertForNextSentencePrediction`; only BERT has it.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> AutoModelForNextSentencePrediction.class_for(BertConfig()).__name__
    'BertForNextSentencePrediction'
    """

    tasks = ("next-sentence-prediction",)


class AutoModelForSequenceClassification(_AutoModel):
    """A class, or a number, for a text: `BertForSequenceClassification` and its siblings.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> config = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                     intermediate_size=16, num_labels=3)
    >>> model = AutoModelForSequenceClassification.from_config(config)
    >>> type(model).__name__, model(input_ids=[[2, 7, 3]]).logits.shape
    ('BertForSequenceClassification', (1, 3))
    """

    tasks = ("sequence-classification",)


class AutoModelForTokenClassification(_AutoModel):
    """A class for every token: `BertForTokenClassification` and its siblings.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> config = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                     intermediate_size=16, num_labels=5)
    >>> model = AutoModelForTokenClassification.from_config(config)
    >>> type(model).__name__, model(input_ids=[[2, 7, 3]]).logits.shape
    ('BertForTokenClassification', (1, 3, 5))
    """

    tasks = ("token-classification",)


class AutoModelForQuestionAnswering(_AutoModel):
    """Where the answer starts and ends in a text: `BertForQuestionAnswering` and its siblings.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> config = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                     intermediate_size=16)
    >>> model = AutoModelForQuestionAnswering.from_config(config)
    >>> type(model).__name__, model(input_ids=[[2, 7, 3]]).start_logits.shape
    ('BertForQuestionAnswering', (1, 3))
    """

    tasks = ("question-answering",)


class AutoModelForMultipleChoice(_AutoModel):
    """The best of several texts: `BertForMultipleChoice` and its siblings.

    Not made itself. `from_pretrained` and `from_config` give a model of the class that the configuration's `model_type`
    asks for; `class_for(config)` is that class. ConfigError where the family has no such task.

    >>> config = BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                     intermediate_size=16)
    >>> model = AutoModelForMultipleChoice.from_config(config)
    >>> type(model).__name__, model(input_ids=[[[2, 7, 3], [2, 8, 3]]]).logits.shape
    ('BertForMultipleChoice', (1, 2))
    """

    tasks = ("multiple-choice",)
