"""Configurations: the documented defaults, every refusal with its text, and the way to config.json and back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb

COMMON = {
    "hidden_act": "gelu",
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "initializer_range": 0.02,
    "layer_norm_eps": 1e-12,
    "use_cache": True,
    "is_decoder": False,
    "add_cross_attention": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "return_dict": True,
    "chunk_size_feed_forward": 0,
    "problem_type": None,
    "num_labels": 2,
    "id2label": {0: "LABEL_0", 1: "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
}
BASE = {
    **COMMON,
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "position_embedding_type": "absolute",
    "classifier_dropout": None,
    "tie_word_embeddings": True,
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "BertConfig": {**BASE, "vocab_size": 30522, "pad_token_id": 0, "model_type": "bert"},
    "RobertaConfig": {
        **BASE, "vocab_size": 50265, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "model_type": "roberta",
    },
    "RemBertConfig": {
        **COMMON, "vocab_size": 250300, "hidden_size": 1152, "num_hidden_layers": 32, "num_attention_heads": 18,
        "input_embedding_size": 256, "output_embedding_size": 1664, "intermediate_size": 4608,
        "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout_prob": 0.1,
        "pad_token_id": 0, "bos_token_id": 312, "eos_token_id": 313, "tie_word_embeddings": False,
        "model_type": "rembert",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_documented_defaults(name: str) -> None:
    config = getattr(mb, name)()
    for field, value in DEFAULTS[name].items():
        assert getattr(config, field) == value, field
    assert config.use_return_dict is True


def test_positional_order_is_the_documentations() -> None:
    config = mb.BertConfig(100, 24, 2, 3, 48, "relu", 0.2, 0.3, 64, 4, 0.5, 1e-5)
    assert (config.vocab_size, config.hidden_size) == (100, 24)
    assert (config.num_hidden_layers, config.num_attention_heads) == (2, 3)
    assert (config.intermediate_size, config.hidden_act, config.hidden_dropout_prob) == (48, "relu", 0.2)
    assert (config.attention_probs_dropout_prob, config.max_position_embeddings, config.type_vocab_size) == (0.3, 64, 4)
    assert (config.initializer_range, config.layer_norm_eps) == (0.5, 1e-5)


def test_classifier_dropout() -> None:
    assert mb.BertConfig(hidden_dropout_prob=0.3).classifier_dropout_or_default == 0.3
    assert mb.BertConfig(classifier_dropout=0.0).classifier_dropout_or_default == 0.0
    assert mb.RobertaConfig(classifier_dropout=0.4).classifier_dropout_or_default == 0.4
    assert mb.RemBertConfig(hidden_dropout_prob=0.3).classifier_dropout_or_default == 0.1


POSITIVE = ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
            "max_position_embeddings", "type_vocab_size"]  # fmt: skip
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *[("BertConfig", {name: value}, f"{name} is {value!r}: a positive integer belongs there.")
      for name in POSITIVE for value in (0, -1, 2.0, "3", True)],
    *[("RemBertConfig", {name: 0}, f"{name} is 0: a positive integer belongs there.")
      for name in ("input_embedding_size", "output_embedding_size")],
    *[(family, {name: value}, f"{name} is {value!r}: a number from 0 to 1 belongs there.")
      for family in DEFAULTS for name in ("hidden_dropout_prob", "attention_probs_dropout_prob")
      for value in (-0.1, 1.5, "0.1", None)],
    ("RemBertConfig", {"classifier_dropout_prob": 2},
     "classifier_dropout_prob is 2: a number from 0 to 1 belongs there."),
    ("BertConfig", {"classifier_dropout": 2}, "classifier_dropout is 2: None or a number from 0 to 1 belongs there."),
    *[("BertConfig", {name: value}, f"{name} is {value!r}: a number of 0 or more belongs there.")
      for name in ("layer_norm_eps", "initializer_range") for value in (-1e-5, "1e-5")],
    ("BertConfig", {"chunk_size_feed_forward": -1},
     "chunk_size_feed_forward is -1: an integer of 0 or more belongs there."),
    *[("BertConfig", {name: value}, f"{name} is {value!r}: True or False belongs there.")
      for name in ("is_decoder", "tie_word_embeddings", "use_cache") for value in (1, None, "no")],
    ("BertConfig", {"problem_type": "ranking"},
     "problem_type is 'ranking': one of regression, single_label_classification, multi_label_classification "
     "belongs there."),
    ("BertConfig", {"position_embedding_type": "rotary"},
     "position_embedding_type is 'rotary': one of absolute, relative_key, relative_key_query belongs there."),
    ("RemBertConfig", {"position_embedding_type": "relative_key"},
     "position_embedding_type is 'relative_key', but RemBERT has absolute positions only."),
    ("BertConfig", {"hidden_size": 10, "num_attention_heads": 3},
     "hidden_size 10 is not a multiple of num_attention_heads 3."),
    ("BertConfig", {"vocab_size": 10, "pad_token_id": 10}, "pad_token_id is 10, outside the vocabulary of 10 (0..9)."),
    ("BertConfig", {"pad_token_id": -1}, "pad_token_id is -1, outside the vocabulary of 30522 (0..30521)."),
    ("BertConfig", {"pad_token_id": 0.0}, "pad_token_id is 0.0, outside the vocabulary of 30522 (0..30521)."),
    ("RobertaConfig", {"pad_token_id": None},
     "pad_token_id is None, but RoBERTa's positions count from it: give an id."),
    ("RobertaConfig", {"max_position_embeddings": 2},
     "max_position_embeddings is 2, which leaves no position after pad_token_id 1: RoBERTa's first token stands at "
     "pad_token_id + 1."),
    ("BertConfig", {"add_cross_attention": True},
     "add_cross_attention=True needs is_decoder=True: only a decoder attends to an encoder."),
    ("RemBertConfig", {"tie_word_embeddings": True},
     "tie_word_embeddings=True needs equal widths, but input_embedding_size is 256 and output_embedding_size 1664."),
    ("BertConfig", {"hidden_act": "prelu"},
     "hidden_act 'prelu' has parameters of its own, which these models do not have."),
    *[("BertConfig", {"num_labels": value}, f"num_labels is {value!r}: a positive integer belongs there.")
      for value in (0, -2, 1.0, "2", True)],
    ("BertConfig", {"id2label": ["a", "b"]}, "id2label must map integers to names, not be ['a', 'b']."),
    ("BertConfig", {"id2label": {"x": "a"}}, "id2label must map integers to names, not be {'x': 'a'}."),
    ("BertConfig", {"id2label": {0: "a", 2: "b"}}, "id2label has the ids [0, 2]: they must be 0 .. n - 1."),
    ("BertConfig", {"id2label": {0: "a"}, "num_labels": 3}, "num_labels is 3, but id2label names 1 labels."),
    ("BertConfig", {"id2label": {0: "a"}, "label2id": {"b": 0}},
     "label2id {'b': 0} is not the reverse of id2label {0: 'a'}."),
    ("BertConfig", {"label2id": 5}, "label2id must map names to integers, not be 5."),
    ("BertConfig", {"id2label": {0: "a"}, "label2id": 5}, "label2id 5 is not the reverse of id2label {0: 'a'}."),
    # what would take minutes, or all of the memory
    ("BertConfig", {"num_labels": 50_000_000}, "num_labels is 50000000: at most 1,000,000 are possible."),
    ("BertConfig", {"num_labels": 10**12}, "num_labels is 1000000000000: at most 1,000,000 are possible."),
    ("BertConfig", {"num_labels": 10**5000}, "num_labels is a number of thousands of digits: at most 1,000,000 are "
     "possible."),
    ("BertConfig", {"num_hidden_layers": 1_000_000},
     "num_hidden_layers is 1000000: a positive integer of at most 10,000 belongs there."),
    *[("BertConfig", {name: 2**40}, f"{name} is {2**40}: a positive integer of at most 2,147,483,647 belongs there.")
      for name in POSITIVE if name != "num_hidden_layers"],
    ("RemBertConfig", {"input_embedding_size": 2**40},
     "input_embedding_size is 1099511627776: a positive integer of at most 2,147,483,647 belongs there."),
    *[("BertConfig", {name: value}, f"{name} is {value!r}: a number of 0 or more belongs there.")
      for name in ("layer_norm_eps", "initializer_range") for value in (float("inf"), float("nan"))],
    *[("BertConfig", {"architectures": value}, f"architectures is {value!r}: a list of class names belongs there.")
      for value in (5, [5], "BertModel")],
    *[("BertConfig", {name: "x"}, f"{name} is 'x': True or False belongs there.")
      for name in ("output_attentions", "output_hidden_states", "return_dict")],
    ("BertConfig", {"classifier_dropout": "x"},
     "classifier_dropout is 'x': None or a number from 0 to 1 belongs there."),
    *[("BertConfig", {name: 1},
       f"the configuration has a field {name!r}, but that is the name of a method; rename the field.")
      for name in ("validate", "to_dict", "_check", "_set_labels", "use_return_dict", "__eq__")],
    ("BertConfig", {"layer_norm_eps": -(10**400)},
     f"layer_norm_eps is -1{'0' * 75}...: a number of 0 or more belongs there."),
    ("BertConfig", {"classifier_dropout": 10**400},
     f"classifier_dropout is 1{'0' * 76}...: None or a number from 0 to 1 belongs there."),
    ("BertConfig", {"hidden_act": []}, "hidden_act must be a name or a function, not list."),
    ("BertConfig", {"hidden_size": "x" * 3000},
     "hidden_size is '" + "x" * 76 + "...: a positive integer belongs there."),
]  # fmt: skip


@pytest.mark.parametrize(("family", "fields", "text"), REFUSED)
def test_refused(family: str, fields: dict[str, Any], text: str) -> None:
    with pytest.raises(mb.ConfigError) as found:
        getattr(mb, family)(**fields)
    assert str(found.value) == text


def test_an_attribute_is_checked_when_a_model_is_made() -> None:
    config = mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=3)
    config.hidden_size = 5
    with pytest.raises(mb.ConfigError, match=r"^hidden_size 5 is not a multiple of num_attention_heads 2\.$"):
        mb.BertModel(config)


def test_a_model_takes_its_own_familys_configuration() -> None:
    for cls, config, text in [
        (mb.BertModel, mb.RemBertConfig(), "BertModel takes a BertConfig, not a RemBertConfig."),
        (mb.RobertaForMaskedLM, mb.BertConfig(), "RobertaForMaskedLM takes a RobertaConfig, not a BertConfig."),
        (mb.BertModel, {"vocab_size": 3}, "BertModel takes a BertConfig, not a dict."),
    ]:
        with pytest.raises(mb.ConfigError) as found:
            cls(config)
        assert str(found.value) == text


def test_labels() -> None:
    config = mb.BertConfig(num_labels=3)
    assert config.id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    config.num_labels = 1
    assert config.label2id == {"LABEL_0": 0}
    named = mb.BertConfig(id2label={0: "no", "1": "yes"})  # JSON has no integer keys
    assert named.num_labels == 2
    assert named.id2label == {0: "no", 1: "yes"}
    assert named.label2id == {"no": 0, "yes": 1}
    named.num_labels = 2  # the same number keeps the names
    assert named.id2label == {0: "no", 1: "yes"}
    assert mb.BertConfig(label2id={"no": 0, "yes": 1}).id2label == {0: "no", 1: "yes"}
    assert mb.BertConfig(id2label={0: "a", 1: "b", 2: "c"}, num_labels=3).num_labels == 3
    with pytest.raises(mb.ConfigError, match=r"^num_labels is 0: a positive integer belongs there\.$"):
        named.num_labels = 0


VARIED: list[mb.PretrainedConfig] = [
    mb.BertConfig(),
    mb.BertConfig(id2label={0: "a", 1: "b", 2: "c"}, is_decoder=True, classifier_dropout=0.25, own_field=[1, 2]),
    mb.BertConfig(num_labels=5, position_embedding_type="relative_key", tie_word_embeddings=False, hidden_act="relu"),
    mb.RobertaConfig(problem_type="regression", num_labels=1, use_cache=False, layer_norm_eps=1e-5),
    mb.RemBertConfig(),
    mb.RemBertConfig(output_embedding_size=256, tie_word_embeddings=True, return_dict=False),
]


@pytest.mark.parametrize("config", VARIED, ids=range(len(VARIED)))
def test_json_round_trip(config: mb.PretrainedConfig, tmp_path: Path) -> None:
    cls = type(config)
    config.save_pretrained(tmp_path / "new" / "folder")
    path = tmp_path / "new" / "folder" / "config.json"
    text = path.read_text(encoding="utf-8")
    assert text == config.to_json_string()
    assert json.loads(text)["model_type"] == cls.model_type
    for again in (
        cls.from_pretrained(path.parent),
        cls.from_pretrained(path),
        cls.from_json_file(path),
        cls.from_dict(json.loads(text)),
        cls.from_dict(config.to_dict()),
    ):
        assert again == config
        assert again.to_json_string() == text
        assert vars(again) == vars(config)
    assert repr(config).startswith(f"{cls.__name__} {{")


@pytest.mark.parametrize("name", ["RobertaConfig", "RemBertConfig"])
def test_no_token_is_another_thing_than_the_familys_default(name: str) -> None:
    config = getattr(mb, name)(bos_token_id=None, eos_token_id=None)
    again = type(config).from_dict(json.loads(config.to_json_string()))
    assert again == config
    assert again.bos_token_id is None


def test_overrides() -> None:
    fields = mb.BertConfig(id2label={0: "a", 1: "b", 2: "c"}).to_dict()
    assert mb.BertConfig.from_dict(fields, num_labels=2).id2label == {0: "LABEL_0", 1: "LABEL_1"}
    assert mb.BertConfig.from_dict(fields, num_labels=3).id2label == {0: "a", 1: "b", 2: "c"}
    assert mb.BertConfig.from_dict(fields, id2label={0: "x"}).label2id == {"x": 0}
    assert mb.BertConfig.from_dict(fields, hidden_dropout_prob=0.0).hidden_dropout_prob == 0.0
    assert mb.BertConfig.from_dict({"num_labels": 4}).num_labels == 4
    assert fields == mb.BertConfig(id2label={0: "a", 1: "b", 2: "c"}).to_dict()  # the argument is not changed


def test_another_familys_file() -> None:
    with pytest.raises(mb.ConfigError) as found:
        mb.BertConfig.from_dict(mb.RobertaConfig().to_dict())
    assert str(found.value) == "the configuration is of model_type 'roberta', but BertConfig is of 'bert'."


def test_fields_that_are_no_fields() -> None:
    for fields in (5, [], {1: 2}, None):
        with pytest.raises(mb.ConfigError) as found:
            mb.BertConfig.from_dict(fields)  # type: ignore[arg-type]
        assert str(found.value) == f"a configuration is made from a mapping of fields, not from {fields!r}."


@pytest.mark.parametrize("found", [["bert"], 5, {}, None])
def test_a_model_type_that_is_no_name(tmp_path: Path, found: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": found}))
    for config_class in (mb.BertConfig, mb.AutoConfig):
        with pytest.raises(mb.ConfigError) as caught:
            config_class.from_pretrained(tmp_path)
        assert str(caught.value) == f"{tmp_path / 'config.json'}: model_type is {found!r}: a name belongs there."


@pytest.mark.parametrize("name", [None, 5, b"bert", ["a"], "", " ", "a\0b"])
def test_what_names_no_checkpoint(name: Any) -> None:
    for config_class in (mb.BertConfig, mb.AutoConfig):
        with pytest.raises(mb.WeightFileError) as caught:
            config_class.from_pretrained(name)
        assert str(caught.value) == f"{name!r} is neither a folder nor the name of a checkpoint."


@pytest.mark.parametrize("name", ["n" * 300, "./" + "n" * 300, "a/" + "n" * 300, "n" * 5000])
def test_names_that_are_too_long_for_a_file(name: str) -> None:
    for config_class in (mb.BertConfig, mb.AutoConfig):
        with pytest.raises(mb.WeightFileError) as caught:
            config_class.from_pretrained(name, local_files_only=True)
        assert name[-2:] in str(caught.value)
        assert len(str(caught.value)) < 900


def test_equality_and_independence() -> None:
    config = mb.BertConfig()
    assert config == mb.BertConfig()
    assert config != mb.BertConfig(num_labels=3)
    assert config != mb.RobertaConfig()
    assert config != config.to_dict()
    config.to_dict()["id2label"][0] = "changed"
    assert config.id2label[0] == "LABEL_0"


def test_functions_cannot_be_written() -> None:
    def cube(x: np.ndarray) -> np.ndarray:
        return x**3

    with pytest.raises(mb.ConfigError) as found:
        mb.BertConfig(hidden_act=cube).to_json_string()
    assert str(found.value) == (
        "hidden_act is a function of your own, which config.json cannot hold: name one instead."
    )
    known = mb.BertConfig(hidden_act=mb.functional.ACTIVATIONS["relu"])
    assert json.loads(known.to_json_string())["hidden_act"] == "relu"
    with pytest.raises(mb.ConfigError, match=r"^a field of the configuration cannot be written as JSON: .*ndarray"):
        mb.BertConfig(own_field=np.zeros(2)).to_json_string()
    with pytest.raises(mb.ConfigError, match=r"^a field of the configuration cannot be written as JSON: .*float"):
        mb.BertConfig(own_field=float("inf")).to_json_string()
