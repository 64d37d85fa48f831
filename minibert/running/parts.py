"""The stack of layers over parts of a batch, side by side: whole texts each, so that no text meets another.

Attached to `Encoder.forward` and `.backward`. A batch is cut along B where nobody watches the values between (no edits,
and no trace but one for backward alone), where there are threads to share it, and where it is large enough to be worth
it. Every value is what the whole batch would give, to the rounding of its sums. The number of threads decides how the
batch is cut: the same number gives the same bits.

Dropout masks are drawn for the whole batch, in the order of the pass, so that no cut changes them. Gradients of the
parameters are added in the order of the parts, to one sum that all share.
"""

import math
import threading
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array
from minibert.forms import form_of, plain_of
from minibert.functional.dropout import draw_dropout_mask
from minibert.models.encoder import Encoder, StackOutputs
from minibert.models.layer import StackInputs
from minibert.running.threads import get_threads, is_inside_a_job, side_by_side
from minibert.trace import BACKWARD, Backward, Run, Trace

TOKENS = 512  # of a part, at most: its values stay near the core
WORTH = 4e9  # operations below which a cut is left alone: some tens of milliseconds of one core


class Part(NamedTuple):
    """Some neighbouring rows of a batch, and the trace of their pass where backward is to follow."""

    rows: slice
    trace: Trace | None


# cutting


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


# the pass


@form_of(Encoder.forward)
def forward(
    self: Encoder, hidden: Array, run: Run, stack: StackInputs, keep_hidden: bool, keep_attentions: bool
) -> StackOutputs:
    """hidden (B, T, D) -> what the stack gives, part by part."""
    if not may_be_cut(self, run, stack):
        return NotImplemented
    batch, tokens, _ = hidden.shape
    all_rows = cut(batch, tokens, operations_of(self, batch * tokens), get_threads())
    if not all_rows:
        return NotImplemented
    parts = [Part(rows, Trace(BACKWARD) if run.saving else None) for rows in all_rows]
    masks = None if run.rng is None else WholeMasks(run.rng, batch)

    def forward_of(part: Part) -> StackOutputs:
        rng: Any = None if masks is None else MasksOfRows(masks, part.rows)
        part_run = Run(part.trace, rng, self.parameters)
        inputs = rows_of(stack, part.rows)
        return plain_of(Encoder.forward)(self, hidden[part.rows], part_run, inputs, keep_hidden, keep_attentions)

    outputs = side_by_side([partial(forward_of, part) for part in parts])
    if run.trace is not None:
        run.save(self.at("parts"), parts)
        note_points(run.trace, parts[0].trace, batch)
    return StackOutputs(
        np.concatenate([each.hidden for each in outputs]),
        *(
            tuple(np.concatenate(arrays) for arrays in zip(*(each[field] for each in outputs), strict=True))
            for field in (1, 2, 3)
        ),
    )


def may_be_cut(stack: Encoder, run: Run, inputs: StackInputs) -> bool:
    """Whether a pass in parts is what the pass would be: on the CPU, with nobody watching, and nothing to append to."""
    if stack.parameters.xp is not np or inputs.cache is not None or run.edits or is_inside_a_job():
        return False
    if run.rng is not None and stack.parameters.gradient_checkpointing:  # which saves a generator's state
        return False
    relative = any(layer.attention.self.relative is not None for layer in stack.layer)
    if run.saving and relative:  # which adds twice to one gradient
        return False
    return run.trace is None or (run.saving and not run.trace.patterns and run.trace.observer is None)


def note_points(whole: Trace, part: Trace | None, batch: int) -> None:
    """Name in the whole pass' trace what a part of it named, with the shapes that the whole has."""
    assert part is not None
    for name, point in part.points.items():
        shape = part.tape.shapes[name]
        whole.note(point, (batch, *shape[1:]) if point.shape.startswith("B") else shape)


# dropout


