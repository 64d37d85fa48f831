"""The loop of training, and nothing hidden in it: forward, loss, backward, clip, step, schedule; then log and save.

Everything around a long run (its data, its log, its checkpoints, how it is interrupted and resumed) is in the
neighbouring files. This one can be called alone, with any model, optimiser and batches.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from minibert.backend import Array
from minibert.errors import InputError
from minibert.trace import BACKWARD, Trace
from minibert.training.clipping import clip_grad_norm, global_norm
from minibert.training.trainer.loss_scaling import LossScaler
from minibert.training.trainer.weighting import weighted_batches

Batch = dict[str, Any]


def training_loop(
    model: Any,
    optimizer: Any,
    schedule: Any,
    steps: Iterable[tuple[int, Sequence[Batch]]],
    after_step: Callable[[float, float, Sequence[Batch]], None],
    *,
    max_grad_norm: float = 0.0,
    scaler: LossScaler | None = None,
    trace_keep: Sequence[str] = (),
    on_trace: Callable[[int, int, Trace], None] | None = None,
) -> None:
    """Train for every one of `steps`.

    Args:
        model, optimizer, schedule: what is trained, `step(grads)` and `step()`.
        steps: (how many steps were made before, the batches of this step). Several batches count as one large batch.
        after_step: called with the loss, the norm of the gradients before clipping, and the batches.
        max_grad_norm: clip gradients to this global norm; 0 only measures it.
        scaler: scales the loss of a float16 model; None changes nothing.
        trace_keep: what the traces keep besides what backward needs.
        on_trace: called with (steps made before, number of the batch in the step, trace) before backward.

    Raises:
        InputError: a loss is not finite; the weights are then as they were before that step.

    >>> import minibert as mb
    >>> config = mb.BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                        intermediate_size=4)
    >>> model = mb.BertForMaskedLM(config, seed=0)
    >>> optimizer = mb.AdamW(model, lr=1e-2)
    >>> batch = {"input_ids": [[1, 2, 3]], "labels": [[-100, 2, -100]]}
    >>> losses = []
    >>> training_loop(model, optimizer, mb.get_constant_schedule(optimizer), ((step, [batch]) for step in range(9)),
    ...               lambda loss, norm, batches: losses.append(loss))
    >>> losses[-1] < losses[0]
    True
    """
    scaler = scaler or LossScaler(enabled=False)
    for done, batches in steps:
        loss, grads = 0.0, dict[str, Array]()
        for number, batch, weights in weighted_batches(model, batches):
            trace = Trace([BACKWARD, *weights, *trace_keep])
            model(**batch, trace=trace)  # forward
            loss += sum(weight * trace[name].item() for name, weight in weights.items())
            if on_trace is not None:
                on_trace(done, number, trace)
            found = model.backward(trace, scaler.scaled(weights))  # backward
            add_gradients(grads, scaler.unscale(found))
            del trace, found  # they are large, and the optimiser needs room
        check_loss(loss, done + 1)
        norm = clip_grad_norm(grads, max_grad_norm) if max_grad_norm > 0 else global_norm(grads)  # clip
        if grads and scaler.follow(math.isfinite(norm)):  # no label counts, no gradients
            optimizer.step(grads)  # step
        schedule.step()  # schedule
        del grads
        after_step(loss, norm, batches)  # log, evaluate, save


def add_gradients(grads: dict[str, Array], more: Mapping[str, Array]) -> None:
    """Add gradients to those that were summed up before, in place."""
    for name, gradient in more.items():
        if name in grads:
            grads[name] += gradient
        else:
            grads[name] = gradient


def check_loss(loss: float, step: int) -> None:
    """Raise InputError for a loss that is not finite."""
    if not math.isfinite(loss):
        raise InputError(
            f"the loss of step {step} is {loss}: the weights are as they were before it; try a smaller learning_rate."
        )
