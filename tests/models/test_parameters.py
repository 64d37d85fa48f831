"""The parameters of a model: declared, filled from a seed, moved, and read by their modules."""

from typing import Any

import numpy as np
import pytest

from minibert.errors import InputError
from minibert.models.parameters import Parameter, Parameters, check_dtype


def declared(dtype: Any = "float64") -> Parameters:
    parameters = Parameters(dtype, "numpy")
    parameters.declare("words.weight", (50, 40), "normal", padding_idx=3)
    parameters.declare("norm.weight", (40,), "ones")
    parameters.declare("norm.bias", (40,), "zeros")
    return parameters


def initialised(seed: int, dtype: Any = "float64") -> Parameters:
    parameters = declared(dtype)
    parameters.initialise(parameters.shapes, seed, std=0.02)
    return parameters


def test_what_is_declared_has_a_shape_and_no_numbers_yet() -> None:
    parameters = declared()
    assert list(parameters.shapes.items()) == [("words.weight", (50, 40)), ("norm.weight", (40,)), ("norm.bias", (40,))]
    assert parameters.padding == {"words.weight": 3}
    assert not parameters


def test_new_weights_are_normal_and_the_padding_row_is_zero() -> None:
    parameters = initialised(seed=1)
    words = parameters["words.weight"]
    assert not words[3].any()
    others = np.delete(words, 3, axis=0)
    assert abs(others.mean()) < 0.002
    assert others.std() == pytest.approx(0.02, rel=0.05)
    assert (parameters["norm.weight"] == 1.0).all()
    assert not parameters["norm.bias"].any()


def test_a_seed_means_the_same_weights_in_every_dtype() -> None:
    wide, narrow, half = (initialised(1, dtype) for dtype in ("float64", "float32", "float16"))
    for name, array in narrow.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(wide[name], array.astype(np.float64))
        np.testing.assert_array_equal(half[name], array.astype(np.float16))
    assert (initialised(2)["words.weight"] != wide["words.weight"]).any()


def test_move_changes_all_and_says_so() -> None:
    parameters = initialised(1)
    before = dict(parameters)
    parameters.move(np, np.dtype("float32"))
    assert parameters.dtype == np.float32
    for name, array in parameters.items():
        np.testing.assert_array_equal(array, before[name].astype(np.float32))
        assert array.dtype == np.float32


def test_bytes_are_those_of_the_shapes() -> None:
    parameters = declared()
    assert parameters.bytes_of(parameters.shapes, np.dtype("float16")) == 2 * (50 * 40 + 40 + 40)
    assert parameters.bytes_of(["norm.bias"], np.dtype("float64")) == 8 * 40


def test_a_module_reads_its_parameter_under_the_full_name() -> None:
    class Norm:
        weight, bias, scale = Parameter(), Parameter(), Parameter()

        def __init__(self, parameters: Parameters) -> None:
            self.parameters = parameters
            self.names = {"weight": "norm.weight", "bias": "norm.bias"}

    parameters = initialised(1)
    norm = Norm(parameters)
    assert norm.weight is parameters["norm.weight"]
    parameters["norm.bias"] = np.full(40, 2.0)
    assert norm.bias is parameters["norm.bias"]
    assert norm.scale is None  # one that this module has not
    assert isinstance(Norm.weight, Parameter)


@pytest.mark.parametrize(
    ("given", "name"),
    [(None, "float32"), ("float64", "float64"), (np.float16, "float16"), ("torch.float16", "float16")],
)
def test_dtypes(given: Any, name: str) -> None:
    assert check_dtype(given) == np.dtype(name)


@pytest.mark.parametrize("given", ["int8", "double precision", np.int64, "torch.bfloat16"])
def test_dtypes_that_no_model_computes_in(given: Any) -> None:
    with pytest.raises(InputError, match=r"is not one that models compute in: choose one of float32, float64, float16"):
        check_dtype(given)
