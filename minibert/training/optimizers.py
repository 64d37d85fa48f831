"""Optimisers: AdamW and SGD, with PyTorch's arithmetic, step by step and in place.

AdamW is Loshchilov & Hutter 2019 ("Decoupled Weight Decay Regularization", algorithm 2); SGD with momentum is
Sutskever et al. 2013 in PyTorch's form. Parameters are updated block by block, so that the scratch memory of a
step is three blocks however large the model is. Of a float16 parameter AdamW keeps a float32 copy, its master weight,
which it updates and rounds: small steps would vanish in float16 (Micikevicius et al. 2018, "Mixed Precision Training",
section 3.1). Not handled: float16 with SGD, sparse gradients, AMSGrad.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from minibert.backend import Array, array_module, move
from minibert.checks import check_number
from minibert.errors import InputError
from minibert.kernels import calls
from minibert.kernels.launch import usable

Names = Iterable[str] | Callable[[str], bool]

# numbers a block: on the host, three blocks of float32 stay in the cache; on a GPU each block is a launch
_HOST_BLOCK, _DEVICE_BLOCK = 1 << 15, 1 << 24


def is_not_decayed(name: str) -> bool:
    """The usual rule: biases and the weights of LayerNorm are not decayed (Devlin et al. 2018, their optimiser).

    >>> [is_not_decayed(n) for n in ("pooler.dense.weight", "pooler.dense.bias", "embeddings.LayerNorm.weight")]
    [False, True, True]
    """
    parts = name.split(".")
    return parts[-1] == "bias" or any(part.lower().replace("_", "") == "layernorm" for part in parts)


class Optimizer:
    """What AdamW and SGD share: groups of parameters, each with its own numbers, and their state by name.

    Args:
        model: a minibert model, anything with such `.parameters`, or a dict {name: array}.
        defaults: the numbers of every group that does not set its own.
        no_decay: which names have no weight decay: a function of the name, or a list of names and globs
            ("*.bias"); None is the usual rule, `is_not_decayed`, and an empty list decays everything.
        params: which names to train, as `no_decay`; None is all. The others keep their values.
        groups: instead of both, groups of one's own, in PyTorch's manner: [{"params": names and globs, "lr": ...}].
    """

    state_arrays: tuple[str, ...] = ()  # the arrays that a parameter's state may hold, each of its shape
    masters = False  # whether it can keep float32 master weights of float16 parameters

    def __init__(
        self,
        model: Any,
        defaults: dict[str, Any],
        no_decay: Names | None = None,
        params: Names | None = None,
        groups: Iterable[Mapping[str, Any]] | None = None,
    ) -> None:
        self.parameters = _parameters_of(model)
        self.defaults = defaults
        self.state: dict[str, dict[str, Any]] = {}
        if groups is not None:
            if no_decay is not None or params is not None:
                raise InputError("groups was given, and no_decay or params besides: groups alone says everything.")
            self.param_groups = self._own_groups(groups)
        else:
            self.param_groups = self._usual_groups(no_decay, params)
        for group in self.param_groups:
            self.check_group(group)

    def _usual_groups(self, no_decay: Names | None, params: Names | None) -> list[dict[str, Any]]:
        """One group with the weight decay and one without, the empty ones left out."""
        chosen = self._choose("params", params) if params is not None else list(self.parameters)
        if not chosen:
            raise InputError("params chooses no parameter: there is nothing to train.")
        exempt = set(self._choose("no_decay", is_not_decayed if no_decay is None else no_decay))
        decayed = [name for name in chosen if name not in exempt]
        rest = [name for name in chosen if name in exempt]
        groups = [{**self.defaults, "params": decayed}, {**self.defaults, "weight_decay": 0.0, "params": rest}]
        return [group for group in groups if group["params"]]

    def _own_groups(self, groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        taken: dict[str, int] = {}
        for i, group in enumerate(groups):
            unknown = sorted(set(group) - set(self.defaults) - {"params"})
            if unknown or "params" not in group:
                wrong = f"an unknown {unknown[0]!r}" if unknown else "no 'params'"
                raise InputError(f"groups[{i}] has {wrong}: it takes params, {', '.join(self.defaults)}.")
            names = self._choose(f"groups[{i}]['params']", group["params"])
            twice = next((name for name in names if name in taken), None)
            if twice is not None:
                raise InputError(f"{twice} is in groups[{taken[twice]}] and in groups[{i}]: one group each.")
            taken.update(dict.fromkeys(names, i))
            made.append({**self.defaults, **group, "params": names})
        if not taken:
            raise InputError("groups names no parameter: there is nothing to train.")
        return made

    def _choose(self, what: str, names: Names) -> list[str]:
        """The parameters that a function or a list of names and globs chooses, in the model's order."""
        if callable(names):
            return [name for name in self.parameters if names(name)]
        patterns = [names] if isinstance(names, str) else list(names)
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in self.parameters):
                raise InputError(f"{what} has {pattern!r}, which fits no parameter of the model.")
        return [name for name in self.parameters if any(fnmatchcase(name, pattern) for pattern in patterns)]

    def check_group(self, group: dict[str, Any]) -> None:
        """Raise InputError for numbers that make no sense."""
        check_number("lr", group["lr"], lower=0.0)
        check_number("weight_decay", group["weight_decay"], lower=0.0)

    def step(self, grads: Mapping[str, Array]) -> None:
        """Update every parameter that has a gradient, in place; one without keeps its value and its state.

        Args:
            grads: {parameter name: gradient}, as `model.backward` gives; not changed.

        Raises:
            InputError: a name, shape or dtype does not fit; nothing has been changed then.
        """
        self._check_grads(grads)
        for group in self.param_groups:
            for name in group["params"]:
                if grads.get(name) is not None:
                    parameter = self._writable(name)
                    gradient = move(grads[name], array_module(parameter), _wide_dtype(parameter))
                    self.update(parameter, gradient, self._state_of(name, parameter), group)

    def update(self, parameter: Array, gradient: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        """One parameter's step, in place."""
        raise NotImplementedError

    def _check_grads(self, grads: Mapping[str, Array]) -> None:
        if not isinstance(grads, Mapping):
            raise InputError(f"step takes the dict that model.backward gives, not a {type(grads).__name__}.")
        if not grads:
            raise InputError("grads is empty: step takes the dict that model.backward(trace) gives.")
        for name, gradient in grads.items():
            if name not in self.parameters:
                raise InputError(f"grads has {name!r}, which is no parameter of the model.")
            parameter = self.parameters[name]
            if parameter.dtype.name not in ("float32", "float64", *(["float16"] if self.masters else [])):
                raise InputError(
                    f"{name} is {parameter.dtype.name}, which is too narrow for {type(self).__name__} to train in: "
                    "use model.to('float32'), or AdamW, which keeps float32 copies."
                )
            if gradient is not None and gradient.shape != parameter.shape:
                raise InputError(f"grads[{name!r}] has shape {gradient.shape}: the parameter has {parameter.shape}.")

    def _writable(self, name: str) -> Array:
        """The parameter, as an array to write into: mapped read-only weights are copied on their first step."""
        parameter = self.parameters[name]
        flags = parameter.flags
        if not getattr(flags, "writeable", True) or not flags.c_contiguous:
            parameter = array_module(parameter).array(parameter, order="C")
            self.parameters[name] = parameter
        return parameter

    def _state_of(self, name: str, parameter: Array) -> dict[str, Any]:
        """The parameter's state, brought to where the parameter lives if the model has moved."""
        state = self.state.setdefault(name, {})
        for key in self.state_arrays:
            if state.get(key) is not None:
                state[key] = move(state[key], array_module(parameter), _wide_dtype(parameter))
        return state

    # state

    def state_dict(self) -> dict[str, Any]:
        """{"state": {parameter: its state}, "param_groups": [...]}. The arrays are the optimiser's own."""
        groups = [{**group, "params": list(group["params"])} for group in self.param_groups]
        return {"state": {name: dict(state) for name, state in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave, as copies.

        Raises:
            InputError: the groups or the shapes are not those of this optimiser; nothing has been changed then.
        """
        if not isinstance(state_dict, Mapping) or not {"state", "param_groups"} <= set(state_dict):
            raise InputError("the optimiser's state must be a dict with 'state' and 'param_groups'.")
        saved = state_dict["param_groups"]
        if [list(group["params"]) for group in saved] != [group["params"] for group in self.param_groups]:
            raise InputError(
                "the optimiser's state is of other parameter groups: make the optimiser as it was made then."
            )
        state = {}
        for name, values in state_dict["state"].items():
            state[name] = self._copied_state(name, values)
        self.state = state
        self.param_groups = [{**group, "params": list(group["params"])} for group in saved]

    def _copied_state(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        if name not in self.parameters:
            raise InputError(f"the optimiser's state has {name!r}, which is no parameter of the model.")
        parameter = self.parameters[name]
        copied = dict(values)
        for key in self.state_arrays:
            if copied.get(key) is None:
                continue
            if copied[key].shape != parameter.shape:
                raise InputError(
                    f"the optimiser's {key} of {name} has shape {copied[key].shape}: "
                    f"the parameter has {parameter.shape}."
                )
            xp = array_module(parameter)
            copied[key] = xp.array(move(copied[key], xp, _wide_dtype(parameter)), order="C")
        return copied


class AdamW(Optimizer):
    """Adam with decoupled weight decay; t counts a parameter's own steps:

    θ ← θ (1 - lr·weight_decay);  m ← β₁m + (1-β₁)g;  v ← β₂v + (1-β₂)g²;
    θ ← θ - lr/(1-β₁ᵗ) · m / (√v/√(1-β₂ᵗ) + eps)

    Args:
        model, no_decay, params, groups: see `Optimizer`. Biases and LayerNorm weights are not decayed by default.
        lr, betas, eps, weight_decay: PyTorch's defaults.

    >>> import numpy as np
    >>> weights = {"weight": np.array([1.0, -1.0])}
    >>> AdamW(weights, lr=0.1, weight_decay=0.0).step({"weight": np.array([0.5, -2.0])})
    >>> weights["weight"].round(6)
    array([ 0.9, -0.9])
    """

    state_arrays = ("exp_avg", "exp_avg_sq", "master")
    masters = True

    def __init__(
        self,
        model: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        no_decay: Names | None = None,
        params: Names | None = None,
        groups: Iterable[Mapping[str, Any]] | None = None,
    ) -> None:
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(model, defaults, no_decay, params, groups)

    def check_group(self, group: dict[str, Any]) -> None:
        super().check_group(group)
        check_number("eps", group["eps"], lower=0.0)
        betas = group["betas"]
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise InputError(f"betas is {betas!r}: two numbers belong there, (0.9, 0.999).")
        for i, beta in enumerate(betas):
            check_number(f"betas[{i}]", beta, lower=0.0, below=1.0)

    def update(self, parameter: Array, gradient: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp = array_module(parameter)
        dtype = _wide_dtype(parameter)
        if not state:
            zeros = {name: xp.zeros(parameter.shape, dtype=dtype) for name in ("exp_avg", "exp_avg_sq")}
            state.update(step=0, **zeros)
        if dtype != parameter.dtype and state.get("master") is None:
            state["master"] = parameter.astype(dtype)
        elif dtype == parameter.dtype:
            state.pop("master", None)  # of a model that was float16 before
        state["step"] += 1
        beta1, beta2 = group["betas"]
        step_size = group["lr"] / (1.0 - beta1 ** state["step"])
        root_correction = math.sqrt(1.0 - beta2 ** state["step"])
        shrink = 1.0 - group["lr"] * group["weight_decay"]
        master = state.get("master")
        if usable(parameter) and usable(gradient, state["exp_avg"], state["exp_avg_sq"], master):
            calls.adamw(
                parameter, master, gradient, state["exp_avg"], state["exp_avg_sq"],
                beta1, beta2, shrink, step_size, root_correction, group["eps"],
            )  # fmt: skip
            return
        updated = parameter if master is None else master
        for theta, g, m, v in blocks(updated, gradient, state["exp_avg"], state["exp_avg_sq"]):
            if shrink != 1.0:
                theta *= shrink
            change = g - m
            if beta1 > 0.5:  # β₁m + (1-β₁)g, written so that it is exact at both ends
                change *= 1.0 - beta1
                m += change
            else:
                change *= beta1
                xp.subtract(g, change, out=m)
            xp.multiply(g, g, out=change)
            change *= 1.0 - beta2
            v *= beta2
            v += change
            xp.sqrt(v, out=change)
            change /= root_correction
            change += group["eps"]
            xp.divide(m, change, out=change)
            change *= step_size
            theta -= change
        if master is not None:
            parameter[...] = master


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum as PyTorch has it:

    g ← g + weight_decay·θ;  b ← momentum·b + (1 - dampening)·g (the first b is g itself);
    θ ← θ - lr·b, or with nesterov θ ← θ - lr·(g + momentum·b)

    Args:
        model, no_decay, params, groups: see `Optimizer`. Biases and LayerNorm weights are not decayed by default.
        lr, momentum, dampening, weight_decay, nesterov: PyTorch's defaults.
    """

    state_arrays = ("momentum_buffer",)

    def __init__(
        self,
        model: Any,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        no_decay: Names | None = None,
        params: Names | None = None,
        groups: Iterable[Mapping[str, Any]] | None = None,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                    "nesterov": nesterov}  # fmt: skip
        super().__init__(model, defaults, no_decay, params, groups)

    def check_group(self, group: dict[str, Any]) -> None:
        super().check_group(group)
        check_number("momentum", group["momentum"], lower=0.0)
        check_number("dampening", group["dampening"])
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise InputError(
                f"nesterov needs a momentum above 0 and no dampening: they are {group['momentum']} "
                f"and {group['dampening']}."
            )

    def update(self, parameter: Array, gradient: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        momentum, decay = group["momentum"], group["weight_decay"]
        first = momentum != 0 and state.get("momentum_buffer") is None
        if first:
            state["momentum_buffer"] = array_module(parameter).zeros_like(parameter)
        keep = 1.0 if first else 1.0 - group["dampening"]
        buffer = state["momentum_buffer"] if momentum else gradient
        for theta, g, b in blocks(parameter, gradient, buffer):
            change = theta * decay if decay else 0.0 * theta
            change += g
            if momentum:
                b *= momentum
                b += change * keep
                if group["nesterov"]:
                    change += b * momentum
                else:
                    change[...] = b
            change *= group["lr"]
            theta -= change


def _wide_dtype(parameter: Array) -> Any:
    """The dtype of a parameter's gradient and state: its own, or float32 for float16."""
    return np.dtype("float32") if parameter.dtype.name == "float16" else parameter.dtype


def blocks(parameter: Array, *others: Array) -> Iterator[tuple[Array, ...]]:
    """Views of equally shaped arrays, the same stretch of each, short enough that temporaries stay small.

    All but gradients must be C-contiguous: they are written through these views.
    """
    on_host = array_module(parameter).__name__ == "numpy"
    size = _HOST_BLOCK if on_host else _DEVICE_BLOCK
    flat = [array.reshape(-1) for array in (parameter, *others)]
    for start in range(0, parameter.size, size):
        yield tuple(array[start : start + size] for array in flat)


def _parameters_of(model: Any) -> Any:
    """The {name: array} that an optimiser writes into."""
    parameters = model if isinstance(model, dict) else getattr(model, "parameters", None)
    if not isinstance(parameters, dict):
        raise InputError(f"the optimiser takes a model or a dict of arrays, not a {type(model).__name__}.")
    if not parameters:
        raise InputError("the model has no parameters: there is nothing to train.")
    return parameters