class WholeMasks:
    """The dropout masks of a whole batch, drawn one after the other as the first part comes to each."""

    def __init__(self, rng: np.random.Generator, batch: int) -> None:
        self.rng, self.batch = rng, batch
        self.masks: list[Array] = []
        self.lock = threading.Lock()

    def mask(self, number: int, shape: tuple[int, ...], p: float) -> Array:
        """The mask of this number, counted from 0; `shape` is that of any part of it."""
        with self.lock:
            if number == len(self.masks):
                self.masks.append(draw_dropout_mask(self.rng, (self.batch, *shape[1:]), p))
            return self.masks[number]


class MasksOfRows:
    """What a part's pass has for a generator: it is given its rows of the whole batch's masks."""

    def __init__(self, whole: WholeMasks, rows: slice) -> None:
        self.whole, self.rows = whole, rows
        self.drawn = 0


@form_of(draw_dropout_mask)
def rows_of_mask(rng: Any, shape: tuple[int, ...], p: float, xp: ModuleType = np) -> Array:
    """The next mask of the whole batch, cut to the rows of a part."""
    if not isinstance(rng, MasksOfRows):
        return NotImplemented
    rng.drawn += 1
    return xp.asarray(rng.whole.mask(rng.drawn - 1, shape, p)[rng.rows])


# and back


@form_of(Encoder.backward)
def backward(self: Encoder, dhidden: Array | None, back: Backward) -> Array | None:
    """dhidden (B, T, D) -> the gradient of the stack's input, part by part."""
    if not back.has(self.at("parts")):
        return NotImplemented
    parts: list[Part] = back.saved(self.at("parts"))
    gathered = InTurn(back.grads)
    seeds = seeds_within(parts[0].trace, back)

    def backward_of(number: int, part: Part) -> Array | None:
        assert part.trace is not None
        own = {name: seed[part.rows] for name, seed in seeds.items()}
        part_back = BackwardOfPart(part.trace, own, gathered, number)
        try:
            return plain_of(Encoder.backward)(self, None if dhidden is None else dhidden[part.rows], part_back)
        except BaseException:
            gathered.give_up(number)
            raise

    entered = side_by_side([partial(backward_of, number, part) for number, part in enumerate(parts)])
    if "encoder_hidden_states" in back.trace.points:
        back.arrive("encoder_hidden_states", None)
    gradients = [each for each in entered if each is not None]
    return np.concatenate(gradients) if gradients else None


def seeds_within(part: Trace | None, back: Backward) -> dict[str, Array]:
    """The gradients that enter at values of the stack, taken from those that wait."""
    assert part is not None
    return {name: back.seeds.pop(name) for name in list(back.seeds) if name in part.points}


class InTurn:
    """One sum of gradients that parts add to in the order of their numbers, whichever comes first."""

    def __init__(self, grads: dict[str, Array]) -> None:
        self.grads = grads
        self.added: dict[str, int] = {}  # parameter -> how many additions it has had
        self.changed = threading.Condition()
        self.failed = math.inf  # the number of the first part that will not come to its turn

    def add(self, number: int, name: str, gradient: Array) -> None:
        """Add what part `number` found; waits until all parts before it have added theirs."""
        with self.changed:
            self.changed.wait_for(lambda: self.failed < number or self.added.get(name, 0) == number)
            if self.failed < number:
                raise RuntimeError("an earlier part of the batch failed")
        if name in self.grads:
            self.grads[name] += gradient
        else:
            self.grads[name] = gradient
        with self.changed:
            self.added[name] = number + 1
            self.changed.notify_all()

    def give_up(self, number: int) -> None:
        """Let no part after this one, which failed, wait for its turn."""
        with self.changed:
            self.failed = min(self.failed, number)
            self.changed.notify_all()


class BackwardOfPart(Backward):
    """The way back through a part of a batch, which adds to the gradients that all parts share."""

    def __init__(self, trace: Trace, seeds: dict[str, Array], gathered: InTurn, number: int) -> None:
        super().__init__(trace, seeds)
        self.gathered, self.number = gathered, number

    def add(self, name: str, gradient: Array) -> None:
        """Add to the gradient of the parameter of this name, after the parts before this one."""
        self.gathered.add(self.number, name, gradient)
