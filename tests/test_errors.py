"""The errors: each is caught as minibert's own and as the built-in that fits; warnings one kind at a time."""

import inspect
import pickle
import warnings

import pytest

import minibert as mb
from minibert import errors

BUILT_IN = {
    "InputError": ValueError,
    "ConfigError": ValueError,
    "WeightFileError": ValueError,
    "TokenizerError": ValueError,
    "TraceError": ValueError,
    "BackendError": RuntimeError,
    "OutputError": OSError,
    "NotFiniteError": ArithmeticError,
}
WARNINGS = ("NewWeightsWarning", "InputWarning", "OptionWarning", "SlowWarning")


def test_every_error_and_warning_is_here() -> None:
    classes = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    assert classes == {"MinibertError", "MinibertWarning", *BUILT_IN, *WARNINGS}


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_is_caught_in_both_ways(name: str) -> None:
    kind = getattr(errors, name)
    for caught in (mb.MinibertError, BUILT_IN[name]):
        with pytest.raises(caught, match=r"^top_k is 0\.$"):
            raise kind("top_k is 0.")


@pytest.mark.parametrize("name", BUILT_IN)
def test_an_error_goes_from_one_process_to_another(name: str) -> None:
    error = getattr(errors, name)("top_k is 0.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == "top_k is 0."


def test_an_output_error_is_its_sentence_and_keeps_the_systems_number() -> None:
    error = errors.OutputError("model.safetensors cannot be written: the disk is full.")
    error.errno, error.filename = 28, "model.safetensors"
    assert str(error) == "model.safetensors cannot be written: the disk is full."


@pytest.mark.parametrize("name", WARNINGS)
def test_a_kind_of_warning_is_silenced_alone(name: str) -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", getattr(errors, name))
        for each in WARNINGS:
            warnings.warn(each, getattr(errors, each), stacklevel=1)
    assert [str(each.message) for each in shown] == [each for each in WARNINGS if each != name]
    assert issubclass(getattr(errors, name), errors.MinibertWarning)
