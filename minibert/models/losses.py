"""The losses as steps of a pass: each records itself by name, and its backward gives the logits' gradient."""

from typing import Any

from minibert import functional as F
from minibert.backend import Array, move
from minibert.errors import InputError
from minibert.models.inputs import as_host, check_labels, check_targets
from minibert.trace import Backward, Run


def classification_loss(logits: Array, labels: Array, run: Run, name: str = "loss") -> Array:
    """logits (..., C), labels (...) -> loss (): the mean cross entropy over labels other than -100."""
    loss, cache = F.cross_entropy(logits, labels)
    run.save(name, cache)
    return run.record(name, loss, "", "mean of -log softmax(logits)[label]")


def classification_loss_backward(back: Backward, name: str = "loss", dloss: Array | None = None) -> Array | None:
    """-> dlogits (..., C), or None where no gradient arrives at the loss."""
    if not back.has(name):  # the call had no labels
        return None
    dloss, cache = back.arrive(name, dloss), back.saved(name)
    return None if dloss is None else _narrowed(F.cross_entropy_backward(dloss, cache), back)


def _narrowed(gradient: Array, back: Backward) -> Array:
    """In the model's dtype: a loss may have been computed in a wider one."""
    return gradient.astype(back.dtype, copy=False)


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


class ProblemType:
    """The loss of a sequence classifier, by the configuration's `problem_type` or, without one, by the labels.

    One label means regression; several and integers single-label, several and reals multi-label classification.
    """

    def __init__(self, config: Any, labels: Any, batch: int, xp: Any, dtype: Any) -> None:
        classes = config.num_labels
        host = as_host("labels", labels)
        self.kind = config.problem_type
        if self.kind is None and classes == 1:
            self.kind = "regression"
        elif self.kind is None:
            self.kind = "single_label_classification" if host.dtype.kind in "iu" else "multi_label_classification"
        if self.kind == "single_label_classification":
            host = check_labels("labels", host, (batch,), "(batch,)", classes)
            self.labels = move(host, xp)
            return
        if host.dtype.kind == "b":
            host = host.astype(float)
        host = check_targets("labels", host, (batch, classes), "(batch, classes)")
        if self.kind == "multi_label_classification" and not ((host >= 0) & (host <= 1)).all():
            reach = f"from {host.min():g} to {host.max():g}"
            raise InputError(f"labels reach {reach}: a number from 0 to 1 for every class belongs there.")
        self.labels = move(host.copy(), xp, dtype)  # backward needs them as they are now

    def loss(self, logits: Array, run: Run) -> Array:
        """logits (B, C) -> loss ()."""
        if self.kind == "single_label_classification":
            return classification_loss(logits, self.labels, run)
        if self.kind == "regression":
            loss, cache = F.mean_squared_error(logits, self.labels)
            formula = "mean of (logits - labels)²"
        else:
            loss, cache = F.binary_cross_entropy_with_logits(logits, self.labels)
            formula = "mean of -t log σ(logits) - (1 - t) log(1 - σ(logits))"
        run.save("loss", cache)
        return run.record("loss", loss, "", formula)


def problem_loss_backward(back: Backward) -> Array | None:
    """-> dlogits (B, C): which loss it was is told by what it kept."""
    if not back.has("loss"):
        return None
    cache = back.peek("loss")
    is_squares, is_binary = not isinstance(cache, tuple), isinstance(cache, F.BinaryCrossEntropyCache)
    if not (is_squares or is_binary):
        return classification_loss_backward(back)
    dloss, cache = back.arrive("loss", None), back.saved("loss")
    if dloss is None:
        return None
    if is_binary:
        return _narrowed(F.binary_cross_entropy_with_logits_backward(dloss, cache), back)
    return _narrowed(F.mean_squared_error_backward(dloss, cache), back)


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
