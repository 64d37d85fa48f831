"""`record`: one run of a model as a golden pack."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minibert.errors import InputError
from minibert.finite import check_weights
from minibert.golden.errors import GoldenError
from minibert.golden.packs.arrays_on_disk import ArraysOnDisk
from minibert.golden.packs.manifest import sections_of_model, versions
from minibert.golden.packs.writer import PackWriter, check_folder
from minibert.golden.recording.call import Call
from minibert.golden.recording.streaming import twin_of
from minibert.golden.recording.text import encode, text_section
from minibert.golden.recording.training_steps import Training
from minibert.models.files import PreTrainedModel


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
    allow_nonfinite: bool = False,
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
        allow_nonfinite: record a model with weights that are infinite or no number.

    Returns:
        The path.

    Raises:
        InputError, TraceError: the inputs do not fit the model.
        GoldenError: something that cannot be recorded was given, or the folder is not there.
        WeightFileError: the file cannot be written.
        NotFiniteError: a weight is infinite or no number, and not `allow_nonfinite`.

    Example:
        >>> import tempfile, minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = mb.golden.record(model, {"input_ids": [[1, 2]]}, f"{folder}/pack.safetensors")
        ...     pack = mb.golden.open_pack(path)
        ...     pack["encoder.layer.0.attention.self.probs"].shape, mb.golden.check(path, model).ok
        ((1, 2, 2, 2), True)
    """
    path = Path(path)
    if not isinstance(model, PreTrainedModel):
        raise GoldenError(f"record takes a model of minibert, not a {type(model).__name__}: see record_reference.")
    check_folder(path)
    if not allow_nonfinite:
        check_weights(model.parameters, "nothing was recorded")
    if inputs is None:
        inputs = _inputs_of_text(text, text_pair, tokenizer)
    call = Call.read(inputs, backward, training)
    own = twin_of(model, dtype)
    other = twin_of(own, "float32" if own.dtype == np.float64 else "float64")
    with ArraysOnDisk(path.parent) as precise:
        call.run(other, lambda value: precise.put(value.name, value.array))
        noisy = min(own.dtype, other.dtype, key=lambda each: each.itemsize)
        with PackWriter(path, precise, noisy, check_names(without)) as writer:
            call.put_inputs(writer.put)
            outputs = call.run(own, writer.put)
            writer.write(
                {
                    "made_by": "minibert.golden.record",
                    "command": command or call.in_words(own),
                    "case": None if case is None else dict(case),
                    "versions": versions(),
                    **sections_of_model(own),
                    "text": text_section(tokenizer, text, text_pair, call.arrays.get("input_ids")),
                    "options": call.options,
                    "backward": sorted(call.seeds) or bool(call.start),
                    "dropout_state": _dropout_state(model),
                    "training": None if call.training is None else call.training.to_dict(),
                    "outputs": outputs,
                    **({"partial": True, "without": list(without)} if without else {}),
                }
            )
    return path


def check_names(without: Sequence[str]) -> tuple[str, ...]:
    """The names to leave out; raises InputError for a single text, whose letters would be taken for names."""
    if isinstance(without, str) or not all(isinstance(pattern, str) for pattern in without):
        raise InputError(f"without is {without!r}: a list of names belongs there, such as ['parameter_grad/*'].")
    return tuple(without)


def _inputs_of_text(text: Any, text_pair: Any, tokenizer: Any) -> Mapping[str, Any]:
    if text is None or tokenizer is None:
        raise InputError("record needs inputs, or text and tokenizer to make them of.")
    return encode(tokenizer, text, text_pair)


def _dropout_state(model: PreTrainedModel) -> dict[str, Any] | None:
    """The state of the generator of dropout masks, None without one; JSON has no arrays, as other kinds have."""
    if model.parameters.rng is None:
        return None
    state = dict(model.parameters.rng.bit_generator.state)
    if state["bit_generator"] != "PCG64":
        raise GoldenError(
            f"the model drops out from a {state['bit_generator']} generator: record takes numpy's default_rng only."
        )
    return state
