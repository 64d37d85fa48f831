"""Numbers that follow from a name alone, so that golden files need not hold them: weights and upstream gradients.

SplitMix64 (Steele et al. 2014) in integers, the same in every version of NumPy and on every machine.
"""

import zlib

import numpy as np

_STEP, _MIX_1, _MIX_2 = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def derived(name: str, shape: tuple[int, ...], width: float = 0.7) -> np.ndarray:
    """float64 numbers of this shape, evenly spread over -width .. width.

    >>> derived("bert.embeddings.LayerNorm.weight", (2, 2)).round(3).tolist()
    [[-0.448, -0.188], [0.416, 0.525]]
    """
    size = int(np.prod(shape, dtype=np.int64))
    state = np.arange(1, size + 1, dtype=np.uint64) * _STEP + np.uint64(zlib.crc32(name.encode()))
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    state ^= state >> np.uint64(31)
    unit = (state >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return ((2.0 * unit - 1.0) * width).reshape(shape)


def golden_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The weights of a golden case, by their names; LayerNorm's lie around 1."""
    return {
        name: derived(name, tuple(shape)) + (1.0 if name.lower().endswith("norm.weight") else 0.0)
        for name, shape in shapes.items()
    }
