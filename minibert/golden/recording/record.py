"""`record`: one run of a model as a golden pack."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from minibert.backend import array_module, to_numpy
from minibert.errors import InputError
from minibert.golden.errors import GoldenError
from minibert.golden.packs.arrays_on_disk import ArraysOnDisk
from minibert.golden.packs.manifest import sections_of_model, versions
from minibert.golden.packs.named_array import INPUT, INPUT_PREFIX, SEED_PREFIX, NamedArray
from minibert.golden.packs.writer import PackWriter, check_folder
from minibert.golden.recording.streaming import run_streamed, twin_of
from minibert.golden.recording.text import encode, text_section
from minibert.golden.recording.training_steps import Training, run_training
from minibert.models.files import PreTrainedModel

_OPTIONS = (bool, int, float, str, type(None))


def record(
    model: PreTrainedModel,
    inputs: Mapping[str, Any] | None,
    path: str | os.PathLike[str],
    backward: bool | Mapping[str, Any] = False,
    *,
    text: Any = None,
    text_pair: Any = None,
    tokenizer: Any = None,
    dtype: Any = None,
    training: Training | Mapping[str, Any] | None = None,
    case: Mapping[str, str] | None = None,
    command: str | None = None,
    without: Sequence[str] = (),
) -> Path:
    """Run the model and write every value it computes, in execution order, to one safetensors file.

    The run is made twice, in the model's dtype and in float64 (float32 for a float64 model); the difference is every
    tensor's noise floor. No more than the values of one layer are in memory at a time.

    Args:
        model: of any of the 23 classes. It is not changed; in training mode the dropout masks are recorded as well,
            and the state of the generator, so that `check` draws the same.
        inputs: what the model is called with; None to make them of `text` with the tokenizer.
        path: the file to write, `something.safetensors`; an old one stays whole until the new one is.
        backward: True for all gradients of the loss, of intermediates and of parameters; or {output or trace name:
            gradient}, where they start from.
        text, text_pair, tokenizer: what the inputs were made of; recorded with the normalised text and the pre-tokens.
        dtype: record the model in this dtype instead of its own.
        training: steps of AdamW with the same batch, `Training(steps=10)`: losses, parameters and the optimiser's
            state are recorded instead of the intermediates.
        case: words to keep with the pack, such as {"name": ..., "detects": ..., "misses": ...}.
        command: how the pack was made; by default the call in words.
        without: tensors to leave out, names with * in the pack's spelling: `parameter_grad/*embeddings.weight` has as
            many numbers as the embeddings. Such a pack is partial: `check` passes over what it does not have.

    Returns:
        The path.

    Raises:
        InputError, TraceError: the inputs do not fit the model.
        GoldenError: something that cannot be recorded was given, or the folder is not there.
        WeightFileError: the file cannot be written.
    """
    path = Path(path)
    if not isinstance(model, PreTrainedModel):
        raise GoldenError(f"record takes a model of minibert, not a {type(model).__name__}: see record_reference.")
    check_folder(path)
    inputs = _inputs(inputs, text, text_pair, tokenizer)
    arrays, options = split_inputs(inputs)
    given = {} if isinstance(backward, bool) else backward
    seeds = {name: as_array(name, np.asarray(each)) for name, each in given.items()}
    steps = None if training is None else Training.of(training)
    own = twin_of(model, dtype)
    other = twin_of(own, "float32" if own.dtype == np.float64 else "float64")
    call = {**arrays, **options}
    with ArraysOnDisk(path.parent) as precise:
        _run(other, call, seeds or backward, steps, lambda value: precise.put(value.name, value.array))
        noisy = min(own.dtype, other.dtype, key=lambda each: each.itemsize)
        with PackWriter(path, precise, noisy, check_patterns(without)) as writer:
            put_inputs(writer, arrays, seeds)
            outputs = _run(own, call, seeds or backward, steps, writer.put)
            writer.write(
                {
                    "made_by": "minibert.golden.record",
                    "command": command or _call_in_words(own, arrays, options, backward, steps),
                    "case": None if case is None else dict(case),
                    "versions": versions(),
                    **sections_of_model(own),
                    "text": text_of(tokenizer, text, text_pair, arrays),
                    "options": options,
                    "backward": sorted(seeds) if seeds else bool(backward),
                    "dropout_state": None if model.parameters.rng is None else _state(model.parameters.rng),
                    "training": None if steps is None else steps.to_dict(),
                    "outputs": outputs,
                    **({"partial": True, "without": list(without)} if without else {}),
                }
            )
    return path


def check_patterns(without: Sequence[str]) -> tuple[str, ...]:
    """The names to leave out; raises InputError for a single text, whose letters would be taken for names."""
    if isinstance(without, str) or not all(isinstance(pattern, str) for pattern in without):
        raise InputError(f"without is {without!r}: a list of names belongs there, such as ['parameter_grad/*'].")
    return tuple(without)


def _run(model: PreTrainedModel, call: Mapping[str, Any], backward: Any, steps: Training | None, sink: Any) -> Any:
    if steps is not None:
        run_training(model, call, steps, sink)
        return {}
    found = run_streamed(model, call, sink, backward)
    return {
        field: {"names": name if isinstance(name, str) else list(name), "shape": None if shape is None else list(shape)}
        for field, (name, shape) in found.items()
    }


def _inputs(inputs: Mapping[str, Any] | None, text: Any, text_pair: Any, tokenizer: Any) -> Mapping[str, Any]:
    if inputs is None:
        if text is None or tokenizer is None:
            raise InputError("record needs inputs, or text and tokenizer to make them of.")
        return encode(tokenizer, text, text_pair)
    if not isinstance(inputs, Mapping):
        raise InputError(f"inputs is a {type(inputs).__name__}: a dict of the model's arguments belongs there.")
    return inputs


def split_inputs(inputs: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a call, and its other arguments.

    Raises:
        GoldenError: an argument that no file can hold, such as a cache.
    """
    arrays: dict[str, np.ndarray] = {}
    options: dict[str, Any] = {}
    for name, value in inputs.items():
        if name in ("trace", "edits", "return_dict"):
            raise GoldenError(f"inputs has {name!r}, which is no input of the model: record sees to it itself.")
        if isinstance(value, _OPTIONS):
            options[name] = value
        else:
            arrays[name] = as_array(name, value)
    return arrays, options


