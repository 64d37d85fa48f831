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
from minibert.golden.packs.named_array import GRADIENT_PREFIX, PARAMETER_GRADIENT_PREFIX, NamedArray
from minibert.golden.packs.writer import PackWriter, check_folder
from minibert.golden.recording.record import put_inputs, split_inputs, text_of
from minibert.golden.recording.streaming import run_streamed
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
    """
    path = Path(path)
    check_folder(path)
    torch = _torch()
    _check_model(model)
    arrays, options = split_inputs({name: _host(value) for name, value in inputs.items()})
    own = _minibert_model(model)
    points: list[NamedArray] = []
    run_streamed(own, {**arrays, **options}, lambda value: points.append(value._replace(array=np.zeros(0))), backward)
    names = {alias: point.name for point in points for alias in (point.name, *point.aliases)}
    found = _hooked_run(torch, model, arrays, options, names, backward)
    twin = copy.deepcopy(model).to(torch.float32 if own.dtype == np.float64 else torch.float64)
    precise = _hooked_run(torch, twin, arrays, options, names, backward)
    noisy = "float32" if own.dtype == np.float64 else own.dtype
    with PackWriter(path, precise, noisy) as writer:
        put_inputs(writer, arrays, {})
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
                "text": text_of(tokenizer, text, text_pair, arrays),
                "options": options,
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
    if getattr(model.config, "_attn_implementation", "eager") != "eager":
        raise GoldenError(
            f"the reference computes attention with {model.config._attn_implementation!r}, which shows no "
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


class _Hooks:
    """What goes in and out of every module, by minibert's names."""

    def __init__(self, torch: Any, names: Mapping[str, str], gradients: bool) -> None:
        self.torch, self.names, self.gradients = torch, names, gradients
        self.tensors: dict[str, Any] = {}
        self.copies: dict[str, np.ndarray] = {}

    def attach(self, model: Any) -> list[Any]:
        """Put hooks on all modules; gives what removes them."""
        handles = []
        for path, module in model.named_modules():
            if path:
                handles.append(module.register_forward_hook(self._after(path)))
                handles.append(module.register_forward_pre_hook(self._before(path), with_kwargs=True))
        return handles

    def see(self, name: str, tensor: Any) -> None:
        """Keep a copy, for in-place steps may follow, and the tensor itself for its gradient."""
        own = self.names.get(name)
        if own is None or own in self.copies or not isinstance(tensor, self.torch.Tensor):
            return
        self.copies[own] = as_numbers(name, tensor).copy()
        if self.gradients and tensor.requires_grad:
            tensor.retain_grad()
            self.tensors[own] = tensor

    def _after(self, path: str) -> Any:
        def hook(module: Any, given: Any, output: Any) -> None:
            self.see(path, output[0] if isinstance(output, tuple) else output)

        return hook

    def _before(self, path: str) -> Any:
        parent, _, last = path.rpartition(".")
        at = f"{parent}." if parent else ""
        entering = {
            "word_embeddings": "input_ids",
            "position_embeddings": f"{at}position_ids",
            "token_type_embeddings": f"{at}token_type_ids",
            "LayerNorm": f"{at}sum",
        }

        def hook(module: Any, given: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            first = given[0] if given else None
            if last in entering:
                self.see(entering[last], first)
            elif path.endswith("attention.self.dropout"):
                self.see(f"{at}probs", first)
            elif path.endswith("encoder.layer.0"):
                mask = given[1] if len(given) > 1 else keywords.get("attention_mask")
                self.see(path.removesuffix("encoder.layer.0") + "extended_attention_mask", mask)

        return hook


def _hooked_run(
    torch: Any,
    model: Any,
    arrays: Mapping[str, np.ndarray],
    options: Mapping[str, Any],
    names: Mapping[str, str],
    backward: bool,
) -> dict[str, np.ndarray]:
    """Every value that the hooks see in one run, and the gradients, by the names of a pack."""
    hooks = _Hooks(torch, names, backward)
    dtype = next(model.parameters()).dtype
    tensors = {name: torch.tensor(np.array(array, order="C")) for name, array in arrays.items()}
    tensors = {name: each.to(dtype) if each.is_floating_point() else each for name, each in tensors.items()}
    handles = hooks.attach(model)
    try:
        with torch.set_grad_enabled(backward):
            output = _call(model, {**tensors, **options, "return_dict": True})
            loss = _loss(torch, model, output, tensors.get("labels"))
            if loss is not None:
                hooks.see("loss", loss)
        if backward and loss is None:
            raise GoldenError("backward needs a loss, and the inputs have no labels.")
        parameters = _gradients(model, loss) if backward else {}
    finally:
        for handle in handles:
            handle.remove()
    found = dict(hooks.copies)
    for name, tensor in hooks.tensors.items():
        if tensor.grad is not None:
            found[GRADIENT_PREFIX + name] = as_numbers(name, tensor.grad)
    found.update({PARAMETER_GRADIENT_PREFIX + name: gradient for name, gradient in parameters.items()})
    return found


def _call(model: Any, inputs: dict[str, Any]) -> Any:
    try:
        return model(**inputs)
    except (RuntimeError, ValueError, TypeError, IndexError) as reason:
        raise GoldenError(f"the reference refuses these inputs: {str(reason).splitlines()[0]}") from reason


def _loss(torch: Any, model: Any, output: Any, labels: Any) -> Any:
    """The output's loss; that of a causal model, which transformers rounds to float32, in the model's own dtype."""
    loss = getattr(output, "loss", None)
    logits = getattr(output, "logits", None)
    if loss is None or logits is None or labels is None or loss.dtype == logits.dtype:
        return loss
    if not type(model).__name__.endswith(("CausalLM", "LMHeadModel")):
        return loss
    return torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1))


def _gradients(model: Any, loss: Any) -> dict[str, np.ndarray]:
    """Of every parameter; what stood in the model's `.grad` before is put back."""
    kept = {name: parameter.grad for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = None
    loss.backward()
    found = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            found[name] = as_numbers(name, parameter.grad)
        parameter.grad = kept[name]
    return found


