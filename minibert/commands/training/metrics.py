"""What is measured on held-out data, beside what a guess without a model would reach."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minibert.functional.losses import IGNORE_INDEX

Metrics = Callable[[Any], dict[str, float]]


def masked_accuracy(prediction: Any) -> dict[str, float]:
    """How many of the hidden tokens the first choice gets right; predictions are token ids (N, T)."""
    hidden = prediction.label_ids != IGNORE_INDEX
    return {"accuracy": float((prediction.predictions == prediction.label_ids)[hidden].mean())} if hidden.any() else {}


def text_metrics(frequent: int) -> Metrics:
    """Accuracy and macro F1 of classes, and the accuracy of always saying `frequent`, training's commonest class."""

    def compute(prediction: Any) -> dict[str, float]:
        chosen, right = prediction.predictions, prediction.label_ids
        return {
            "accuracy": float((chosen == right).mean()),
            "macro_f1": macro_f1(chosen, right),
            "majority_accuracy": float((right == frequent).mean()),
        }

    return compute


def macro_f1(chosen: np.ndarray, right: np.ndarray) -> float:
    """The mean over the classes that occur of 2 tp / (2 tp + fp + fn).

    >>> macro_f1(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    0.7333333333333334
    """
    scores = []
    for label in np.union1d(chosen, right):
        hits = int(((chosen == label) & (right == label)).sum())
        scores.append(2 * hits / int((chosen == label).sum() + (right == label).sum()))
    return float(np.mean(scores))


def word_metrics(labels: Sequence[str], frequent: int) -> Metrics:
    """Accuracy over words, and where the labels are of the B-I-O kind precision, recall and F1 of whole entities."""

    def compute(prediction: Any) -> dict[str, float]:
        chosen, right = prediction.predictions, prediction.label_ids
        counted = right != IGNORE_INDEX
        found = {
            "accuracy": float((chosen == right)[counted].mean()),
            "majority_accuracy": float((right == frequent)[counted].mean()),
        }
        if is_bio(labels):
            rows = [(row, mask) for row, mask in zip(chosen, counted, strict=True)]
            guessed = [spans([labels[i] for i in row[mask]]) for row, mask in rows]
            truth = [spans([labels[i] for i in row[mask]]) for row, mask in zip(right, counted, strict=True)]
            found |= span_scores(guessed, truth)
        return found

    return compute


def is_bio(labels: Iterable[str]) -> bool:
    """Whether labels mark entities: O, B-KIND, I-KIND.

    >>> is_bio(["O", "B-PER", "I-PER"]), is_bio(["NOUN", "VERB"])
    (True, False)
    """
    labels = list(labels)
    return "O" in labels and all(label == "O" or label.startswith(("B-", "I-")) for label in labels)


def spans(labels: Sequence[str]) -> set[tuple[str, int, int]]:
    """(kind, first word, end) of every entity, by the CoNLL-2000 evaluation's rules: an I- without a beginning begins.

    >>> sorted(spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"]))
    [('LOC', 3, 4), ('LOC', 4, 5), ('PER', 0, 2)]
    """
    found: set[tuple[str, int, int]] = set()
    kind, begun = "", 0
    for i, label in enumerate([*labels, "O"]):
        part, _, new = label.partition("-")
        if kind and (part != "I" or new != kind):
            found.add((kind, begun, i))
            kind = ""
        if part != "O" and not kind:
            kind, begun = new, i
    return found


def span_scores(guessed: Sequence[set[Any]], truth: Sequence[set[Any]]) -> dict[str, float]:
    """Precision, recall and F1 of spans over all texts; 0 where nothing was guessed or there was nothing to find."""
    hits = sum(len(a & b) for a, b in zip(guessed, truth, strict=True))
    said, real = sum(map(len, guessed)), sum(map(len, truth))
    return {
        "entity_precision": hits / said if said else 0.0,
        "entity_recall": hits / real if real else 0.0,
        "entity_f1": 2 * hits / (said + real) if said + real else 0.0,
    }


def commonest(ids: Iterable[int]) -> int:
    """The id that occurs most often, the smallest of several."""
    counts = Counter(ids)
    return min(counts, key=lambda id_: (-counts[id_], id_))
