"""The Auto classes: which class a family has for a task, and what they say where it has none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.models.auto import class_named, classes_of
from tests.random_cases import CLASSES
from tests.small_checkpoints import FAMILIES, config

TASKS = {
    "AutoModel": ("Model", "Model", "Model"),
    "AutoModelForPreTraining": ("ForPreTraining", "ForMaskedLM", "ForMaskedLM"),
    "AutoModelForMaskedLM": ("ForMaskedLM",) * 3,
    "AutoModelForCausalLM": ("LMHeadModel", "ForCausalLM", "ForCausalLM"),
    "AutoModelForNextSentencePrediction": ("ForNextSentencePrediction", None, None),
    "AutoModelForSequenceClassification": ("ForSequenceClassification",) * 3,
    "AutoModelForTokenClassification": ("ForTokenClassification",) * 3,
    "AutoModelForQuestionAnswering": ("ForQuestionAnswering",) * 3,
    "AutoModelForMultipleChoice": ("ForMultipleChoice",) * 3,
}
PREFIX = {"bert": "Bert", "roberta": "Roberta", "rembert": "RemBert"}


@pytest.mark.parametrize("auto", TASKS)
@pytest.mark.parametrize(("place", "family"), list(enumerate(FAMILIES)))
def test_from_config(auto: str, place: int, family: str) -> None:
    ending = TASKS[auto][place]
    cls = getattr(mb, auto)
    if ending is None:
        message = f"^{auto}: {family} models have no such task; they have AutoModel, AutoModelForPreTraining,"
        with pytest.raises(mb.ConfigError, match=message) as caught:
            cls.from_config(config(family))
        assert str(caught.value).count("AutoModelForNextSentencePrediction") == 1  # asked for, not offered
    else:
        assert type(cls.from_config(config(family))) is getattr(mb, PREFIX[family] + ending)


def test_options_of_from_config() -> None:
    model = mb.AutoModel.from_config(
        config("bert"), torch_dtype="float64", attn_implementation="sdpa", device_map="cpu", seed=3,
        add_pooling_layer=False,
    )  # fmt: skip
    assert (model.dtype, model.backend, model.pooler) == (np.float64, "numpy", None)
    with pytest.raises(mb.ConfigError, match=r"^AutoModel.from_config takes no load_in_4bit: minibert computes in"):
        mb.AutoModel.from_config(config("bert"), load_in_4bit=True)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (mb.AutoModel, r"^AutoModel is not made itself: use AutoModel.from_pretrained\(checkpoint\)"),
        (mb.AutoConfig, r"^AutoConfig is not made itself: use AutoConfig.from_pretrained\(checkpoint\)\.$"),
    ],
)
def test_they_are_not_made(cls: Any, message: str) -> None:
    with pytest.raises(mb.ConfigError, match=message):
        cls()


@pytest.mark.parametrize("family", FAMILIES)
def test_classes_of_a_family_by_task(family: str) -> None:
    classes = classes_of(family)
    names = {name for name in CLASSES if name.startswith(PREFIX[family])}
    assert {each.__name__ for each in classes.values()} == names
    assert all(each.task == task for task, each in classes.items())


def test_classes_by_name() -> None:
    assert class_named("RobertaForCausalLM") is mb.RobertaForCausalLM
    assert class_named("BertPreTrainedModel") is None
    assert class_named("GPT2LMHeadModel") is None


def test_families_that_are_not_here(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(mb.ConfigError, match=r"model_type is 'gpt2', but minibert has bert, roberta, rembert\.$"):
        mb.AutoConfig.from_pretrained(tmp_path)
    with pytest.raises(mb.ConfigError, match=r"^model_type is 'gpt2', but minibert has bert, roberta, rembert\.$"):
        mb.AutoConfig.for_model("gpt2")
    other = config("bert")
    other.model_type = "gpt2"
    with pytest.raises(
        mb.ConfigError, match=r"^AutoModel takes a configuration of bert, roberta, rembert, not 'gpt2'\.$"
    ):
        mb.AutoModel.from_config(other)
