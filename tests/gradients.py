"""Checking gradients against differences: does a hand-written backward give the slope of its forward?

Everything is float64. The upstream gradient is always random: with ones, softmax and LayerNorm have the right
answer zero, and a backward that returns zeros passes (see `functional/test_wrong_backwards.py`).
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray

# Relative to the larger of 1, the slope and the gradient. The differences below are good to about 1e-10 on one
# primitive and 1e-9 through a small model, so a wrong term of a millionth is seen.
TOLERANCE = 1e-7


class GradientMismatch(AssertionError):
    """A gradient is not the slope."""


def rng_of(*seed: int) -> np.random.Generator:
    """A generator for one test."""
    return np.random.default_rng([20, *seed])


def frozen(array: Array) -> Array:
    """The array, made read-only: a function that writes over its argument raises."""
    array.flags.writeable = False
    return array


def slope(loss: Callable[[], float], array: Array, direction: Array, step: float) -> float:
    """The derivative of loss() along `direction`, by five-point differences; `array` is put back bit by bit."""
    kept = array.copy()

    def at(distance: float) -> float:
        array[...] = kept + distance * direction
        return float(loss())

    near, far = at(step) - at(-step), at(2 * step) - at(-2 * step)
    array[...] = kept
    return (8.0 * near - far) / (12.0 * step)


def check_gradients(
    loss: Callable[[], float],
    arrays: Mapping[str, Array],
    gradients: Mapping[str, Array],
    *,
    tolerance: float = TOLERANCE,
    step: float = 1e-4,
    entries: int = 2,
    seed: int = 0,
    left_out: Mapping[str, int] | None = None,
) -> None:
    """Raise GradientMismatch unless every gradient is the slope of loss() at its array.

    Each array is moved along one random direction, which meets all its entries at once, and then at single
    entries: where the gradient is largest and at random ones. `left_out` names rows that stay where they are:
    a padding row's gradient is left out on purpose.
    """
    rng, left_out = rng_of(seed), left_out or {}
    for name, array in arrays.items():
        if name not in gradients:
            raise GradientMismatch(f"{name}: no gradient")
        gradient = np.asarray(gradients[name])
        if gradient.shape != array.shape:
            raise GradientMismatch(f"{name}: gradient of shape {gradient.shape} for {array.shape}")
        if not np.isfinite(gradient).all():
            raise GradientMismatch(f"{name}: the gradient is not finite")
        places = [int(np.abs(gradient).argmax()), *rng.integers(0, array.size, size=max(0, entries - 1))]
        directions: list[tuple[str, Array]] = [("everywhere", rng.normal(size=array.shape))]
        for place in places[:entries]:
            single = np.zeros(array.shape)
            single.flat[place] = 1.0
            directions.append((str(tuple(int(i) for i in np.unravel_index(place, array.shape))), single))
        for where, direction in directions:
            if name in left_out:
                direction[left_out[name]] = 0.0
            numeric = slope(loss, array, direction, step)
            analytic = float((gradient * direction).sum())
            if not abs(numeric - analytic) <= tolerance * max(1.0, abs(numeric), abs(analytic)):
                raise GradientMismatch(f"{name} {where}: numeric {numeric!r}, analytic {analytic!r}")


def check_every_entry(
    f: Callable[..., Array],
    backward: Callable[[Array], Any],
    arrays: Mapping[str, Array],
    *,
    tolerance: float = TOLERANCE,
    step: float = 1e-4,
    seed: int = 0,
) -> None:
    """Raise GradientMismatch unless backward(dy) gives, for a random dy, the slope of sum(f() dy) at every entry.

    `backward` returns one gradient for each of `arrays`, in their order (or only one).
    """
    dy = frozen(rng_of(seed, 1).normal(size=np.shape(f())))
    given = backward(dy)
    given = given if isinstance(given, tuple) else (given,)
    if len(given) != len(arrays):
        raise GradientMismatch(f"{len(given)} gradients for {len(arrays)} arrays")
    gradients = dict(zip(arrays, given, strict=True))
    check_gradients(
        lambda: float((f() * dy).sum()), arrays, gradients, tolerance=tolerance, step=step, entries=0, seed=seed
    )
    for name, array in arrays.items():
        for place in range(array.size):
            single = np.zeros(array.shape)
            single.flat[place] = 1.0
            numeric = slope(lambda: float((f() * dy).sum()), array, single, step)
            analytic = float(gradients[name].flat[place])
            if not abs(numeric - analytic) <= tolerance * max(1.0, abs(numeric), abs(analytic)):
                raise GradientMismatch(f"{name} entry {place}: numeric {numeric!r}, analytic {analytic!r}")
