"""An exercise as a learner meets it: its text, fresh inputs, and a check."""

import numpy as np

import minibert as mb


def test_the_text_says_what_to_write_of_what_and_how_to_check_it() -> None:
    assert repr(mb.exercise("split_heads")).splitlines()[0] == "split_heads: write f(x, heads)"
    lines = repr(mb.exercise("linear_backward")).splitlines()
    for title in ("inputs", "steps"):
        assert lines[lines.index(title) - 1] == ""
    assert lines[-1] == (
        "Give the tuple (dx, dweight, dbias), or a dict of steps by name. "
        "Then: minibert.exercise('linear_backward').check(f)"
    )
    assert repr(mb.exercise("gelu")).splitlines()[-1].startswith("Give output, or a dict of steps by name.")


def test_steps_are_shown_with_axes_and_their_sizes_here() -> None:
    task = mb.exercise("split_heads")
    step, value = task.steps[0], task.solve(task.inputs)[task.steps[0].name]
    axes = ", ".join(step.shape.split())
    rows = [" ".join(line.split()) for line in repr(task).splitlines()]
    assert f"{step.name} ({axes}) = {value.shape} {step.meaning}" in rows
    assert "pieces list " in " ".join(repr(mb.exercise("wordpiece")).split())


def test_inputs_are_fresh_every_time() -> None:
    task = mb.exercise("attention")
    task.inputs["x"][...] = 0
    assert task.inputs["x"].any()
    spoiled = task.inputs
    next(iter(spoiled["weights"].values()))[...] = 0
    assert all(array.any() for array in task.inputs["weights"].values())


def test_the_check_is_of_this_exercise() -> None:
    verdict = mb.exercise("gelu").check(lambda x: np.maximum(x, 0))
    assert (verdict.exercise, verdict.ok, verdict.mistake) == ("gelu", False, "ReLU")
