"""`record_reference`: the same pack from transformers' own model, by forward hooks and retained gradients.

What its modules put out and take in has names; what is a bare function call inside a module (the scores before the
softmax, the values inside a LayerNorm) is not seen, so such a pack is a partial one. torch and transformers are only
imported here, and only when called.
"""

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minibert.errors import MinibertError
from minibert.golden.errors import GoldenError
from minibert.golden.packs.foreign_arrays import as_numbers
from minibert.golden.packs.manifest import sections_of_model, versions
from minibert.golden.packs.named_array import NamedArray
from minibert.golden.packs.writer import PackWriter, check_folder
from minibert.golden.recording.call import Call
from minibert.golden.recording.reference_hooks import hooked_run
from minibert.golden.recording.text import text_section
from minibert.models.files import PreTrainedModel


def record_reference(
    model: Any,
    inputs: Mapping[str, Any],
    path: str | os.PathLike[str],
    backward: bool = False,
    *,
    text: Any = None,
    text_pair: Any = None,
    tokenizer: Any = None,
    case: Mapping[str, str] | None = None,
    command: str | None = None,
) -> Path:
    """Run a model of transformers and write what hooks on its modules see, under minibert's names.

    Args:
        model: a model of transformers of one of the 23 classes, in evaluation mode, with eager attention
            (`from_pretrained(..., attn_implementation="eager")`); it is not changed.
        inputs: what it is called with: arrays or tensors by name.
        path: the file to write.
        backward: True for the gradients of the loss as well.
        text, text_pair, tokenizer, case, command: as of `record`.

    Returns:
        The path. The pack is read, checked and compared like any other; names that hooks cannot see are not in it.

    Raises:
        GoldenError: torch is not installed, or the model is not one that can be recorded.

    Example:
        >>> import minibert as mb
        >>> from transformers import BertModel  # doctest: +SKIP
        >>> theirs = BertModel.from_pretrained(folder, attn_implementation="eager")  # doctest: +SKIP
        >>> path = record_reference(theirs, {"input_ids": [[2, 4, 3]]}, "theirs.safetensors")  # doctest: +SKIP
        >>> mb.golden.check(path, mb.BertModel.from_pretrained(folder)).ok  # torch, transformers  # doctest: +SKIP
        True
    """
    path = Path(path)
    check_folder(path)
    torch = _torch()
    _check_model(model)
    call = Call.read({name: _host(value) for name, value in inputs.items()}, bool(backward))
    own = _minibert_model(model)
    points: list[NamedArray] = []
    call.run(own, lambda value: points.append(value._replace(array=np.zeros(0))))
    names = {alias: point.name for point in points for alias in (point.name, *point.aliases)}
    found = hooked_run(torch, model, call, names)
    twin = copy.deepcopy(model).to(torch.float32 if own.dtype == np.float64 else torch.float64)
    precise = hooked_run(torch, twin, call, names)
    with PackWriter(path, precise, "float32" if own.dtype == np.float64 else own.dtype) as writer:
        call.put_inputs(writer.put)
        for point in points:
            if point.name in found:
                writer.put(point._replace(array=found[point.name]))
        writer.write(
            {
                "made_by": "minibert.golden.record_reference",
                "command": command or f"minibert.golden.record_reference({type(own).__name__})",
                "partial": True,
                "case": None if case is None else dict(case),
                "versions": {**versions(), "torch": torch.__version__, "transformers": _transformers_version()},
                **sections_of_model(own),
                "text": text_section(tokenizer, text, text_pair, call.arrays.get("input_ids")),
                "options": call.options,
                "backward": bool(backward),
                "dropout_state": None,
                "training": None,
                "outputs": {},
            }
        )
    return path


def _torch() -> Any:
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as reason:
        raise GoldenError(
            f"record_reference runs transformers, and {reason.name} is not installed: "
            "pip install 'minibert-numpy[reference]'."
        ) from None
    return torch


def _transformers_version() -> str:
    import transformers

    return str(transformers.__version__)


def _host(value: Any) -> Any:
    return as_numbers("an input", value) if hasattr(value, "detach") else value


def _check_model(model: Any) -> None:
    import minibert

    name = type(model).__name__
    known = hasattr(minibert, name) and hasattr(model, "register_forward_hook")
    if not known or isinstance(model, PreTrainedModel):
        raise GoldenError(f"record_reference takes one of transformers' BERT, RoBERTa or RemBERT models, not a {name}.")
    if model.training:
        raise GoldenError("the reference is in training mode, whose dropout nobody could repeat: call model.eval().")
    attention = getattr(model.config, "_attn_implementation", "eager")
    if attention != "eager":
        raise GoldenError(
            f"the reference computes attention with {attention!r}, which shows no "
            "probabilities: load it with attn_implementation='eager'."
        )


def _minibert_model(model: Any) -> PreTrainedModel:
    """minibert's model with the reference's configuration and weights."""
    import minibert

    made = getattr(minibert, type(model).__name__)
    fields = {name: value for name, value in model.config.to_dict().items() if name not in ("torch_dtype", "dtype")}
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    options = {}
    if hasattr(model, "pooler"):
        options["add_pooling_layer"] = model.pooler is not None
    try:
        own = made(made.config_class.from_dict(fields), dtype=dtype, **options)
        own.load_state_dict({name: as_numbers(name, tensor) for name, tensor in model.state_dict().items()})
    except MinibertError as reason:
        raise GoldenError(f"minibert cannot stand beside this reference: {reason}") from None
    return own
