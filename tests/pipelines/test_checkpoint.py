"""What a pipeline loads from a folder."""

from pathlib import Path

import pytest

import minibert as mb
from minibert.pipelines.tasks import TASKS
from tests.pipelines.small_pipelines import HEADS, inputs_of
from tests.small_checkpoints import FAMILIES, SENTENCES, save


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", list(TASKS))
def test_from_a_folder(task: str, family: str, tmp_path: Path) -> None:
    if family != "bert" and task == "next-sentence-prediction":
        with pytest.raises(
            mb.InputError, match=f"{family} models have no next-sentence-prediction: their tasks are fill-mask, text-"
        ):
            mb.pipeline(task, model=save(family, "Model", tmp_path))
        return
    folder = save(family, HEADS[task], tmp_path)
    pipe = mb.pipeline(task, model=str(folder))
    assert pipe.task == task
    answers = pipe(inputs_of(task, family)[:2])
    assert len(answers) == 2
    assert mb.pipeline(model=folder).task == task  # what the model is for
    assert repr(pipe).startswith(type(pipe).__name__)


def test_float16_predicts_as_float32_does(tmp_path: Path) -> None:
    folder = save("bert", "ForSequenceClassification", tmp_path)
    half, full = (mb.pipeline("text-classification", folder, dtype=dtype) for dtype in ("float16", "float32"))
    assert half(SENTENCES[0])[0]["score"] == pytest.approx(full(SENTENCES[0])[0]["score"], abs=0.02)


def test_an_encoder_does_not_generate(tmp_path: Path) -> None:
    folder = save("bert", "ForMaskedLM", tmp_path)
    with pytest.raises(mb.InputError, match="is an encoder, whose tokens see those after them: text-generation needs"):
        mb.pipeline("text-generation", folder)
    assert mb.pipeline("text-generation", folder, model_kwargs={"is_decoder": True})("A", max_new_tokens=2)
