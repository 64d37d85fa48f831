"""feature-extraction: the encoder's last hidden states, or one vector a text pooled from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.checks import check_choice, check_text
from minibert.errors import InputError
from minibert.pipelines.base import Pipeline, Settings
from minibert.pipelines.embeddings import POOLINGS
from minibert.pipelines.rows import Batch, Job, Row


@dataclass(frozen=True)
class FeatureExtractionSettings(Settings):
    """The options of feature-extraction.

    Args:
        pooling: None for every token's vector; "mean" over the tokens, "cls" for the first token's, "pooler" for
            the pooled output: one vector a text.
        normalize: whether pooled vectors get length 1, so that their products are cosines.
        return_tensors: whether to give NumPy arrays, not lists.
        tokenize_kwargs: further arguments of the tokenizer's call (transformers' name of tokenizer_kwargs here).
    """

    pooling: str | None = None
    normalize: bool = True
    return_tensors: Any = False
    tokenize_kwargs: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.pooling is not None:
            check_choice("pooling", self.pooling, POOLINGS)
        if self.tokenize_kwargs:
            if self.truncation is not None and "truncation" in self.tokenize_kwargs:
                raise InputError("truncation is given twice: as an option and in tokenize_kwargs.")
            object.__setattr__(self, "tokenizer_kwargs", {**(self.tokenizer_kwargs or {}), **self.tokenize_kwargs})


class FeatureExtractionPipeline(Pipeline):
    """The vectors of a text: (1, T, D) as nested lists, special tokens included; with pooling (D,)."""

    task = "feature-extraction"
    output_names = ("features",)
    settings_class = FeatureExtractionSettings

    def needed(self, parameters: list[str]) -> list[str]:
        """The encoder's; the pooler's only if it is asked for, and none of a task's head."""
        prefix = "" if self.encoder is self.model else f"{self.model.base_model_prefix}."
        pooled = self.settings.pooling == "pooler"
        return [name for name in parameters if name.startswith(prefix) and (pooled or "pooler." not in name)]

    @property
    def encoder(self) -> Any:
        """The bare encoder inside the model."""
        return getattr(self.model, "base_model", self.model)

    def read_options(self, settings: Any, options: dict[str, Any]) -> Any:
        changed = super().read_options(settings, options)
        if changed.pooling == "pooler" and self.encoder.pooler is None:
            raise InputError(
                "pooling is 'pooler', but the model was loaded without a pooler: "
                "make the pipeline with pooling='pooler', from a checkpoint that has one."
            )
        return changed

    def prepare(self, item: Any, settings: FeatureExtractionSettings) -> list[Row]:
        return [self.row(self.encode(check_text(item), None, settings))]

    def forward(self, batch: Batch) -> Sequence[Any]:
        """The hidden states (T, D) and the pooled output (D,) or None of every row."""
        output = self.encoder(**batch.arrays)
        hidden = to_numpy(output.last_hidden_state)
        pooled = None if output.pooler_output is None else to_numpy(output.pooler_output)
        return [
            (hidden[i, : len(row)].copy(), None if pooled is None else pooled[i].copy())
            for i, row in enumerate(batch.rows)
        ]

    def finish(self, job: Job) -> Any:
        settings = job.settings
        hidden, pooled = job.rows[0].output
        if settings.pooling is None:
            vectors = hidden[None]
        else:
            vectors = {"mean": hidden.mean(axis=0), "cls": hidden[0], "pooler": pooled}[settings.pooling]
            if settings.normalize:
                vectors = vectors / np.linalg.norm(vectors)
        return vectors if settings.return_tensors else vectors.tolist()
