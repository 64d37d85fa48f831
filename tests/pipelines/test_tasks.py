"""The tasks by name: aliases, shipped models, and which model classes have them."""

import pytest

import minibert as mb
from minibert.pipelines.tasks import ALIASES, DEFAULT_MODELS, TASKS, check_task, default_model, tasks_of


def test_every_model_class_has_the_task_that_it_is_for() -> None:
    for task, entry in TASKS.items():
        auto_class = getattr(mb, entry.auto_class)
        for family in ("bert", "roberta", "rembert"):
            config = {"bert": mb.BertConfig, "roberta": mb.RobertaConfig, "rembert": mb.RemBertConfig}[family]()
            if task == "next-sentence-prediction" and family != "bert":
                continue
            assert task in tasks_of(auto_class.class_for(config)), (task, family)


def test_every_class_has_features() -> None:
    for name in mb.__all__:
        made = getattr(mb, name)
        if isinstance(made, type) and hasattr(made, "base_model_prefix"):
            assert tasks_of(made)[-1] == "feature-extraction"


def test_aliases_and_their_models() -> None:
    for alias, task in ALIASES.items():
        assert check_task(alias) == task
    for task, name in DEFAULT_MODELS.items():
        assert default_model(task) == name
    assert default_model("ner") == DEFAULT_MODELS["token-classification"]
    with pytest.raises(mb.InputError, match=r"there is no task 'pos': .* \(also ner for token-classification"):
        check_task("pos")
