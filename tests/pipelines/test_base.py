"""What all pipelines share: batches, order, generators, progress, options and long texts."""

import sys
from typing import Any

import pytest

import minibert as mb
from minibert.pipelines.tasks import TASKS
from tests.pipelines.small_pipelines import close, inputs_of, make
from tests.small_checkpoints import LONG, SENTENCES, model, tokenizer


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
