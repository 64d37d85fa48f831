"""Lines of text as inputs of tasks."""

from typing import Any

import pytest

import minibert as mb
from minibert.commands.answering.inputs import read_input


@pytest.mark.parametrize(
    ("task", "line", "question", "expected"),
    [
        ("fill-mask", "a\tb", None, "a\tb"),
        ("text-classification", "a\tb", None, {"text": "a", "text_pair": "b"}),
        ("text-classification", "a\tb\tc", None, "a\tb\tc"),
        ("next-sentence-prediction", "a\tb", None, {"text": "a", "text_pair": "b"}),
        ("multiple-choice", "p\tx\ty", None, {"prompt": "p", "choices": ["x", "y"]}),
        ("question-answering", "who?\ta\tb", None, {"question": "who?", "context": "a b"}),
        ("question-answering", "a\tb", "who?", {"question": "who?", "context": "a\tb"}),
    ],
)
def test_tabs_part_what_a_task_takes_apart(task: str, line: str, question: str | None, expected: Any) -> None:
    assert read_input(task, line, question) == expected


def test_a_question_without_a_context() -> None:
    with pytest.raises(mb.InputError, match=r"needs --question, or lines .* this one has no tab: 'who\?'"):
        read_input("question-answering", "who?", None)
