"""Configurations: the fields of the Hugging Face documentation, with its defaults, checked when they are made."""

import copy
import inspect
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from minibert import functional as F
from minibert.errors import ConfigError
from minibert.files.saving import saving
from minibert.messages import quoted
from minibert.models.options import suggestion, take_options
from minibert.weights import HUB_OPTIONS, check_name, find_checkpoint, read_json

CONFIG_FILE = "config.json"
# What a model of this kind can be: beyond it a file is damaged, or its model would never be made.
MOST_LAYERS, MOST_LABELS, LARGEST_SIZE = 10_000, 1_000_000, 2**31 - 1
POSITION_EMBEDDING_TYPES = ("absolute", "relative_key", "relative_key_query")
PROBLEM_TYPES = ("regression", "single_label_classification", "multi_label_classification")

# What every configuration has besides its family's fields, with the default that a saved file leaves out.
_COMMON: dict[str, Any] = {
    "output_attentions": False,
    "output_hidden_states": False,
    "return_dict": True,
    "is_decoder": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
    "chunk_size_feed_forward": 0,
    "problem_type": None,
    "architectures": None,
    "bos_token_id": None,
    "eos_token_id": None,
    "sep_token_id": None,
}


# fields of transformers' that have no default here; they are kept and saved again. A model obeys
# gradient_checkpointing, and dtype="auto" the dtype; the others mean nothing here
_KEPT = ("finetuning_task", "gradient_checkpointing", "task_specific_params", "tokenizer_class", "name_or_path",
         "dtype", "torch_dtype")  # fmt: skip


