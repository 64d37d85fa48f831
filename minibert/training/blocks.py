"""Large arrays, stretch by stretch: what an update or a sum needs besides stays small, however large the model is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minibert.backend import Array, array_module

# numbers a block: on the host, the blocks that are worked on stay in the cache; on a GPU each block is a launch
HOST_BLOCK, DEVICE_BLOCK = 1 << 15, 1 << 24


def blocks(*arrays: Array, on_host: int = HOST_BLOCK) -> Iterator[tuple[Array, ...]]:
    """Views of equally shaped arrays, the same stretch of each.

    An array that is written through these views must be C-contiguous.

    Args:
        on_host: numbers a block of NumPy's arrays.

    >>> import numpy as np
    >>> [[block.shape for block in stretch] for stretch in blocks(np.ones((2, 40_000)), np.ones((2, 40_000)))]
    [[(32768,), (32768,)], [(32768,), (32768,)], [(14464,), (14464,)]]
    """
    first = arrays[0]
    size = on_host if array_module(first).__name__ == "numpy" else DEVICE_BLOCK
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, first.size, size):
        yield tuple(array[start : start + size] for array in flat)


def in_blocks(rule: Callable[..., None], arrays: Sequence[Array], numbers: Sequence[Any]) -> None:
    """Apply rule(*arrays, *numbers), which changes arrays in place and each number on its own, stretch by stretch.

    >>> import numpy as np
    >>> weights = np.ones((300, 300))
    >>> def scale(array, factor):
    ...     array *= factor
    >>> in_blocks(scale, [weights], [3.0])
    >>> bool((weights == 3.0).all())
    True
    """
    for stretch in blocks(*arrays, on_host=2 * HOST_BLOCK):
        rule(*stretch, *numbers)
