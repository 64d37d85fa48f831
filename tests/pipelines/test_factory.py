"""`pipeline()`: its arguments, the shipped models, and mistakes."""

from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.pipelines.tasks import tasks_of
from tests.pipelines.small_pipelines import close
from tests.small_checkpoints import model, save, tokenizer


def test_arguments_of_transformers(tmp_path: Path) -> None:
    folder = save("bert", "ForMaskedLM", tmp_path)
    pipe = mb.pipeline(
        "fill-mask", model=str(folder), tokenizer=str(folder), config=str(folder), device=-1, dtype="float64",
        use_fast=True, trust_remote_code=False, framework="pt", model_kwargs={"attn_implementation": "sdpa"}, top_k=2,
    )  # fmt: skip
    assert pipe.model.dtype == np.float64
    assert len(pipe("A [MASK].")) == 2
    assert len(pipe("A [MASK].", top_k=3)) == 3
    assert mb.pipeline("fill-mask", folder, torch_dtype="torch.float16").model.dtype == np.float16
    assert mb.pipeline("fill-mask", folder, device="cpu", device_map=None).model.backend == "numpy"
    with pytest.raises(mb.InputError, match=r"device is 'tpu': give -1 or 'cpu' for NumPy, 0, 'cuda' or 'cupy'"):
        mb.pipeline("fill-mask", folder, device="tpu")


def test_a_task_without_a_model_takes_the_shipped_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from minibert.weights import find

    monkeypatch.setattr(find, "_shipped_homes", lambda: [tmp_path])
    with pytest.raises(
        mb.InputError,
        match=r"^model is missing, and tiny-bert, which answers fill-mask by default, is not in this inst",
    ):
        mb.pipeline("fill-mask")
    with pytest.raises(
        mb.InputError,
        match="^model is missing, and none is shipped for question-answering: give a checkpoint .* of a class "
        r"\.\.\.ForQuestionAnswering\. Tasks with a shipped model: fill-mask \(tiny-bert\), token-classification",
    ):
        mb.pipeline("question-answering")
    with pytest.raises(mb.InputError, match=r"^neither task nor model is given: name a task that has a shipped model"):
        mb.pipeline()
    save("bert", "ForMaskedLM", tmp_path / "tiny-bert")
    assert len(mb.pipeline("fill-mask")("A [MASK].")) == 5


def test_unknown_tasks_and_wrong_models(tmp_path: Path) -> None:
    with pytest.raises(
        mb.InputError, match="there is no task 'fill_mask': the tasks are fill-mask, text-classification, "
    ):
        mb.pipeline("fill_mask", model="x")
    with pytest.raises(mb.InputError, match="task is a int: give one of fill-mask"):
        mb.pipeline(3, model="x")
    with pytest.raises(
        mb.InputError, match="tokenizer is missing: it is found by itself only where model is a checkpoint"
    ):
        mb.pipeline("fill-mask", model("bert", "ForMaskedLM"))
    with pytest.raises(
        mb.InputError,
        match="the model is a BertForPreTraining, which has no token-classification: its tasks are fill-mask, "
        "next-sentence-prediction, feature-extraction",
    ):
        mb.pipeline("ner", model("bert", "ForPreTraining"), tokenizer=tokenizer("bert"))
    assert tasks_of(mb.RobertaForCausalLM) == ["text-generation", "feature-extraction"]
    with pytest.raises(mb.WeightFileError, match="no-such-folder"):
        mb.pipeline("fill-mask", model=str(tmp_path / "no-such-folder"))


def test_a_pretraining_model_has_two_tasks(tmp_path: Path) -> None:
    made = model("bert", "ForPreTraining")
    assert len(mb.pipeline("fill-mask", made, tokenizer=tokenizer("bert"))("A [MASK].")) == 5
    one = mb.pipeline("next-sentence-prediction", made, tokenizer=tokenizer("bert"))(("a", "b"))
    made.save_pretrained(tmp_path)
    tokenizer("bert").save_pretrained(tmp_path)
    close(mb.pipeline("next-sentence-prediction", tmp_path)(("a", "b")), one)
