"""How many labels each part of a loss is a mean of, so that the batches of one step can be weighted rightly.

A loss is a mean over what counts in its batch. The loss of a large batch is therefore not the mean of the losses
of its small batches, but the mean weighted by their counts; a loss of two parts (start and end of a span, masked
tokens and next sentence) needs a weight for each.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError
from minibert.functional.losses import IGNORE_INDEX
from minibert.models.tasks import (
    CausalLM,
    NextSentencePrediction,
    PreTraining,
    QuestionAnswering,
    SequenceClassification,
)


class LossPart(NamedTuple):
    """One mean within a loss."""

    share: float  # how much of it is in the loss: 1, or 1/2 for the two ends of a span
    labels: int  # how many labels it is a mean of


def loss_parts(model: Any, batch: Mapping[str, Any]) -> dict[str, LossPart]:
    """{trace name of a part of the loss: its share and number of labels} for one batch of this model.

    Raises:
        InputError: the batch has no labels for this model.
    """
    if isinstance(model, QuestionAnswering):
        tokens = np.shape(batch[next(name for name in ("input_ids", "inputs_embeds") if name in batch)])[1]
        return {
            "start_loss": LossPart(0.5, int((_labels(model, batch, "start_positions") < tokens).sum())),
            "end_loss": LossPart(0.5, int((_labels(model, batch, "end_positions") < tokens).sum())),
        }
    if isinstance(model, PreTraining):
        sentences = _labels(model, batch, "next_sentence_label")
        return {
            "masked_lm_loss": LossPart(1.0, _counted(_labels(model, batch, "labels"))),
            "next_sentence_loss": LossPart(1.0, _counted(sentences)),
        }
    name = "labels"
    if isinstance(model, NextSentencePrediction) and batch.get("labels") is None:
        name = "next_sentence_label"
    labels = _labels(model, batch, name)
    if isinstance(model, SequenceClassification) and not _is_single_label(model.config, labels):
        return {"loss": LossPart(1.0, labels.size)}
    return {"loss": LossPart(1.0, _counted(labels[:, 1:] if isinstance(model, CausalLM) else labels))}


def _labels(model: Any, batch: Mapping[str, Any], name: str) -> np.ndarray:
    if batch.get(name) is None:
        raise InputError(
            f"the batch has no {name!r}, which the loss of {type(model).__name__} needs: it has {', '.join(batch)}."
        )
    return to_numpy(batch[name])


def _counted(labels: np.ndarray) -> int:
    return int((labels != IGNORE_INDEX).sum())


def _is_single_label(config: Any, labels: np.ndarray) -> bool:
    if config.problem_type is not None:
        return config.problem_type == "single_label_classification"
    return config.num_labels > 1 and labels.dtype.kind in "iu"


class WeightedBatch(NamedTuple):
    """A batch of a step, and how much each part of its loss counts."""

    number: int  # of the batch in its step
    batch: Mapping[str, Any]
    weights: dict[str, float]  # {trace name of a part of the loss: the gradient that enters backward there}


def weighted_batches(model: Any, batches: Sequence[Mapping[str, Any]]) -> list[WeightedBatch]:
    """The batches of one step with weights that make their gradients add up to those of one large batch.

    A part of the loss is a mean over n_i labels in batch i. Its mean over all batches is Σ (n_i / Σ n) part_i, so
    n_i / Σ n is the gradient that enters the backward pass of batch i. A batch in which nothing counts is left out.

    Raises:
        InputError: a batch has no labels for this model.
    """
    parts = [loss_parts(model, batch) for batch in batches]
    totals = {name: sum(part[name].labels for part in parts) for name in parts[0]}
    found = []
    for number, (batch, counted) in enumerate(zip(batches, parts, strict=True)):
        weights = {name: part.share * part.labels / totals[name] for name, part in counted.items() if part.labels}
        if weights:
            found.append(WeightedBatch(number, batch, weights))
    return found
