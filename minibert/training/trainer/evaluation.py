"""Evaluation: a model over a whole data set, without dropout, and with the same masks every time."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError
from minibert.functional.losses import IGNORE_INDEX
from minibert.trace import Trace
from minibert.training.trainer.weighting import loss_parts

LABELS = ("labels", "next_sentence_label", "start_positions", "end_positions")
_NOT_PREDICTIONS = ("loss", "hidden_states", "attentions", "cross_attentions", "past_key_values")


class EvalPrediction(NamedTuple):
    """What a Trainer's `compute_metrics` is given: NumPy arrays over the whole data set.

    Where the model has several outputs or labels, either is a tuple of arrays.

    Attributes:
        predictions: the model's output fields besides the loss and states: logits (S, C), of a token classifier
            (S, T, C); texts of shorter batches are filled with -100.
        label_ids: the labels of the same texts: (S,), or (S, T) filled in the same way.

    Example:
        >>> def accuracy(prediction):
        ...     return {"accuracy": float((prediction.predictions.argmax(axis=-1) == prediction.label_ids).mean())}
        >>> accuracy(EvalPrediction(predictions=np.array([[0.1, 0.9], [0.8, 0.2]]), label_ids=np.array([1, 1])))
        {'accuracy': 0.5}
    """

    predictions: Any
    label_ids: Any


class Evaluation(NamedTuple):
    """A pass over a data set."""

    loss: float | None
    prediction: EvalPrediction | None
    samples: int


class Evaluator:
    """Runs a model over data.

    Args:
        model, collator: as of the Trainer.
        batch_size: texts a batch.
        seed: of the collator's masks, the same in every evaluation.
        preprocess_logits: (logits, labels) -> what to keep of a batch's logits.
    """

    def __init__(
        self, model: Any, collator: Any, batch_size: int, seed: int, preprocess_logits: Callable[..., Any] | None
    ) -> None:
        self.model, self.collator, self.batch_size, self.seed = model, collator, batch_size, seed
        self.preprocess_logits = preprocess_logits

    def run(self, dataset: Sequence[Any], keep_predictions: bool) -> Evaluation:
        """The loss over all texts (weighted by what counts in each batch), and the predictions if they are kept."""
        totals: dict[str, list[float]] = {}
        predictions: list[Any] = []
        labels: list[Any] = []
        with _evaluation_mode(self.model), _fixed_masks(self.collator, self.seed):
            for start in range(0, len(dataset), self.batch_size):
                rows = [dataset[i] for i in range(start, min(start + self.batch_size, len(dataset)))]
                batch = collate(self.model, self.collator, rows)
                output = self._forward(batch, totals)
                if keep_predictions:
                    logits, given = self._kept(output, batch)
                    predictions.append(logits)
                    labels.append(given)
        loss = sum(share * value / count for value, count, share in totals.values() if count) if totals else None
        if any(count == 0 for _, count, _ in totals.values()):
            loss = None
        prediction = EvalPrediction(_joined(predictions), _joined(labels)) if keep_predictions else None
        return Evaluation(loss, prediction, len(dataset))

    def _forward(self, batch: dict[str, Any], totals: dict[str, list[float]]) -> Any:
        """The output; adds each part of the loss, times its count, to `totals`."""
        if not any(name in batch for name in LABELS):
            return self.model(**batch, return_dict=True)
        parts = loss_parts(self.model, batch)
        trace = Trace(list(parts))
        output = self.model(**batch, return_dict=True, trace=trace)
        for name, part in parts.items():
            total = totals.setdefault(name, [0.0, 0, part.share])
            if part.labels:
                total[0] += trace[name].item() * part.labels
                total[1] += part.labels
        return output

    def _kept(self, output: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
        given = tuple(to_numpy(batch[name]) for name in LABELS if name in batch)
        logits = tuple(to_numpy(value) for name, value in output.items() if name not in _NOT_PREDICTIONS)
        alone, label = _alone(logits), _alone(given)
        return (self.preprocess_logits(alone, label) if self.preprocess_logits else alone), label


def collate(model: Any, collator: Any, rows: list[Any]) -> dict[str, Any]:
    """A batch of what the model takes; other columns of the data ("text") are left out before collating."""
    takes = set(inspect.signature(model.forward).parameters)
    wanted = takes | {"label", "label_ids"} | set(getattr(collator, "uses", ()))
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise InputError(
                f"row {i} of a batch is a {type(row).__name__}: the data must hold dicts, as the tokenizer gives."
            )
    batch = collator([{name: value for name, value in row.items() if name in wanted} for row in rows])
    return {name: value for name, value in batch.items() if name in takes}


@contextlib.contextmanager
def _evaluation_mode(model: Any) -> Iterator[None]:
    """Without dropout; afterwards the generator of dropout is the one from before, untouched."""
    rng = model.parameters.rng
    model.eval()
    try:
        yield
    finally:
        model.parameters.rng = rng


@contextlib.contextmanager
def _fixed_masks(collator: Any, seed: int) -> Iterator[None]:
    """A collator that draws begins at the seed, and goes on afterwards as if nothing had been drawn."""
    if not hasattr(collator, "load_state_dict"):
        yield
        return
    before = collator.state_dict()
    collator.load_state_dict({"rng": np.random.default_rng([seed, 1]).bit_generator.state})
    try:
        yield
    finally:
        collator.load_state_dict(before)


def _alone(values: tuple[Any, ...]) -> Any:
    return values[0] if len(values) == 1 else values or None


def _joined(batches: list[Any]) -> Any:
    """Batches one after the other; where the texts of batches differ in length, shorter ones are filled with -100."""
    if not batches or batches[0] is None:
        return None
    if isinstance(batches[0], tuple):
        return tuple(_joined([batch[i] for batch in batches]) for i in range(len(batches[0])))
    arrays = [np.atleast_1d(np.asarray(batch)) for batch in batches]
    if any(array.ndim != arrays[0].ndim for array in arrays):
        raise InputError("the kept predictions of batches have different numbers of axes.")
    if arrays[0].ndim >= 2 and len({array.shape[1] for array in arrays}) > 1:
        longest = max(array.shape[1] for array in arrays)
        arrays = [_filled(array, longest) for array in arrays]
    return np.concatenate(arrays)


def _filled(array: np.ndarray, length: int) -> np.ndarray:
    filled = np.full((array.shape[0], length, *array.shape[2:]), IGNORE_INDEX, dtype=array.dtype)
    filled[:, : array.shape[1]] = array
    return filled
