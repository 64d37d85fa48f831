"""The losses as steps of a pass: each records itself by name, and its backward gives the logits' gradient.

A label of -100 leaves its logits out (see `minibert.functional.losses`). Without labels there is no loss, and every
backward gives None.
"""

from typing import Any

from minibert import functional as F
from minibert.backend import Array
from minibert.trace import Backward, Run


def classification_loss(logits: Array, labels: Array, run: Run, name: str = "loss") -> Array:
    """logits (..., C), labels (...) -> loss (): the mean cross entropy over labels other than -100."""
    loss, cache = F.cross_entropy(logits, labels)
    run.save(name, cache)
    return run.record(name, loss, "", "mean of -log softmax(logits)[label]")


def classification_loss_backward(back: Backward, name: str = "loss", dloss: Array | None = None) -> Array | None:
    """-> dlogits (..., C) = dloss (softmax(logits) - 1 at the label) / number of labels, None where nothing arrives."""
    return _through(F.cross_entropy_backward, back, name, dloss)


def next_token_loss(logits: Array, labels: Array, run: Run) -> Array:
    """logits (B, T, V), labels (B, T) -> loss (): the logits of a token against the label of the next."""
    return classification_loss(logits[:, :-1], labels[:, 1:], run)


def next_token_loss_backward(back: Backward) -> Array | None:
    """-> dlogits (B, T, V), zero at the last token, which predicts nothing that is there."""
    dshifted = classification_loss_backward(back)
    if dshifted is None:
        return None
    xp = back.xp
    return xp.concatenate((dshifted, xp.zeros_like(dshifted[:, :1])), axis=1)


def problem_loss(problem: str, logits: Array, labels: Array, run: Run) -> Array:
    """logits (B, C), labels (B,) or (B, C) -> loss (): what a configuration's `problem_type` names.

    "single_label_classification" is the cross entropy, "multi_label_classification" the binary cross entropy of every
    class by itself, "regression" the mean squared error.
    """
    run.save("problem_type", problem)
    if problem == "single_label_classification":
        return classification_loss(logits, labels, run)
    cache: Any
    if problem == "multi_label_classification":
        loss, cache = F.binary_cross_entropy_with_logits(logits, labels)
        formula = "mean of -t log σ(logits) - (1 - t) log(1 - σ(logits))"
    else:
        loss, cache = F.mean_squared_error(logits, labels)
        formula = "mean of (logits - labels)²"
    run.save("loss", cache)
    return run.record("loss", loss, "", formula)


def problem_loss_backward(back: Backward) -> Array | None:
    """-> dlogits (B, C)."""
    if not back.has("loss"):
        return None
    problem = back.saved("problem_type")
    if problem == "single_label_classification":
        return classification_loss_backward(back)
    if problem == "multi_label_classification":
        return _through(F.binary_cross_entropy_with_logits_backward, back)
    return _through(F.mean_squared_error_backward, back)


def span_loss(start: Array, end: Array, starts: Array, ends: Array, run: Run) -> Array:
    """start and end logits (B, T), places (B,) -> loss (): the mean of both cross entropies.

    Places outside the text have been moved to T by the caller, and are ignored.
    """
    tokens = start.shape[1]
    parts = []
    for part, logits, places in (("start", start, starts), ("end", end, ends)):
        loss, cache = F.cross_entropy(logits, places, ignore_index=tokens)
        run.save(f"{part}_loss", cache)
        parts.append(run.record(f"{part}_loss", loss, "", f"mean of -log softmax({part}_logits)[place]"))
    return run.record("loss", (parts[0] + parts[1]) / 2, "", "(start_loss + end_loss) / 2")


def span_loss_backward(back: Backward) -> tuple[Array | None, Array | None]:
    """-> dstart_logits, dend_logits (B, T); each part of the mean gets half of the loss' gradient."""
    dloss = back.arrive("loss", None)
    half = None if dloss is None else dloss / 2
    return (
        classification_loss_backward(back, "start_loss", half),
        classification_loss_backward(back, "end_loss", half),
    )


def _through(loss_backward: Any, back: Backward, name: str = "loss", dloss: Array | None = None) -> Array | None:
    """dloss () and what the loss kept -> dlogits in the model's dtype; None without a loss or a gradient of it."""
    if not back.has(name):
        return None
    dloss, cache = back.arrive(name, dloss), back.saved(name)
    return None if dloss is None else loss_backward(dloss, cache).astype(back.dtype, copy=False)
