"""What AdamW and SGD share: which parameters they update, the state of each, and its way to a file and back.

Of a float16 parameter the optimiser updates a float32 copy, its master weight, and rounds it: small steps would vanish
in float16 (Micikevicius et al. 2018, "Mixed Precision Training", section 3.1). Not handled: float16 with SGD, sparse
gradients, AMSGrad.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minibert import forms
from minibert.backend import Array, array_module, move
from minibert.checks import check_count, check_number
from minibert.errors import InputError
from minibert.training.parameter_groups import Group, Names, own_groups, usual_groups

MASTER = "master"  # the name of a master weight in a parameter's state

State = dict[str, Any]  # of one parameter: its moments, its master weight, the number of its steps


class Optimizer:
    """Groups of parameters, each with its own numbers, and their state by name.

    Args:
        model: a minibert model, anything with such `.parameters`, or a dict {name: array}.
        defaults: the numbers of every group that does not set its own.
        no_decay: which names have no weight decay: a function of the name, or a list of names and globs
            ("*.bias"); None is the usual rule, `is_not_decayed`, and an empty list decays everything.
        params: which names to train, as `no_decay`; None is all. The others keep their values.
        groups: instead of both, groups of one's own, in PyTorch's manner: [{"params": names and globs, "lr": ...}].
    """

    state_arrays: tuple[str, ...] = ()  # the arrays that a parameter's state holds, each of its shape
    keeps_masters = False  # whether it can train parameters that need a master weight

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
        self.state: dict[str, State] = {}
        if groups is None:
            self.param_groups = usual_groups(self.parameters, defaults, no_decay, params)
        elif no_decay is None and params is None:
            self.param_groups = own_groups(self.parameters, defaults, groups)
        else:
            raise InputError("groups was given, and no_decay or params besides: groups alone says everything.")
        for group in self.param_groups:
            self.check_group(group)

    def check_group(self, group: Group) -> None:
        """Raise InputError for numbers that make no sense."""
        check_number("lr", group["lr"], lower=0.0)
        check_number("weight_decay", group["weight_decay"], lower=0.0)

    # a step

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
                    state = self._state_of(name, parameter)
                    gradient = move(grads[name], array_module(parameter), _wide_dtype(parameter))
                    master = _master_of(parameter, state)
                    if master is None:
                        self.update(parameter, gradient, state, group)
                    else:
                        self.update_master(parameter, master, gradient, state, group)

    def update(self, parameter: Array, gradient: Array, state: State, group: Group) -> None:
        """One parameter's step, in place."""
        raise NotImplementedError

    @forms.step
    def update_master(self, parameter: Array, master: Array, gradient: Array, state: State, group: Group) -> None:
        """One parameter's step, on its master weight: the parameter is that, rounded."""
        self.update(master, gradient, state, group)
        parameter[...] = master

    def arrays_of(self, state: State, parameter: Array) -> list[Array]:
        """The arrays of `state_arrays`, zeros before the parameter's first step."""
        for name in self.state_arrays:
            if state.get(name) is None:
                state[name] = array_module(parameter).zeros_like(parameter)
        return [state[name] for name in self.state_arrays]

    def _check_grads(self, grads: Mapping[str, Array]) -> None:
        if not isinstance(grads, Mapping):
            raise InputError(f"step takes the dict that model.backward gives, not a {type(grads).__name__}.")
        if not grads:
            raise InputError("grads is empty: step takes the dict that model.backward(trace) gives.")
        dtypes = ("float16", "float32", "float64") if self.keeps_masters else ("float32", "float64")
        for name, gradient in grads.items():
            if name not in self.parameters:
                raise InputError(f"grads has {name!r}, which is no parameter of the model.")
            parameter = self.parameters[name]
            if parameter.dtype.name not in dtypes:
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

    def _state_of(self, name: str, parameter: Array) -> State:
        """The parameter's state, brought to where the parameter lives if the model has moved."""
        state = self.state.setdefault(name, {})
        for key in (*self.state_arrays, MASTER):
            if state.get(key) is not None:
                state[key] = move(state[key], array_module(parameter), _wide_dtype(parameter))
        return state

    # the state, for a file

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
        saved, states = state_dict["param_groups"], state_dict["state"]
        if not isinstance(states, Mapping) or not _are_groups(saved):
            raise InputError("the optimiser's state must have a dict as 'state' and a list of groups.")
        if [list(group["params"]) for group in saved] != [group["params"] for group in self.param_groups]:
            raise InputError(
                "the optimiser's state is of other parameter groups: make the optimiser as it was made then."
            )
        for group, own in zip(saved, self.param_groups, strict=True):
            if missing := set(own) - set(group) - {"initial_lr"}:
                raise InputError(f"a group of the optimiser's state has no {', '.join(sorted(missing))}.")
            self.check_group(group)
        self.state = {name: self._copied_state(name, values) for name, values in states.items()}
        self.param_groups = [{**group, "params": list(group["params"])} for group in saved]

    def _copied_state(self, name: str, values: Mapping[str, Any]) -> State:
        if name not in self.parameters:
            raise InputError(f"the optimiser's state has {name!r}, which is no parameter of the model.")
        parameter = self.parameters[name]
        copied = dict(values)
        check_count(f"the step of {name}", copied.get("step", 0), least=0)
        for key in (*self.state_arrays, MASTER):
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


def _are_groups(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(group, Mapping) and isinstance(group.get("params"), list | tuple) for group in value
    )


def _wide_dtype(parameter: Array) -> Any:
    """The dtype of a parameter's gradient and state: its own, or float32 for float16."""
    return np.dtype("float32") if parameter.dtype.name == "float16" else parameter.dtype


def _master_of(parameter: Array, state: State) -> Array | None:
    """The float32 copy of a float16 parameter, which stays in its state; None for another."""
    if parameter.dtype.name != "float16":
        state.pop(MASTER, None)  # of a model that was float16 before
        return None
    if state.get(MASTER) is None:
        state[MASTER] = parameter.astype("float32")
    return state[MASTER]


def _parameters_of(model: Any) -> Any:
    """The {name: array} that an optimiser writes into."""
    parameters = model if isinstance(model, dict) else getattr(model, "parameters", None)
    if not isinstance(parameters, dict):
        raise InputError(f"the optimiser takes a model or a dict of arrays, not a {type(model).__name__}.")
    if not parameters:
        raise InputError("the model has no parameters: there is nothing to train.")
    return parameters
