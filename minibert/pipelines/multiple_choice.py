"""multiple-choice: the best of several continuations or answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.checks import check_count, check_text
from minibert.errors import InputError
from minibert.functional.softmax import softmax
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.rows import Batch, Job, Row
from minibert.pipelines.scores import host_logits


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

    def forward(self, batch: Batch) -> Sequence[Any]:
        """The logit of every row: choices of one question need not be in one batch, nor of one length."""
        output = self.model(**{name: array[:, None] for name, array in batch.arrays.items()})
        return list(host_logits(output.logits)[:, 0])

    def finish(self, job: Job) -> Any:
        choices = _read_question(job.item)[1]
        scores = softmax(np.array([row.output for row in job.rows]))
        order = np.argsort(-scores, kind="stable")[: job.settings.top_k]
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
