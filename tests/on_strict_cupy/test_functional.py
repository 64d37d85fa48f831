"""Every primitive on device arrays gives what it gives on NumPy arrays: the same bits from the plain functions, and
numbers within rounding from the kernels. Arguments stay as they are, and nothing is fetched or waited for.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from minibert import functional as F
from minibert.backend import to_numpy
from tests.gradients import rng_of
from tests.strict_cupy import transfers
from tests.strict_cupy.array import ndarray

B, N, T, S, K, D, V, C = 2, 3, 4, 5, 6, 18, 11, 7
DTYPES = ("float32", "float64", "float16")
ERF = ("gelu", "gelu_python", "gelu_10", "laplace")  # NumPy's float32 and float64 forms are approximations of their own
ROUNDING = {"float16": 4e-3, "float32": 4e-6, "float64": 1e-13}


class Draw:
    """Arguments, by a generator of their own."""

    def __init__(self, dtype: str) -> None:
        self.rng, self.dtype = rng_of(90), dtype

    def __call__(self, *shape: int) -> np.ndarray:
        return self.rng.normal(size=shape).astype(self.dtype)

    def probs(self, *shape: int) -> np.ndarray:
        return self.rng.dirichlet(np.ones(shape[-1]), size=shape[:-1]).astype(self.dtype)

    def ids(self, high: int, *shape: int) -> np.ndarray:
        return self.rng.integers(0, high, size=shape)

    def kept(self, *shape: int) -> np.ndarray:
        return self.rng.random(shape) < 0.7

    def mask(self, *shape: int) -> np.ndarray:
        hidden = np.where(self.rng.random(shape) < 0.3, float(np.finfo(self.dtype).min), 0.0)
        return hidden.astype(self.dtype)


def distances() -> np.ndarray:
    return np.arange(T)[:, None] - np.arange(S)[None, :] + S - 1


def cross_entropy(x: Any, labels: Any, dloss: Any) -> Any:
    loss, cache = F.cross_entropy(x, labels)
    return loss, F.cross_entropy_backward(dloss, cache)


def mean_squared_error(x: Any, target: Any, dloss: Any) -> Any:
    loss, cache = F.mean_squared_error(x, target)
    return loss, F.mean_squared_error_backward(dloss, cache)


def binary_cross_entropy(x: Any, target: Any, dloss: Any) -> Any:
    loss, cache = F.binary_cross_entropy_with_logits(x, target)
    return loss, F.binary_cross_entropy_with_logits_backward(dloss, cache)


def layer_norm(x: Any, weight: Any, bias: Any, dy: Any) -> Any:
    y, cache = F.layer_norm(x, weight, bias, 1e-5)
    return y, cache, F.layer_norm_backward(dy, cache, weight)


def labels_of(draw: Draw) -> np.ndarray:
    labels = draw.ids(C, B, T)
    labels[0, 1] = -100
    return labels


def distance_arguments(draw: Draw) -> tuple[np.ndarray, ...]:
    return draw(B, N, T, K), draw(T + S, K), distances()


CALLS: dict[str, tuple[Callable[..., Any], Callable[[Draw], tuple[Any, ...]]]] = {
    "linear": (F.linear, lambda d: (d(B, T, D), d(C, D), d(C))),
    "linear_backward": (F.linear_backward, lambda d: (d(B, T, C), d(B, T, D), d(C, D))),
    "embedding": (F.embedding, lambda d: (d.ids(V, B, T), d(V, D))),
    "embedding_backward": (F.embedding_backward, lambda d: (d(B, T, D), d.ids(V, B, T), V, 3)),
    "layer_norm layer_norm_backward": (layer_norm, lambda d: (d(B, T, D), d(D), d(D), d(B, T, D))),
    "softmax": (F.softmax, lambda d: (d(B, N, T, S),)),
    "softmax_backward": (F.softmax_backward, lambda d: (d(B, N, T, S), d.probs(B, N, T, S))),
    "log_softmax": (F.log_softmax, lambda d: (d(B, C),)),
    "mask_scores": (lambda x, mask: F.mask_scores(x, mask, 2.0), lambda d: (d(B, N, T, S), d.mask(B, 1, 1, S))),
    "attention_scores": (F.attention_scores, lambda d: (d(B, N, T, K), d(B, N, S, K))),
    "attention_scores_backward": (
        F.attention_scores_backward, lambda d: (d(B, N, T, S), d(B, N, T, K), d(B, N, S, K))
    ),
    "attention_context": (F.attention_context, lambda d: (d.probs(B, N, T, S), d(B, N, S, K))),
    "attention_context_backward": (
        F.attention_context_backward, lambda d: (d(B, T, N * K), d.probs(B, N, T, S), d(B, N, S, K))
    ),
    "split_heads": (lambda x: F.split_heads(x, N), lambda d: (d(B, T, N * K),)),
    "merge_heads": (F.merge_heads, lambda d: (d(B, N, T, K),)),
    "relative_scores": (F.relative_scores, distance_arguments),
    "relative_scores_backward": (
        F.relative_scores_backward, lambda d: (d(B, N, T, S), *distance_arguments(d))
    ),
    "dropout": (lambda x, kept: F.dropout(x, kept, 0.3), lambda d: (d(B, T, D), d.kept(B, T, D))),
    "dropout_backward": (lambda x, kept: F.dropout_backward(x, kept, 0.3), lambda d: (d(B, T, D), d.kept(B, T, D))),
    "cross_entropy cross_entropy_backward": (
        cross_entropy, lambda d: (d(B, T, C), labels_of(d), np.asarray(0.7, d.dtype))
    ),
    "mean_squared_error mean_squared_error_backward": (
        mean_squared_error, lambda d: (d(B, C), d(B, C), np.asarray(0.7, d.dtype))
    ),
    "binary_cross_entropy_with_logits binary_cross_entropy_with_logits_backward": (
        binary_cross_entropy, lambda d: (d(B, C), d.probs(B, C), np.asarray(0.7, d.dtype))
    ),
}  # fmt: skip
ELSEWHERE = ("draw_dropout_mask", "find_activation")
WAITING = ("embedding_backward", "cross_entropy")  # their plain forms ask how many rows count


def arrays_in(value: Any) -> list[Any]:
    """Every array of a result, in order."""
    if isinstance(value, tuple | list):
        return [each for part in value for each in arrays_in(part)]
    return [] if value is None else [value]


def compare(cupy: ModuleType, call: Callable[..., Any], args: tuple[Any, ...], tolerance: float, wait: bool) -> None:
    """Run a function on both kinds of arrays."""
    moved = tuple(cupy.asarray(arg) if isinstance(arg, np.ndarray) else arg for arg in args)
    expected = arrays_in(call(*(arg.copy() if isinstance(arg, np.ndarray) else arg for arg in args)))
    with transfers.forbid("to host", "to device", *(() if wait else ("wait",))):
        ours = arrays_in(call(*moved))
    assert len(ours) == len(expected)
    for one, other in zip(ours, expected, strict=True):
        assert isinstance(one, ndarray)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        if tolerance:
            largest = np.abs(other.astype(np.float64))[np.isfinite(other) & (np.abs(other) < 1e4)].max(initial=1.0)
            np.testing.assert_allclose(to_numpy(one), other, rtol=tolerance, atol=tolerance * largest)
        else:
            np.testing.assert_array_equal(to_numpy(one), other)
    for given, arg in zip(args, moved, strict=True):
        if isinstance(given, np.ndarray):
            np.testing.assert_array_equal(to_numpy(arg), given)


def test_every_primitive_is_here() -> None:
    named = {name for names in CALLS for name in names.split()}
    functions = {name for name in F.__all__ if callable(getattr(F, name)) and not name[0].isupper()}
    assert named | set(ELSEWHERE) == functions


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("names", CALLS)
def test_primitives(cupy: ModuleType, names: str, dtype: str) -> None:
    call, arguments = CALLS[names]
    compare(cupy, call, arguments(Draw(dtype)), 0.0, wait=names.split()[0] in WAITING)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("names", CALLS)
def test_primitives_with_kernels(cupy_with_kernels: ModuleType, names: str, dtype: str) -> None:
    call, arguments = CALLS[names]
    if names.startswith("cross_entropy"):  # of float16 the plain function gives float32, which the models narrow
        call = lambda x, *args: [each.astype(x.dtype) for each in cross_entropy(x, *args)]  # noqa: E731
    compare(cupy_with_kernels, call, arguments(Draw(dtype)), ROUNDING[dtype], wait=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", F.ACTIVATIONS)
def test_activations(cupy: ModuleType, name: str, dtype: str) -> None:
    activation, draw = F.ACTIVATIONS[name], Draw(dtype)
    tolerance = ROUNDING[dtype] if name in ERF else 0.0
    compare(cupy, activation.forward, (draw(B, D) * 3,), tolerance, wait=False)
    compare(cupy, activation.backward, (draw(B, D), draw(B, D) * 3), tolerance, wait=False)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["gelu", "gelu_new"])
def test_activations_with_kernels(cupy_with_kernels: ModuleType, name: str, dtype: str) -> None:
    activation, draw = F.ACTIVATIONS[name], Draw(dtype)
    for call, args in ((activation.forward, (draw(B, D) * 3,)), (activation.backward, (draw(B, D), draw(B, D) * 3))):
        compare(cupy_with_kernels, call, args, ROUNDING[dtype], wait=False)


def test_masks_are_drawn_on_the_host(cupy: ModuleType) -> None:
    expected = F.draw_dropout_mask(np.random.default_rng(3), (4, 5), 0.3)
    with transfers.forbid("to host", "wait"):
        ours = F.draw_dropout_mask(np.random.default_rng(3), (4, 5), 0.3, cupy)
    np.testing.assert_array_equal(to_numpy(ours), expected)
