"""next-sentence-prediction: whether one text follows another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from minibert.checks import check_count, check_text
from minibert.errors import InputError
from minibert.functional.softmax import softmax
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.rows import Batch, Job, Row
from minibert.pipelines.scores import host_logits, top
from minibert.pipelines.text_classification import read_pair

LABELS = ("IsNext", "NotNext")  # Devlin et al. 2018, section 3.1


@dataclass(frozen=True)
class NextSentenceSettings(Settings):
    """The options of next-sentence-prediction: top_k, 1 for the likelier answer alone, 2 or None for both."""

    top_k: int | None = 1

    def __post_init__(self) -> None:
        if self.top_k is not None:
            check_count("top_k", self.top_k)


class NextSentencePredictionPipeline(Pipeline):
    """Whether the second text follows the first.

    Takes {"text": ..., "text_pair": ...} or a tuple of two texts, or a list of such. Gives {"label", "score"}, the
    label "IsNext" or "NotNext"; with top_k=2 a list of both, the likelier first.
    """

    task = "next-sentence-prediction"
    settings_class = NextSentenceSettings

    def prepare(self, item: Any, settings: NextSentenceSettings) -> list[Row]:
        if isinstance(item, tuple) and len(item) == 2:
            item = {"text": item[0], "text_pair": item[1]}
        text, pair = read_pair(item)
        if pair is None:
            raise InputError("there is one text only: give {'text': 'first', 'text_pair': 'second'}.")
        return [self.row(self.encode(text, check_text(pair), settings))]

    def forward(self, batch: Batch) -> Sequence[Any]:
        output = self.model(**batch.arrays)
        logits = output.logits if "logits" in output else output.seq_relationship_logits
        return list(host_logits(logits))

    def finish(self, job: Job) -> Any:
        scores, top_k = softmax(job.rows[0].output), job.settings.top_k
        named = [{"label": LABELS[i], "score": float(scores[i])} for i in top(scores, 2)]
        return named[0] if top_k == 1 else named[:top_k]
