"""A line of text as the input of a task."""

from typing import Any

from minibert.errors import InputError


def read_input(task: str, text: str, question: str | None) -> Any:
    """One line as the task's input; tabs separate its parts. Raises InputError where a part is missing."""
    parts = text.split("\t")
    if task == "question-answering":
        if question is not None:
            return {"question": question, "context": text}
        if len(parts) < 2:
            raise InputError(
                "question-answering needs --question, or lines of the form question<TAB>context; "
                f"this one has no tab: {text[:60]!r}."
            )
        return {"question": parts[0], "context": " ".join(parts[1:])}
    if task == "multiple-choice":
        return {"prompt": parts[0], "choices": parts[1:]}
    if task in ("next-sentence-prediction", "text-classification") and len(parts) == 2:
        return {"text": parts[0], "text_pair": parts[1]}
    return text
