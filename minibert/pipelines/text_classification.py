"""text-classification: a class for a text or a pair of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.checks import check_choice, check_count, check_text
from minibert.errors import InputError
from minibert.functional.softmax import softmax
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.rows import Batch, Job, Row
from minibert.pipelines.scores import host_logits, sigmoid

FUNCTIONS = ("sigmoid", "softmax", "none")
_NOT_GIVEN = ""  # top_k=None means "all", so that it cannot mean "not given"


@dataclass(frozen=True)
class TextClassificationSettings(Settings):
    """The options of text-classification.

    Args:
        top_k: how many classes to give, None for all.
        function_to_apply: "sigmoid", "softmax" or "none"; by default what the configuration's problem_type and
            number of classes say.
        return_all_scores: the older form: without top_k, True gives all classes in the configuration's order.
        padding: accepted and not used: rows are padded as they go together.
    """

    top_k: Any = _NOT_GIVEN
    function_to_apply: Any = None
    return_all_scores: bool | None = None
    padding: Any = None

    def __post_init__(self) -> None:
        if self.top_k not in (_NOT_GIVEN, None):
            check_count("top_k", self.top_k)
        if self.function_to_apply is not None:
            value = self.function_to_apply
            check_choice("function_to_apply", value.lower() if isinstance(value, str) else value, FUNCTIONS)


class TextClassificationPipeline(Pipeline):
    """The class of a text, or of a pair given as {"text": ..., "text_pair": ...}.

    Gives {"label", "score"} (in a list of one for a text by itself, as transformers does), and with top_k a list of
    them, the likeliest first.
    """

    task = "text-classification"
    settings_class = TextClassificationSettings

    def __call__(self, inputs: Any, **options: Any) -> Any:
        answer = super().__call__(inputs, **options)
        return [answer] if isinstance(inputs, str) and "top_k" not in options else answer

    def prepare(self, item: Any, settings: TextClassificationSettings) -> list[Row]:
        text, pair = read_pair(item)
        return [self.row(self.encode(text, pair, settings))]

    def forward(self, batch: Batch) -> Sequence[Any]:
        return list(host_logits(self.model(**batch.arrays).logits))

    def finish(self, job: Job) -> Any:
        settings = job.settings
        scores = self._apply(job.rows[0].output, settings.function_to_apply)
        if settings.top_k == _NOT_GIVEN and settings.return_all_scores:
            return self._named(scores)
        return self.best(scores, settings.top_k)

    def best(self, scores: np.ndarray, top_k: Any) -> Any:
        """One {"label", "score"}, or with top_k a list of them."""
        named = self._named(scores)
        if top_k == _NOT_GIVEN:
            return named[int(scores.argmax())]
        named.sort(key=lambda entry: entry["score"], reverse=True)
        return named[:top_k]

    def _named(self, scores: np.ndarray) -> list[dict[str, Any]]:
        return [{"label": self.model.config.id2label[i], "score": float(score)} for i, score in enumerate(scores)]

    def _apply(self, logits: np.ndarray, function: str | None) -> np.ndarray:
        config = self.model.config
        if function is None:
            if config.problem_type == "regression":
                function = "none"
            elif config.problem_type == "multi_label_classification" or config.num_labels == 1:
                function = "sigmoid"
            else:
                function = "softmax"
        function = getattr(function, "value", function).lower()
        if function == "sigmoid":
            return sigmoid(logits)
        return softmax(logits) if function == "softmax" else logits


def read_pair(item: Any) -> tuple[str, str | None]:
    """A text, {"text", "text_pair"}, or a list of such a pair in a list, as older code has it -> text and pair.

    Raises:
        InputError: anything else.
    """
    if isinstance(item, dict):
        unknown = sorted(set(item) - {"text", "text_pair"})
        if unknown or "text" not in item:
            raise InputError(f"a pair is {{'text': ..., 'text_pair': ...}}, not one with the keys {sorted(item)}.")
        pair = item.get("text_pair")
        return check_text(item["text"], "text"), None if pair is None else check_text(pair, "text_pair")
    if isinstance(item, list) and len(item) == 1 and isinstance(item[0], list) and len(item[0]) == 2:
        return check_text(item[0][0], "text"), check_text(item[0][1], "text_pair")
    if isinstance(item, list | tuple):
        raise InputError(
            f"the input is a {type(item).__name__} of {len(item)}: a pair of texts is given as "
            "{'text': 'first', 'text_pair': 'second'}."
        )
    return check_text(item), None
