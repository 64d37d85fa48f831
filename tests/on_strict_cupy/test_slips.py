"""Planted slips: each is put into a real function of the library, and a pass on the stand-in must fail.

Every one of them passes on NumPy, as slips do that nobody notices before the code meets a GPU.
"""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert import backend, functional
from minibert.models import bert, embeddings, encoder, inputs, layer
from minibert.models import module as modules
from tests.small_models import small_inputs, small_model
from tests.strict_cupy import Refused, kernels

softmax, linear, layer_norm = functional.softmax, functional.linear, functional.layer_norm
layer_norm_backward, linear_backward = functional.layer_norm_backward, functional.linear_backward
additive_mask, embedding = inputs.additive_mask, functional.embedding


def stray_numpy_call(x: Any) -> Any:
    probs = np.exp(x - x.max(axis=-1, keepdims=True))
    return probs / probs.sum(axis=-1, keepdims=True)


def stray_numpy_function(x: Any) -> Any:
    return softmax(np.where(x < -1e30, -1e30, x))


def implicit_copy(x: Any, weight: Any, bias: Any = None) -> Any:
    return linear(x, np.asarray(weight), bias)


def if_on_an_array(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    if (weight == 1).all():
        eps = eps + 0.0
    return layer_norm(x, weight, bias, eps)


def python_scalar(x: Any) -> Any:
    return softmax(x - float(x.max()))


def numpy_scalar_reduction(x: Any, weight: Any, bias: Any = None) -> Any:
    return linear(x / np.sqrt((weight * weight).sum()), weight, bias)


def list_as_an_index(ids: Any, table: Any) -> Any:
    return embedding(ids, table[list(range(len(table)))])


def numpy_array_as_an_index(ids: Any, table: Any) -> Any:
    return embedding(ids, table[np.arange(len(table))])


def mask_left_on_the_host(mask: Any, xp: Any, dtype: Any) -> Any:
    return additive_mask(mask, np, dtype)


def fresh_array_on_the_host(dy: Any, x: Any, weight: Any) -> Any:
    dx, dweight, dbias = linear_backward(dy, x, weight)
    return dx, dweight, dbias + np.zeros(dbias.shape, dbias.dtype)


def function_that_cupy_lacks(x: Any) -> Any:
    backend.array_module(x).einsum_path("...", x)
    return softmax(x)


def keyword_that_cupy_lacks(x: Any) -> Any:
    return softmax(backend.array_module(x).add(x, 0.0, where=True))


def reduction_that_cupy_lacks(x: Any) -> Any:
    return softmax(x - backend.array_module(x).maximum.reduce(x, axis=-1, keepdims=True))


def method_that_cupy_lacks(x: Any) -> Any:
    x.setflags(write=True)
    return softmax(x)


def iteration_over_numbers(x: Any, weight: Any, bias: Any, eps: float) -> Any:
    assert len([number for number in bias]) == len(bias)  # noqa: C416
    return layer_norm(x, weight, bias, eps)


def array_in_a_format_string(x: Any) -> Any:
    assert f"{x.max():g}"
    return softmax(x)


def fetched_within_a_layer(x: Any) -> Any:
    assert backend.to_numpy(x).ndim
    return softmax(x)


def waited_for_within_a_layer(x: Any) -> Any:
    assert x[x < 0].ndim
    return softmax(x)


def out_on_the_host(x: Any) -> Any:
    xp = backend.array_module(x)
    return softmax(xp.multiply(x, 1.0, out=np.empty(x.shape, x.dtype)))


def random_numbers_on_the_device(x: Any) -> Any:
    return softmax(x * backend.array_module(x).random.random())


SOFTMAX = [
    stray_numpy_call, stray_numpy_function, python_scalar, function_that_cupy_lacks, keyword_that_cupy_lacks,
    method_that_cupy_lacks, array_in_a_format_string, fetched_within_a_layer, waited_for_within_a_layer,
    reduction_that_cupy_lacks, out_on_the_host,
]  # fmt: skip
SLIPS: list[tuple[Any, str, Callable[..., Any]]] = [
    *((functional, "softmax", slip) for slip in SOFTMAX),
    *((functional, "linear", slip) for slip in (implicit_copy, numpy_scalar_reduction)),
    *((functional, "layer_norm", slip) for slip in (if_on_an_array, iteration_over_numbers)),
    *((functional, "embedding", slip) for slip in (list_as_an_index, numpy_array_as_an_index)),
    (functional, "linear_backward", fresh_array_on_the_host),
    (inputs, "additive_mask", mask_left_on_the_host),
]


def one_pass(backend_name: str) -> dict[str, np.ndarray]:
    """Forward and backward with every value kept, so that the plain functions run one by one."""
    model = small_model("BertForMaskedLM").to(backend_name)
    trace = mb.Trace()
    model(**small_inputs(model, labels=True), trace=trace)
    return {name: mb.to_numpy(array) for name, array in model.backward(trace).items()}


def everywhere(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, slip: Callable[..., Any]) -> None:
    """Put the slip in the place of a function, wherever the models know it from."""
    original = getattr(module, name)
    for holder in (module, functional, bert, embeddings, encoder, layer, modules):
        if getattr(holder, name, None) is original:
            monkeypatch.setattr(holder, name, slip)


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(("module", "name", "slip"), SLIPS, ids=[slip.__name__ for *_, slip in SLIPS])
def test_a_slip_is_refused(
    cupy: ModuleType, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, slip: Callable[..., Any]
) -> None:
    one_pass("cupy")
    everywhere(monkeypatch, module, name, slip)
    assert one_pass("numpy")
    with pytest.raises((Refused, AttributeError)):
        one_pass("cupy")


def test_random_numbers_on_the_device_are_refused(cupy: ModuleType) -> None:
    with pytest.raises(Refused, match="draw on the host"):
        random_numbers_on_the_device(cupy.ones(3))


# slips that nothing refuses on a GPU: there they give wrong numbers, and so they do here


def test_an_unwritten_array_shows(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = one_pass("cupy")
    monkeypatch.setattr(cupy, "zeros", cupy.empty)
    ours = one_pass("cupy")
    assert any(np.isnan(ours[name]).any() for name in expected)


def test_a_missing_check_of_ids_shows(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """CuPy wraps an id that is too large around: without the front door's check nobody would know."""
    model = small_model("BertModel").to("cupy")
    monkeypatch.setattr(inputs, "check_ids", lambda name, value, *_, **__: np.asarray(value))
    vocabulary = model.config.vocab_size
    wrapped, right = (model(input_ids=[[each, 2]]).last_hidden_state.get() for each in (vocabulary + 3, 3))
    np.testing.assert_array_equal(wrapped, right)


def test_atomic_sums_show(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gradients that were added up in no fixed order are not the same bits twice."""
    import cupyx

    def atomic(ids: Any, rows: Any, out: Any, skipped: int | None = None) -> None:
        cupyx.scatter_add(out, ids, rows)

    rng = np.random.default_rng(0)
    ids, rows = cupy.asarray(rng.integers(0, 3, size=500)), cupy.asarray(rng.normal(size=(500, 4)).astype("float32"))

    def added() -> np.ndarray:
        return mb.to_numpy(functional.embedding_backward(rows, ids, 3))

    np.testing.assert_array_equal(added(), added())
    monkeypatch.setattr(sys.modules["minibert.functional.embedding"], "scatter_add", atomic)
    first = added()
    assert any((added() != first).any() for _ in range(3))


# slips in the calls of kernels


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (lambda cupy: (np.ones(4, "float32"), 4), "of a NumPy array: move it first"),
        (lambda cupy: (cupy.ones((2, 4), "float32").T, 8), "rows do not follow each other"),
    ],
    ids=["NumPy array", "transposed"],
)
def test_a_kernel_takes_only_contiguous_device_arrays(cupy_with_kernels: ModuleType, args: Any, words: str) -> None:
    source = 'extern "C" __global__ void twice(float* x, long long n) { if (threadIdx.x < n) x[threadIdx.x] *= 2; }'
    kernel = cupy_with_kernels.RawKernel("#define STORED_FLOAT\n" + source, "twice")
    x = cupy_with_kernels.ones(4, "float32")
    kernel((1,), (32,), (x, 4))
    np.testing.assert_array_equal(x.get(), np.full(4, 2.0))
    assert kernels.RawKernel.launches
    with pytest.raises(Refused, match=words):
        kernel((1,), (32,), args(cupy_with_kernels))
    with pytest.raises(Refused, match="is a tuple of int"):
        kernel((np.int64(1),), (32,), (x, 4))
