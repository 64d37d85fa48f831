"""`pipeline()` and what all pipelines share: loading, batches, order, generators, mistakes."""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.models import auto
from minibert.pipelines.tasks import TASKS, tasks_of
from minibert.pipelines.untrained import untrained_parts
from tests.small_checkpoints import FAMILIES, LONG, SENTENCES, model, save, tokenizer

HEADS = {
    "fill-mask": "ForMaskedLM",
    "text-classification": "ForSequenceClassification",
    "token-classification": "ForTokenClassification",
    "question-answering": "ForQuestionAnswering",
    "next-sentence-prediction": "ForNextSentencePrediction",
    "multiple-choice": "ForMultipleChoice",
    "text-generation": "ForCausalLM",
    "feature-extraction": "Model",
}


def make(task: str, family: str = "bert", **options: Any) -> Any:
    return mb.pipeline(task, model(family, HEADS[task], dtype="float64"), tokenizer=tokenizer(family), **options)


def inputs_of(task: str, family: str = "bert") -> list[Any]:
    """Inputs of many lengths."""
    mask = tokenizer(family).mask_token
    texts = [" ".join(text.split()[: 1 + i]) for i, text in enumerate(SENTENCES)]
    made: dict[str, list[Any]] = {
        "fill-mask": [f"{text} {mask}" for text in texts],
        "question-answering": [{"question": "Who?", "context": text} for text in texts],
        "next-sentence-prediction": [(text, "And then?") for text in texts],
        "multiple-choice": [{"prompt": text, "choices": ["a", "b c d", text]} for text in texts],
    }
    return made.get(task, texts)


