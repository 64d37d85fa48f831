"""The stack of layers over parts of a batch, side by side: whole texts each, so that no text meets another.

Attached to `Encoder.forward`. A batch is cut along B where nobody watches the values between (no trace, no edits, no
dropout, no cache), where there are threads to share it, and where it is large enough to be worth it. Every value is
what the whole batch would give, to the rounding of its sums. The number of threads decides how the batch is cut: the
same number gives the same bits.

A pass that keeps values for backward is not cut: each part would make gradients as large as the weights, and that costs
more time in fresh memory than the threads save.
"""

import math
from functools import partial

import numpy as np

from minibert.backend import Array
from minibert.forms import form_of, plain_of
from minibert.models.encoder import Encoder, StackOutputs
from minibert.models.layer import StackInputs
from minibert.running.threads import get_threads, is_inside_a_job, side_by_side
from minibert.trace import Run

TOKENS = 512  # of a part, at most: its values stay near the core
WORTH = 4e9  # operations below which a cut is left alone: some tens of milliseconds of one core


def cut(batch: int, tokens: int, operations: float, threads: int) -> list[slice]:
    """The rows of every part: as many parts as threads or a multiple, of nearly equal size; [] for no cut.

    Args:
        batch, tokens: B and T.
        operations: how many multiplications and additions the pass takes.
        threads: how many parts can run at once.

    >>> cut(batch=5, tokens=400, operations=1e12, threads=2)
    [slice(0, 2, None), slice(2, 3, None), slice(3, 4, None), slice(4, 5, None)]
    >>> cut(batch=5, tokens=400, operations=1e6, threads=2)
    []
    """
    if threads < 2 or batch < 2 or operations < WORTH:
        return []
    wanted = max(threads, math.ceil(batch * tokens / TOKENS))
    count = min(batch, threads * math.ceil(wanted / threads))
    ends = np.cumsum([len(rows) for rows in np.array_split(np.arange(batch), count)]).tolist()
    return [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]


def operations_of(stack: Encoder, tokens: int) -> float:
    """Multiplications and additions that the products of a pass over this many tokens take, but for attention's."""
    weights = sum(
        4 * layer.attention.self.query.weight.size + 2 * layer.intermediate.dense.weight.size for layer in stack.layer
    )
    return 2.0 * weights * tokens


def rows_of(stack: StackInputs, rows: slice) -> StackInputs:
    """The inputs of these rows of a batch."""
    heads = stack.head_mask
    return stack._replace(
        mask=_rows(stack.mask, rows),
        head_mask=heads if heads is None or heads.shape[1] == 1 else heads[:, rows],
        encoder_hidden=_rows(stack.encoder_hidden, rows),
        encoder_mask=_rows(stack.encoder_mask, rows),
    )


def _rows(array: Array | None, rows: slice) -> Array | None:
    return None if array is None or len(array) == 1 else array[rows]


@form_of(Encoder.forward)
def forward(
    self: Encoder, hidden: Array, run: Run, stack: StackInputs, keep_hidden: bool, keep_attentions: bool
) -> StackOutputs:
    """hidden (B, T, D) -> what the stack gives, part by part."""
    if not may_be_cut(self, run, stack):
        return NotImplemented
    batch, tokens, _ = hidden.shape
    parts = cut(batch, tokens, operations_of(self, batch * tokens), get_threads())
    if not parts:
        return NotImplemented

    def of_rows(rows: slice) -> StackOutputs:
        inputs = rows_of(stack, rows)
        return plain_of(Encoder.forward)(self, hidden[rows], Run(), inputs, keep_hidden, keep_attentions)

    outputs = side_by_side([partial(of_rows, rows) for rows in parts])
    return StackOutputs(
        np.concatenate([each.hidden for each in outputs]),
        _joined([each.hidden_states for each in outputs]),
        _joined([each.attentions for each in outputs]),
        _joined([each.cross_attentions for each in outputs]),
    )


def may_be_cut(stack: Encoder, run: Run, inputs: StackInputs) -> bool:
    """Whether a pass in parts is what the pass would be: on the CPU, with nobody watching, and nothing to append to."""
    if stack.parameters.xp is not np or inputs.cache is not None or is_inside_a_job():
        return False
    return run.trace is None and run.rng is None and not run.edits


def _joined(parts: list[tuple[Array, ...]]) -> tuple[Array, ...]:
    """The same arrays of every part, each put together."""
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
