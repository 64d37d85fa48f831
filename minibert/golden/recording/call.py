"""The call that a pack holds: inputs, options, where gradients start, or steps of training."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.backend import array_module, to_numpy
from minibert.errors import InputError
from minibert.golden.errors import GoldenError
from minibert.golden.packs.named_array import INPUT, INPUT_PREFIX, SEED_PREFIX, NamedArray, Sink
from minibert.golden.recording.streaming import run_streamed
from minibert.golden.recording.training_steps import Training, run_training
from minibert.models.files import PreTrainedModel

_OPTIONS = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Call:
    """What is done with a model.

    Attributes:
        arrays, options: the arrays that it is called with, and the other arguments.
        start: where backward starts: gradients by name, True for the loss, False for no backward.
        training: the steps to train for, instead of one pass; None for none.
    """

    arrays: dict[str, np.ndarray]
    options: dict[str, Any]
    start: bool | dict[str, np.ndarray]
    training: Training | None

    @classmethod
    def read(cls, inputs: Any, backward: bool | Mapping[str, Any] = False, training: Any = None) -> "Call":
        """The call as a user gives it.

        Raises:
            InputError: inputs is no dict.
            GoldenError: something that no file can hold was given, or training is no `Training`.
        """
        if not isinstance(inputs, Mapping):
            raise InputError(f"inputs is a {type(inputs).__name__}: a dict of the model's arguments belongs there.")
        arrays, options = _split(inputs)
        start: bool | dict[str, np.ndarray]
        if isinstance(backward, bool):
            start = backward
        else:
            start = {name: _as_array(name, np.asarray(each)) for name, each in backward.items()}
        return cls(arrays, options, start, None if training is None else Training.of(training))

    @property
    def inputs(self) -> dict[str, Any]:
        """All arguments together."""
        return {**self.arrays, **self.options}

    @property
    def seeds(self) -> dict[str, np.ndarray]:
        """The gradients that backward starts from, by name; {} where it is the loss."""
        return {} if isinstance(self.start, bool) else self.start

    def put_inputs(self, sink: Sink) -> None:
        """The inputs, then the gradients that backward starts from, go to the sink."""
        for prefix, arrays in ((INPUT_PREFIX, self.arrays), (SEED_PREFIX, self.seeds)):
            for name, array in arrays.items():
                sink(NamedArray(prefix + name, INPUT, array, formula="given"))

    def run(self, model: PreTrainedModel, sink: Sink) -> dict[str, Any]:
        """Run the model; every value goes to the sink.

        Returns:
            output field -> {"names": its name or names in the trace, "shape": its shape}, as a manifest has it.
        """
        if self.training is not None:
            run_training(model, self.inputs, self.training, sink)
            return {}
        outputs = run_streamed(model, self.inputs, sink, self.start)
        return {field: _output_section(name, shape) for field, (name, shape) in outputs.items()}

    def in_words(self, model: PreTrainedModel) -> str:
        """The call of `record` that repeats it."""
        words = [f"{name} {tuple(array.shape)}" for name, array in self.arrays.items()]
        words += [f"{name}={value!r}" for name, value in self.options.items()]
        if self.start is not False:
            words.append(f"backward={'True' if self.start is True else sorted(self.seeds)}")
        if self.training is not None:
            words.append(f"training={self.training.to_dict()}")
        return f"minibert.golden.record({type(model).__name__}, {', '.join(words)})"


def _output_section(name: str | Sequence[str], shape: Sequence[int] | None) -> dict[str, Any]:
    names = name if isinstance(name, str) else list(name)
    return {"names": names, "shape": None if shape is None else list(shape)}


def _split(inputs: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays: dict[str, np.ndarray] = {}
    options: dict[str, Any] = {}
    for name, value in inputs.items():
        if name in ("trace", "edits", "return_dict"):
            raise GoldenError(f"inputs has {name!r}, which is no input of the model: record sees to it itself.")
        if isinstance(value, _OPTIONS):
            options[name] = value
        else:
            arrays[name] = _as_array(name, value)
    return arrays, options


def _as_array(name: str, value: Any) -> np.ndarray:
    array = np.array(None)
    if isinstance(value, np.ndarray | np.generic | list | tuple) or array_module(value) is not np:
        with suppress(ValueError, TypeError):
            array = np.array(to_numpy(value) if array_module(value) is not np else value)
    if array.dtype.kind not in "biuf":
        raise GoldenError(f"inputs has {name!r}, a {type(value).__name__}: a pack can hold arrays of numbers only.")
    return array