def close(one: Any, other: Any) -> None:
    """The same, floats to the last digits."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            close(one[key], other[key])
    elif isinstance(one, list):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            close(a, b)
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-11)
    else:
        assert one == other


@pytest.mark.parametrize("task", [task for task in TASKS if task != "text-generation"])
def test_batches_lists_and_generators_give_the_same(task: str) -> None:
    pipe, inputs = make(task), inputs_of(task)
    alone = [pipe([item, item])[0] for item in inputs]
    for size in (1, 3, 100):
        close(pipe(inputs, batch_size=size), alone)
    close(list(pipe(item for item in inputs)), alone)
    assert list(pipe(iter(()))) == []


def test_a_generator_is_read_as_it_is_needed() -> None:
    taken: list[int] = []

    def texts():
        for i in range(1000):
            taken.append(i)
            yield SENTENCES[i % 3]

    answers = make("text-classification", batch_size=2)(texts())
    assert taken == []
    next(answers)
    assert len(taken) == 64  # 32 batches are sorted together


def test_rows_of_like_length_go_together(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = make("text-classification", batch_size=4)
    shapes: list[tuple[int, ...]] = []
    forward = pipe.forward
    monkeypatch.setattr(
        pipe, "forward", lambda batch: shapes.append(batch.arrays["input_ids"].shape) or forward(batch)
    )
    texts = [("word " * n).strip() for n in (1, 9, 2, 8, 1, 9, 2, 8)]
    pipe(texts)
    lengths = [len(pipe.tokenizer(text)["input_ids"]) for text in texts]
    computed = sum(rows * width for rows, width in shapes)
    assert [rows for rows, _ in shapes] == [4, 4]
    assert computed <= sum(lengths) * 1.1


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_padded_as_the_tokenizer_pads(family: str) -> None:
    pipe = make("text-classification", family)
    texts = [{"text": SENTENCES[0], "text_pair": "a b"}, "c", SENTENCES[1]]
    rows = [row for text in texts for row in pipe.prepare(text, pipe.settings)]
    expected = pipe.tokenizer.pad({name: [row.inputs[name] for row in rows] for name in rows[0].inputs})
    for name, array in pipe.pad(rows).items():
        assert array.tolist() == expected[name], name


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


def test_float16_predicts_as_float32_does(tmp_path: Path) -> None:
    folder = save("bert", "ForSequenceClassification", tmp_path)
    half, full = (mb.pipeline("text-classification", folder, dtype=dtype) for dtype in ("float16", "float32"))
    assert half(SENTENCES[0])[0]["score"] == pytest.approx(full(SENTENCES[0])[0]["score"], abs=0.02)


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


def test_an_encoder_does_not_generate(tmp_path: Path) -> None:
    folder = save("bert", "ForMaskedLM", tmp_path)
    with pytest.raises(mb.InputError, match="is an encoder, whose tokens see those after them: text-generation needs"):
        mb.pipeline("text-generation", folder)
    assert mb.pipeline("text-generation", folder, model_kwargs={"is_decoder": True})("A", max_new_tokens=2)


def test_features_need_no_head_and_no_pooler(tmp_path: Path) -> None:
    folder = save("bert", "ForMaskedLM", tmp_path)
    assert np.shape(mb.pipeline("feature-extraction", folder)("a")) == (1, 3, 24)
    with pytest.raises(mb.InputError, match=r"has no trained head for feature-extraction: pooler\.dense\.weight"):
        mb.pipeline("feature-extraction", folder, pooling="pooler")
    made = model("bert", "ForMaskedLM")
    pipe = mb.pipeline("feature-extraction", made, tokenizer=tokenizer("bert"))
    with pytest.raises(mb.InputError, match="pooling is 'pooler', but the model was loaded without a pooler"):
        pipe("a", pooling="pooler")


@pytest.mark.parametrize("task", list(TASKS))
def test_options_that_a_task_has_not(task: str) -> None:
    with pytest.raises(mb.InputError, match=f"{task} takes no 'top_n': its options are truncation, max_length"):
        make(task, top_n=2)
    with pytest.raises(mb.InputError, match="takes no 'colour'"):
        make(task)(inputs_of(task)[0], colour="red")
    with pytest.raises(mb.InputError, match="batch_size is 0: an integer of 1 or more belongs there"):
        make(task, batch_size=0)


@pytest.mark.parametrize("task", ["fill-mask", "text-classification", "feature-extraction", "multiple-choice"])
def test_texts_that_are_too_long(task: str) -> None:
    pipe = make(task)
    item: Any = {"fill-mask": "[MASK] " + LONG, "multiple-choice": {"prompt": LONG, "choices": ["a", "b"]}}.get(
        task, LONG
    )
    message = (
        "tokens with the special ones, but the model has positions for 64: give truncation=True to cut it at the end"
    )
    with pytest.raises(mb.InputError, match=message):
        pipe(item)
    assert pipe(item, truncation=True)
    short = inputs_of(task)[0]
    with pytest.raises(mb.InputError, match="input 1: the text has"):
        pipe([short, item])
    with pytest.raises(mb.InputError, match="input 2: the text has"):
        list(pipe(x for x in [short, short, item]))
    with pytest.raises(mb.InputError, match="input 40: the text has"):  # not of the first 32 batches
        pipe([short] * 40 + [item], batch_size=1)


def test_truncation_is_never_beyond_the_positions() -> None:
    pipe = make("text-classification", max_length=1000, truncation=True)
    assert pipe(LONG)
    assert make("feature-extraction", return_tensors=True)(LONG, truncation=True, max_length=7).shape == (1, 7, 24)


def test_progress(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = make("text-classification")
    pipe(["a"] * 100)
    assert capsys.readouterr().err == ""  # not a terminal
    pipe(["a"] * 10, progress=True)
    assert "10/10" in capsys.readouterr().err
    make("multiple-choice")(inputs_of("multiple-choice")[:5], progress=True)
    assert "5/5" in capsys.readouterr().err  # inputs, not the choices of all of them
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    pipe(["a"] * 63)
    assert capsys.readouterr().err == ""  # a short list needs none
    pipe(["a"] * 64)
    assert "64/64" in capsys.readouterr().err
    pipe(["a"] * 64, progress=False)
    list(make("text-classification", progress=False)(["a"] * 64))
    list(pipe(text for text in ["a"] * 64))  # nobody knows how long a generator is
    assert capsys.readouterr().err == ""


def test_training_mode_is_left() -> None:
    made = model("bert", "ForMaskedLM").train(0)
    mb.pipeline("fill-mask", made, tokenizer=tokenizer("bert"))
    assert not made.training
