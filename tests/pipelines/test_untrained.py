"""Heads that were never trained, or trained for another task, do not predict."""

import warnings
from pathlib import Path

import pytest

import minibert as mb
from minibert.models import auto
from minibert.pipelines.tasks import TASKS
from minibert.pipelines.untrained import untrained_parts
from tests.small_checkpoints import FAMILIES, save, tokenizer


def test_an_untrained_head_does_not_predict(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    folder = save("bert", "ForMaskedLM", tmp_path)
    message = (
        "has no trained head for text-classification: bert.pooler.dense.weight, bert.pooler.dense.bias, "
        "classifier.weight, classifier.bias would be random. Its tasks are fill-mask, feature-extraction. Train it for "
        "the task first, or give allow_untrained=True to see random answers."
    )
    with pytest.raises(mb.InputError, match=message):
        mb.pipeline("text-classification", model=folder)
    assert not recwarn.list  # the error says it all
    random = mb.pipeline("text-classification", model=folder, allow_untrained=True)
    assert set(random("a")[0]) == {"label", "score"}
    # the same model, trained one step: its new bias is not zero any more
    loaded = random.model
    assert untrained_parts(loaded)
    trace = mb.Trace("backward")
    loaded(input_ids=[[2, 5, 3]], labels=[1], trace=trace)
    mb.AdamW(loaded, lr=0.01).step(loaded.backward(trace))
    assert not untrained_parts(loaded)
    mb.pipeline("text-classification", loaded, tokenizer=tokenizer("bert"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_classifier_of_another_task_does_not_predict(family: str, tmp_path: Path) -> None:
    """The parameters' names and shapes are the same, so that it would load without a word."""
    folder = save(family, "ForSequenceClassification", tmp_path)
    message = (
        r"was saved as \w+ForSequenceClassification, whose classifier is not one for {}: its tasks are "
        "text-classification, feature-extraction. Train it for the task first, or give allow_untrained=True to see"
    )
    for task in ("token-classification", "multiple-choice"):
        with pytest.raises(mb.InputError, match=message.format(task)):
            mb.pipeline(task, folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = mb.AutoModelForTokenClassification.from_pretrained(folder)
    with pytest.raises(mb.InputError, match=message.format("token-classification")):
        mb.pipeline("ner", loaded, tokenizer=tokenizer(family))
    assert mb.pipeline("ner", folder, allow_untrained=True, ignore_labels=[])("a b")
    loaded.save_pretrained(tmp_path)  # as what it is now
    assert mb.pipeline("ner", tmp_path, ignore_labels=[])("a b")


def test_the_task_asked_for_is_not_among_the_tasks_to_turn_to(tmp_path: Path) -> None:
    folder = save("bert", "ForMaskedLM", tmp_path)
    with pytest.raises(mb.InputError, match=r"no trained head for feature-extraction: .* Its tasks are fill-mask\."):
        mb.pipeline("feature-extraction", folder, pooling="pooler")


@pytest.mark.parametrize("task", [task for task in TASKS if task != "feature-extraction"])
def test_a_bare_encoder_has_no_task(task: str, tmp_path: Path) -> None:
    folder = save("bert", "Model", tmp_path)
    decoder = {"is_decoder": True} if task == "text-generation" else {}
    with pytest.raises(mb.InputError, match=f"has no trained head for {task}: .* Its tasks are feature-extraction"):
        mb.pipeline(task, folder, model_kwargs=decoder)
    with pytest.warns(UserWarning, match="drawn anew from seed 0; train the model before you trust") as caught:
        made = getattr(auto, TASKS[task].auto_class).from_pretrained(folder, **decoder)
    assert caught[0].filename == __file__  # it points at the caller's line
    with pytest.raises(mb.InputError, match=f"has no trained head for {task}"):
        mb.pipeline(task, made, tokenizer=tokenizer("bert"))
