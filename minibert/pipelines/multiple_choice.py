"""multiple-choice: the best of several continuations or answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.errors import InputError
from minibert.pipelines.base import Pipeline, Row, Settings, check_count, check_text
from minibert.pipelines.scores import host_logits, softmax


@dataclass(frozen=True)
class MultipleChoiceSettings(Settings):
    """The options of multiple-choice: top_k, how many of the choices to give; None for all."""

    top_k: int | None = None

    def __post_init__(self) -> None:
        if self.top_k is not None:
            check_count("top_k", self.top_k)


class MultipleChoicePipeline(Pipeline):
    """The choices for a prompt, the best first.

    Takes {"prompt": ..., "choices": [...]}, or a list of such. Gives a list of {"choice", "index", "score"}; the
    scores of all choices sum to 1.
    """

    task = "multiple-choice"
    settings_class = MultipleChoiceSettings

    def prepare(self, item: Any, settings: MultipleChoiceSettings) -> list[Row]:
        prompt, choices = _read_question(item)
        return [self.row(self.encode(prompt, choice, settings)) for choice in choices]

    def forward(self, batch: dict[str, np.ndarray], rows: list[Row]) -> list[Any]:
        """The logit of every row: choices of one question need not be in one batch, nor of one length."""
        output = self.model(**{name: array[:, None] for name, array in batch.items()})
        return list(host_logits(output.logits)[:, 0])

    def finish(self, item: Any, rows: list[Row], outputs: list[Any], settings: MultipleChoiceSettings) -> Any:
        choices = _read_question(item)[1]
        scores = softmax(np.array(outputs))
        order = np.argsort(-scores, kind="stable")[: settings.top_k]
        return [{"choice": choices[i], "index": int(i), "score": float(scores[i])} for i in order]


def _read_question(item: Any) -> tuple[str, list[str]]:
    """{"prompt", "choices"} -> both. Raises InputError for anything else, or fewer than two choices."""
    if not isinstance(item, dict) or set(item) != {"prompt", "choices"}:
        found = f"a dict with the keys {sorted(item)}" if isinstance(item, dict) else f"a {type(item).__name__}"
        raise InputError(f"the input is {found}: {{'prompt': ..., 'choices': [...]}} belongs there.")
    choices = item["choices"]
    if not isinstance(choices, list | tuple) or len(choices) < 2:
        raise InputError("choices must be a list of two texts or more.")
    return check_text(item["prompt"], "the prompt"), [check_text(choice, "a choice") for choice in choices]