class PretrainedConfig:
    """What the three families share.

    Args:
        output_attentions, output_hidden_states, return_dict: defaults of the call's arguments of the same names.
        is_decoder: causal self-attention, and a cache of keys and values if `use_cache`.
        add_cross_attention: a decoder's layers also attend to `encoder_hidden_states`.
        tie_word_embeddings: the language-model head shares the word embeddings.
        chunk_size_feed_forward: tokens a time in the feed-forward, 0 for all; saves memory, changes no value.
        num_labels, id2label, label2id: the classes of a task head (two, "LABEL_0" and "LABEL_1", unless given).
        problem_type: "regression", "single_label_classification" or "multi_label_classification"; None decides
            by `num_labels` and the labels' dtype.

    Any other keyword is kept as an attribute and saved again.

    Raises:
        ConfigError: a value is out of range, or two contradict each other.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(hidden_size=24, num_attention_heads=4, id2label={0: "bad", 1: "so so", 2: "good"})
        >>> config.num_labels, config.label2id["good"], config.is_decoder
        (3, 2, False)
        >>> config.changed({"is_decoder": True}).is_decoder
        True
    """

    model_type = ""

    # fields that every family has
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: Any
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    max_position_embeddings: int
    type_vocab_size: int
    initializer_range: float
    layer_norm_eps: float
    pad_token_id: int | None
    use_cache: bool
    # fields of this class
    output_attentions: bool
    output_hidden_states: bool
    return_dict: bool
    is_decoder: bool
    add_cross_attention: bool
    tie_word_embeddings: bool
    chunk_size_feed_forward: int
    problem_type: str | None

    def __init__(self, **fields: Any) -> None:
        fields.pop("model_type", None)
        self._check_names(fields)
        num_labels = fields.pop("num_labels", None)
        id2label, label2id = fields.pop("id2label", None), fields.pop("label2id", None)
        for name, default in _COMMON.items():
            setattr(self, name, fields.pop(name, default))
        for name, value in fields.items():
            setattr(self, name, value)
        self.id2label: dict[int, str] = {}
        self.label2id: dict[str, int] = {}
        self._set_labels(num_labels, id2label, label2id)
        self.validate()

    def _check_names(self, fields: Mapping[str, Any]) -> None:
        """A field must not hide a method of the configuration. Raises ConfigError."""
        for name in fields:
            if hasattr(type(self), name) and name != "num_labels":
                raise ConfigError(
                    f"the configuration has a field {quoted(name)}, but that is the name of a method; rename the field."
                )

    def _set_labels(self, num_labels: Any, id2label: Any, label2id: Any) -> None:
        if id2label is not None:
            try:
                self.id2label = {int(key): str(label) for key, label in id2label.items()}
            except (AttributeError, TypeError, ValueError):
                raise ConfigError(f"id2label must map integers to names, not be {quoted(id2label)}.") from None
            if sorted(self.id2label) != list(range(len(self.id2label))):
                raise ConfigError(f"id2label has the ids {quoted(sorted(self.id2label))}: they must be 0 .. n - 1.")
            if num_labels is not None and num_labels != len(self.id2label):
                raise ConfigError(
                    f"num_labels is {quoted(num_labels)}, but id2label names {len(self.id2label)} labels."
                )
            self.label2id = {label: i for i, label in self.id2label.items()}
            if label2id is not None and label2id != self.label2id:
                raise ConfigError(f"label2id {quoted(label2id)} is not the reverse of id2label {quoted(id2label)}.")
        elif label2id is not None:
            if not isinstance(label2id, Mapping):
                raise ConfigError(f"label2id must map names to integers, not be {quoted(label2id)}.")
            self._set_labels(num_labels, {i: label for label, i in label2id.items()}, None)
        else:
            self.num_labels = 2 if num_labels is None else num_labels

    @property
    def num_labels(self) -> int:
        """How many classes a task head has; setting another number names them LABEL_0, LABEL_1, ..."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, count: int) -> None:
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ConfigError(f"num_labels is {quoted(count)}: a positive integer belongs there.")
        if count > MOST_LABELS:
            raise ConfigError(f"num_labels is {quoted(count)}: at most {MOST_LABELS:,} are possible.")
        if count != len(self.id2label):
            self.id2label = {i: f"LABEL_{i}" for i in range(count)}
            self.label2id = {label: i for i, label in self.id2label.items()}

    @property
    def classifier_dropout_or_default(self) -> float:
        """The dropout before a classifier."""
        raise NotImplementedError

    @property
    def use_return_dict(self) -> bool:
        """Whether calls give an output object (True) or a tuple."""
        return self.return_dict

    def validate(self) -> None:
        """Check every field again, as after an attribute was changed. Raises ConfigError."""
        sizes = ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
                 "max_position_embeddings", "type_vocab_size"]  # fmt: skip
        for name in sizes:
            self._check_size(name, MOST_LAYERS if name == "num_hidden_layers" else LARGEST_SIZE)
        self._check("chunk_size_feed_forward", lambda value: _is_int(value) and value >= 0, "an integer of 0 or more")
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            self._check(name, _is_probability, "a number from 0 to 1")
        for name in ("layer_norm_eps", "initializer_range"):
            self._check(name, lambda value: _is_number(value) and value >= 0, "a number of 0 or more")
        for name in ("is_decoder", "add_cross_attention", "tie_word_embeddings", "use_cache", "output_attentions",
                     "output_hidden_states", "return_dict"):  # fmt: skip
            self._check(name, lambda value: isinstance(value, bool), "True or False")
        self._check("problem_type", lambda value: value in (None, *PROBLEM_TYPES), f"one of {', '.join(PROBLEM_TYPES)}")
        if self.hidden_size % self.num_attention_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}."
            )
        pad = self.pad_token_id
        if pad is not None and not (_is_int(pad) and 0 <= pad < self.vocab_size):
            raise ConfigError(
                f"pad_token_id is {quoted(pad)}, outside the vocabulary of {self.vocab_size} "
                f"(0..{self.vocab_size - 1})."
            )
        if self.add_cross_attention and not self.is_decoder:
            raise ConfigError("add_cross_attention=True needs is_decoder=True: only a decoder attends to an encoder.")
        self._check("architectures", _is_list_of_texts, "a list of class names")
        F.find_activation(self.hidden_act)

    def _check_size(self, name: str, most: int) -> None:
        self._check(name, lambda value: _is_int(value) and value >= 1, "a positive integer")
        self._check(name, lambda value: value <= most, f"a positive integer of at most {most:,}")

    def _check(self, name: str, fits: Any, wanted: str) -> None:
        value = getattr(self, name)
        if not fits(value):
            raise ConfigError(f"{name} is {quoted(value)}: {wanted} belongs there.")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_dict() == self.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"

    def to_dict(self) -> dict[str, Any]:
        """Every field, as a dictionary of its own."""
        fields = copy.deepcopy({name: value for name, value in vars(self).items() if not name.startswith("_")})
        return {**fields, "model_type": self.model_type}

    def to_json_string(self) -> str:
        """The text of config.json: the family's fields, and of the common ones those that are not the default.

        Raises:
            ConfigError: hidden_act is a function, which no file can hold.
        """
        fields = self.to_dict()
        if not isinstance(fields["hidden_act"], str):
            if not isinstance(fields["hidden_act"], F.Activation) or fields["hidden_act"].name not in F.ACTIVATIONS:
                raise ConfigError(
                    "hidden_act is a function of your own, which config.json cannot hold: name one instead."
                )
            fields["hidden_act"] = fields["hidden_act"].name
        for name, default in self._common_defaults().items():
            if fields[name] == default:
                del fields[name]
        if self.id2label == {0: "LABEL_0", 1: "LABEL_1"}:
            del fields["id2label"], fields["label2id"]
        try:
            return json.dumps(fields, indent=2, sort_keys=True, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:  # ValueError: infinity, or a number that is none
            raise ConfigError(f"a field of the configuration cannot be written as JSON: {error}.") from None

    @classmethod
    def _common_defaults(cls) -> dict[str, Any]:
        """The common fields that a saved file leaves out at these values: the family has no default of its own."""
        own = inspect.signature(cls.__init__).parameters
        return {name: default for name, default in _COMMON.items() if name not in own}

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write config.json into the folder, which is made if need be."""
        text = self.to_json_string()
        with saving(folder, ConfigError) as save, save.open(CONFIG_FILE) as file:
            file.write(text.encode("utf-8"))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], **overrides: Any) -> Self:
        """A configuration from the fields of a config.json; keywords override them.

        Raises:
            ConfigError: the fields belong to another model_type, or a value does not fit.
        """
        if not isinstance(fields, Mapping) or not all(isinstance(name, str) for name in fields):
            raise ConfigError(f"a configuration is made from a mapping of fields, not from {quoted(fields)}.")
        fields = dict(fields)
        found = fields.get("model_type", cls.model_type)
        if found != cls.model_type:
            raise ConfigError(
                f"the configuration is of model_type {quoted(found)}, but {cls.__name__} is of {cls.model_type!r}."
            )
        if "num_labels" in overrides and "id2label" not in overrides:
            labels = fields.get("id2label") or {}
            if not isinstance(labels, Mapping) or len(labels) != overrides["num_labels"]:
                fields.pop("id2label", None)
                fields.pop("label2id", None)
            fields.pop("num_labels", None)
        if "id2label" in overrides:
            for name in ("label2id", "num_labels"):
                fields.pop(name, None)
        if fields.get("id2label") is not None:
            fields.pop("num_labels", None)
        return cls(**{**fields, **overrides})

    @classmethod
    def from_json_file(cls, path: str | os.PathLike[str]) -> Self:
        """A configuration from a config.json. Raises ConfigError."""
        return cls.from_dict(read_json(path, "the configuration"))

    @classmethod
    def from_pretrained(cls, name_or_path: str | os.PathLike[str], **options: Any) -> Self:
        """The configuration of a checkpoint: a folder, a config.json, or a name as in `Model.from_pretrained`.

        Args:
            options: fields to change, `num_labels=3`; and for a name revision, cache_dir, local_files_only, token and
                force_download, see `minibert.weights.find_checkpoint`.

        Raises:
            ConfigError: config.json is missing, damaged, or of another family; or there is no such field.
            WeightFileError: the name is found nowhere.
        """
        fields, changes = read_config(name_or_path, options)
        return cls.from_dict(fields).changed(changes)

    def has_field(self, name: str) -> bool:
        """Whether the configuration has a field of this name, or transformers' has."""
        return hasattr(self, name) or name in _KEPT

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """A configuration with these fields changed. Raises ConfigError for one that it has not."""
        for name in changes:
            if not self.has_field(name):
                known = [*self.to_dict(), "num_labels", *HUB_OPTIONS]
                raise ConfigError(f"{type(self).__name__} has no field {quoted(name)}{suggestion(name, known)}.")
        return type(self).from_dict(self.to_dict(), **changes) if changes else self


