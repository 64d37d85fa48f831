"""Options that belong to some tasks only."""

import pytest

import minibert as mb
from minibert.cli import parser
from minibert.commands.answering.options import OPTIONS, options_of
from minibert.pipelines.tasks import TASKS


def given(task: str, *words: str) -> dict:
    return options_of(task, parser("run").parse_args(["run", *words]))


def test_only_what_was_given_reaches_the_task() -> None:
    assert given("fill-mask") == {}
    assert given("fill-mask", "--top-k", "3", "--targets", "a,b") == {"top_k": 3, "targets": ["a", "b"]}
    assert given("question-answering", "--question", "Who?", "--doc-stride", "9") == {"doc_stride": 9}


def test_an_option_of_another_task_is_named_with_its_own() -> None:
    with pytest.raises(mb.InputError, match="--stride is an option of token-classification, not of fill-mask"):
        given("fill-mask", "--stride", "2")


def test_every_option_is_of_tasks_that_there_are() -> None:
    for tasks, _ in OPTIONS.values():
        assert tasks
        assert set(tasks) <= set(TASKS)