def as_array(name: str, value: Any) -> np.ndarray:
    """An input as an array of numbers; raises GoldenError if it is none."""
    array = np.array(None)
    if isinstance(value, np.ndarray | np.generic | list | tuple) or array_module(value) is not np:
        with suppress(ValueError, TypeError):
            array = np.array(to_numpy(value) if array_module(value) is not np else value)
    if array.dtype.kind not in "biuf":
        raise GoldenError(f"inputs has {name!r}, a {type(value).__name__}: a pack can hold arrays of numbers only.")
    return array


def put_inputs(writer: PackWriter, arrays: Mapping[str, np.ndarray], seeds: Mapping[str, np.ndarray]) -> None:
    """The inputs of the call, and the gradients that backward starts from, come first."""
    for prefix, each in ((INPUT_PREFIX, arrays), (SEED_PREFIX, seeds)):
        for name, array in each.items():
            writer.put(NamedArray(prefix + name, INPUT, array, formula="given"))


def text_of(tokenizer: Any, text: Any, text_pair: Any, arrays: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """What the pack says of its text; None without one."""
    if text is None:
        return None
    ids = arrays.get("input_ids")
    return text_section(tokenizer, text, text_pair, None if ids is None or ids.ndim != 2 else ids.tolist())


def _state(rng: np.random.Generator) -> dict[str, Any]:
    """The generator's state; JSON has no arrays, which only exotic generators use."""
    state = dict(rng.bit_generator.state)
    if state["bit_generator"] != "PCG64":
        raise GoldenError(
            f"the model drops out from a {state['bit_generator']} generator: record takes numpy's default_rng only."
        )
    return state


def _call_in_words(model: PreTrainedModel, arrays: Any, options: Any, backward: Any, steps: Training | None) -> str:
    shapes = ", ".join(f"{name} {tuple(array.shape)}" for name, array in arrays.items())
    more = "".join(f", {name}={value!r}" for name, value in options.items())
    extra = "" if backward is False else f", backward={'True' if backward is True else sorted(backward)}"
    extra += "" if steps is None else f", training={steps.to_dict()}"
    return f"minibert.golden.record({type(model).__name__}, {shapes}{more}{extra})"
