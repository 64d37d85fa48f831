"""The order of the data: a function of the seed and the epoch alone, so that a place in it is just a number."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minibert.training.trainer.arguments import TrainingArguments

Row = Mapping[str, Any]

_POOL = 50  # batches a pool, within which texts are sorted by length


def epoch_batches(
    count: int, batch_size: int, seed: int, epoch: int, lengths: Sequence[int] | None = None
) -> list[list[int]]:
    """The batches of one epoch, as lists of places in the data; the last one may be smaller.

    Args:
        lengths: of every text: batches then hold texts of like length (sorted within pools of 50 batches).

    >>> epoch_batches(5, 2, seed=0, epoch=0) == epoch_batches(5, 2, seed=0, epoch=0)
    True
    >>> sorted(place for batch in epoch_batches(5, 2, seed=0, epoch=1) for place in batch)
    [0, 1, 2, 3, 4]
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(count)
    if lengths is None:
        return [order[start : start + batch_size].tolist() for start in range(0, count, batch_size)]
    sizes = np.asarray(lengths)
    batches = []
    for start in range(0, count, _POOL * batch_size):
        pool = order[start : start + _POOL * batch_size]
        pool = pool[np.argsort(-sizes[pool], kind="stable")]
        batches += [pool[first : first + batch_size].tolist() for first in range(0, len(pool), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


class DataOrder:
    """Which texts each step of a run gets, and how many steps it has.

    Args:
        dataset: the texts, a feature each.
        args: batch size, batches a step, seeds, epochs or steps.

    >>> args = TrainingArguments("unused", per_device_train_batch_size=2, num_train_epochs=3)
    >>> order = DataOrder([{"input_ids": [number]} for number in range(5)], args)
    >>> order.steps_per_epoch, order.total_steps, order.rows(0)
    (3, 9, [[{'input_ids': [4]}, {'input_ids': [2]}]])
    """

    def __init__(self, dataset: Sequence[Row], args: TrainingArguments) -> None:
        self.dataset, self.args = dataset, args
        batches = math.ceil(len(dataset) / args.per_device_train_batch_size)
        self.steps_per_epoch = math.ceil(batches / args.gradient_accumulation_steps)
        self._epoch: tuple[int, list[list[int]]] | None = None  # the epoch at hand, and its batches

    @property
    def total_steps(self) -> int:
        """The steps of the whole run."""
        if self.args.max_steps > 0:
            return self.args.max_steps
        return max(1, math.ceil(self.args.num_train_epochs * self.steps_per_epoch))

    def rows(self, step: int) -> list[list[Row]]:
        """The texts of a step, counted from 0: one list a batch."""
        epoch, place = divmod(step, self.steps_per_epoch)
        accumulated = self.args.gradient_accumulation_steps
        batches = self._batches(epoch)[place * accumulated : (place + 1) * accumulated]
        return [[self.dataset[i] for i in batch] for batch in batches]

    def _batches(self, epoch: int) -> list[list[int]]:
        if self._epoch is None or self._epoch[0] != epoch:
            seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
            lengths = [len(row["input_ids"]) for row in self.dataset] if self.args.group_by_length else None
            size = self.args.per_device_train_batch_size
            self._epoch = epoch, epoch_batches(len(self.dataset), size, seed, epoch, lengths)
        return self._epoch[1]
