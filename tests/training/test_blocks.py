"""Stretches of large arrays: every number in one stretch, and the same stretch of every array."""

import numpy as np
import pytest

from minibert.training.blocks import HOST_BLOCK, blocks, in_blocks


@pytest.mark.parametrize("size", [1, 6, 7, 8, 20])
def test_every_number_is_in_one_stretch(size: int) -> None:
    one, other = np.arange(size), -np.arange(size)
    found = list(blocks(one, other, on_host=7))
    assert all(len(first) <= 7 for first, _ in found)
    np.testing.assert_array_equal(np.concatenate([first for first, _ in found]), one)
    for first, second in found:
        np.testing.assert_array_equal(first, -second)


def test_stretches_are_views() -> None:
    array = np.zeros((3, 5))
    for (stretch,) in blocks(array, on_host=4):
        stretch += 1.0
    np.testing.assert_array_equal(array, 1.0)


def test_a_rule_gives_the_same_in_stretches() -> None:
    def momentum(weights: np.ndarray, velocity: np.ndarray, rate: float, keep: float) -> None:
        velocity *= keep
        weights -= rate * velocity

    shape = (3, HOST_BLOCK + 11)
    rng = np.random.default_rng(0)
    weights, velocity = rng.normal(size=shape), rng.normal(size=shape)
    whole = (weights.copy(), velocity.copy())
    momentum(*whole, 0.1, 0.9)
    in_blocks(momentum, [weights, velocity], [0.1, 0.9])
    np.testing.assert_array_equal(weights, whole[0])
    np.testing.assert_array_equal(velocity, whole[1])