def read_config(
    name_or_path: str | os.PathLike[str], options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields of a checkpoint's config.json, and those of the options that are changes to them.

    Raises:
        ConfigError: config.json is missing or damaged.
        WeightFileError: the name is found nowhere.
    """
    options = take_options(dict(options), "from_pretrained")
    hub = {name: options.pop(name) for name in HUB_OPTIONS if name in options}
    check_name(name_or_path)
    path = Path(name_or_path)
    if not os.path.isfile(path):
        path = find_checkpoint(name_or_path, needs=[CONFIG_FILE], **hub) / CONFIG_FILE
    fields = read_json(path, "the configuration")
    if not isinstance(fields.get("model_type", ""), str):
        raise ConfigError(f"{path}: model_type is {quoted(fields['model_type'])}: a name belongs there.")
    return fields, options


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_list_of_texts(value: Any) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(isinstance(name, str) for name in value))


def _is_probability(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


class BertConfig(PretrainedConfig):
    """The configuration of a BERT model; the defaults are those of bert-base-uncased.

    Args:
        vocab_size: V, rows of the word embeddings.
        hidden_size: D, a multiple of num_attention_heads.
        num_hidden_layers, num_attention_heads: L and N.
        intermediate_size: F, the width inside the feed-forward.
        hidden_act: a name of `minibert.functional.ACTIVATIONS`, or a function.
        hidden_dropout_prob, attention_probs_dropout_prob: dropout in training.
        max_position_embeddings: the longest text in tokens.
        type_vocab_size: rows of the token type embeddings.
        initializer_range: deviation of new weights.
        layer_norm_eps: added to the variance in every LayerNorm.
        pad_token_id: the token whose embedding is not learned.
        position_embedding_type: "absolute", "relative_key" (Shaw et al. 2018) or "relative_key_query"
            (Huang et al. 2020, method 4).
        use_cache: whether a decoder gives back its keys and values.
        classifier_dropout: dropout before a classifier, None for hidden_dropout_prob.
        common: what `PretrainedConfig` takes.

    Raises:
        ConfigError: a value is out of range, or two contradict each other.

    Example:
        >>> config = BertConfig(hidden_size=24, num_attention_heads=4)
        >>> config.hidden_size, config.num_hidden_layers, config.hidden_act
        (24, 12, 'gelu')
        >>> BertConfig(hidden_size=24, num_attention_heads=5)
        Traceback (most recent call last):
        minibert.errors.ConfigError: hidden_size 24 is not a multiple of num_attention_heads 5.
    """

    model_type = "bert"
    position_embedding_type: str
    classifier_dropout: float | None

    def __init__(
        self,
        vocab_size: int = 30522,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: Any = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | None = 0,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        **common: Any,
    ) -> None:
        own = {name: value for name, value in locals().items() if name not in ("self", "common", "__class__")}
        vars(self).update(own)
        super().__init__(**common)

    def validate(self) -> None:
        super().validate()
        self._check(
            "position_embedding_type",
            lambda value: value in POSITION_EMBEDDING_TYPES,
            f"one of {', '.join(POSITION_EMBEDDING_TYPES)}",
        )
        self._check(
            "classifier_dropout",
            lambda value: value is None or _is_probability(value),
            "None or a number from 0 to 1",
        )

    @property
    def classifier_dropout_or_default(self) -> float:
        """The dropout before a classifier."""
        return self.hidden_dropout_prob if self.classifier_dropout is None else self.classifier_dropout


class RobertaConfig(BertConfig):
    """The configuration of a RoBERTa model (Liu et al. 2019): BERT's, except its vocabulary and special tokens.

    Positions count from `pad_token_id + 1`, so a text has at most max_position_embeddings - pad_token_id - 1 tokens;
    roberta-base has 514 for texts of 512. Arguments: those of `BertConfig`.

    Raises:
        ConfigError: as `BertConfig`, or pad_token_id leaves no position.

    Example:
        >>> config = RobertaConfig()
        >>> config.vocab_size, config.bos_token_id, config.pad_token_id, config.eos_token_id
        (50265, 0, 1, 2)
        >>> config.max_position_embeddings - config.pad_token_id - 1  # places for tokens
        510
    """

    model_type = "roberta"

    def __init__(
        self,
        vocab_size: int = 50265,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: Any = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int = 1,
        bos_token_id: int | None = 0,
        eos_token_id: int | None = 2,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        **common: Any,
    ) -> None:
        own = {name: value for name, value in locals().items() if name not in ("self", "common", "__class__")}
        super().__init__(**own, **common)

    def validate(self) -> None:
        super().validate()
        if self.pad_token_id is None:
            raise ConfigError("pad_token_id is None, but RoBERTa's positions count from it: give an id.")
        if self.max_position_embeddings <= self.pad_token_id + 1:
            raise ConfigError(
                f"max_position_embeddings is {self.max_position_embeddings}, which leaves no position after "
                f"pad_token_id {self.pad_token_id}: RoBERTa's first token stands at pad_token_id + 1."
            )


class RemBertConfig(PretrainedConfig):
    """The configuration of a RemBERT model (Chung et al. 2020): BERT's, except that the embeddings are decoupled.

    Args:
        input_embedding_size: E, the narrow width of the input embeddings, mapped to hidden_size.
        output_embedding_size: O, the wide width of the language-model head's embedding.
        classifier_dropout_prob: dropout before a classifier.

    The other fields are `BertConfig`'s; positions are always absolute, and the output embedding is not tied unless
    tie_word_embeddings says so, for which E and O must be equal.

    Raises:
        ConfigError: a value is out of range, or two contradict each other.

    Example:
        >>> config = RemBertConfig()
        >>> config.input_embedding_size, config.hidden_size, config.output_embedding_size
        (256, 1152, 1664)
        >>> f"{config.vocab_size * config.input_embedding_size:,}"  # numbers in the table that a fine-tuned model keeps
        '64,076,800'
    """

    model_type = "rembert"
    input_embedding_size: int
    output_embedding_size: int
    classifier_dropout_prob: float

    def __init__(
        self,
        vocab_size: int = 250300,
        hidden_size: int = 1152,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 18,
        input_embedding_size: int = 256,
        output_embedding_size: int = 1664,
        intermediate_size: int = 4608,
        hidden_act: Any = "gelu",
        hidden_dropout_prob: float = 0.0,
        attention_probs_dropout_prob: float = 0.0,
        classifier_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        use_cache: bool = True,
        pad_token_id: int | None = 0,
        bos_token_id: int | None = 312,
        eos_token_id: int | None = 313,
        tie_word_embeddings: bool = False,
        **common: Any,
    ) -> None:
        own = {name: value for name, value in locals().items() if name not in ("self", "common", "__class__")}
        shared = ("bos_token_id", "eos_token_id", "tie_word_embeddings")
        vars(self).update({name: value for name, value in own.items() if name not in shared})
        super().__init__(**{name: own[name] for name in shared}, **common)

    def validate(self) -> None:
        super().validate()
        for name in ("input_embedding_size", "output_embedding_size"):
            self._check_size(name, LARGEST_SIZE)
        self._check("classifier_dropout_prob", _is_probability, "a number from 0 to 1")
        positions = getattr(self, "position_embedding_type", "absolute")
        if positions != "absolute":
            raise ConfigError(
                f"position_embedding_type is {quoted(positions)}, but RemBERT has absolute positions only."
            )
        if self.tie_word_embeddings and self.input_embedding_size != self.output_embedding_size:
            raise ConfigError(
                f"tie_word_embeddings=True needs equal widths, but input_embedding_size is {self.input_embedding_size} "
                f"and output_embedding_size {self.output_embedding_size}."
            )

    @property
    def classifier_dropout_or_default(self) -> float:
        """The dropout before a classifier."""
        return self.classifier_dropout_prob
