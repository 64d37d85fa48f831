"""Hooks on the modules of a PyTorch model: what goes in and out of each, by minibert's names."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minibert.golden.errors import GoldenError
from minibert.golden.packs.foreign_arrays import as_numbers
from minibert.golden.packs.named_array import GRADIENT_PREFIX, PARAMETER_GRADIENT_PREFIX
from minibert.golden.recording.call import Call
from minibert.models.auto import class_named


def hooked_run(torch: Any, model: Any, call: Call, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Every value that the hooks see in one run, and the gradients, by the names of a pack.

    Args:
        torch: the module.
        model: a model of transformers.
        call: what it is called with, and whether backward follows from the loss.
        names: what a hook may see -> its name in a pack.

    Raises:
        GoldenError: the model refuses the inputs, or there is no loss for backward.
    """
    backward = call.start is not False
    hooks = _Hooks(torch, names, backward)
    dtype = next(model.parameters()).dtype
    tensors = {name: torch.tensor(np.array(array, order="C")) for name, array in call.arrays.items()}
    tensors = {name: each.to(dtype) if each.is_floating_point() else each for name, each in tensors.items()}
    handles = hooks.attach(model)
    try:
        with torch.set_grad_enabled(backward):
            output = _output(model, {**tensors, **call.options, "return_dict": True})
            loss = _loss(torch, model, output, tensors.get("labels"))
            if loss is not None:
                hooks.see("loss", loss)
        if backward and loss is None:
            raise GoldenError("backward needs a loss, and the inputs have no labels.")
        parameters = _gradients(model, loss) if backward else {}
    finally:
        for handle in handles:
            handle.remove()
    found = hooks.copies | {GRADIENT_PREFIX + name: gradient for name, gradient in hooks.gradients().items()}
    return found | {PARAMETER_GRADIENT_PREFIX + name: gradient for name, gradient in parameters.items()}


class _Hooks:
    """What goes in and out of every module, by minibert's names."""

    def __init__(self, torch: Any, names: Mapping[str, str], backward: bool) -> None:
        self.torch, self.names, self.backward = torch, names, backward
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
        if self.backward and tensor.requires_grad:
            tensor.retain_grad()
            self.tensors[own] = tensor

    def _after(self, path: str) -> Any:
        def hook(_module: Any, _given: Any, output: Any) -> None:
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

        def hook(_module: Any, given: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            first = given[0] if given else None
            if last in entering:
                self.see(entering[last], first)
            elif path.endswith("attention.self.dropout"):
                self.see(f"{at}probs", first)
            elif path.endswith("encoder.layer.0"):
                mask = given[1] if len(given) > 1 else keywords.get("attention_mask")
                self.see(path.removesuffix("encoder.layer.0") + "extended_attention_mask", mask)

        return hook

    def gradients(self) -> dict[str, np.ndarray]:
        """The gradients of what was seen, after backward."""
        return {name: as_numbers(name, each.grad) for name, each in self.tensors.items() if each.grad is not None}


def _output(model: Any, inputs: dict[str, Any]) -> Any:
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
    if class_named(type(model).__name__).task != "causal-lm":
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
