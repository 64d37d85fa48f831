"""The order of the data: a function of the seed and the epoch alone, so that a place in it is just a number."""

from collections.abc import Sequence

import numpy as np

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
