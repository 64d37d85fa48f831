"""What every model class has: parameters by name, loading and saving, moving, training mode, and backward."""

import inspect
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from minibert.backend import Array, backend_of_device, load_backend, move, to_numpy
from minibert.errors import ConfigError, InputError, WeightFileError
from minibert.kernels.device import check_room, explains_memory
from minibert.models.config import PretrainedConfig
from minibert.models.module import Module, Parameters, check_dtype
from minibert.models.options import choose_backend, choose_dtype, suggestion, take_options
from minibert.models.outputs import ModelOutput
from minibert.trace import Backward, Edits, Run, Trace, TracePoint
from minibert.weights import (
    LoadReport,
    find_checkpoint,
    open_checkpoint,
    plan_loading,
    read_planned,
    read_to,
    save_checkpoint,
)


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class PreTrainedModel(Module):
    """A whole model.

    Args:
        config: a configuration of the model's family.
        seed: new weights are drawn from this seed, the same on every backend and for every dtype.
        dtype: "float32" (default), "float64" or "float16".
        backend: "numpy" or "cupy"; by default what MINIBERT_BACKEND says, else "numpy".

    A new or loaded model is in evaluation mode: without dropout.
    """

    config_class: Any = PretrainedConfig
    base_model_prefix = ""
    saves_tied_copies = False  # whether a saved file also holds tied weights under their other name
    load_report: LoadReport | None = None

    def __init__(
        self,
        config: PretrainedConfig,
        *,
        seed: int = 0,
        dtype: Any = None,
        backend: str | None = None,
        _within: tuple[str, Parameters] | None = None,
        _new: bool = True,
    ) -> None:
        if not isinstance(config, self.config_class):
            raise ConfigError(
                f"{type(self).__name__} takes a {self.config_class.__name__}, not a {type(config).__name__}."
            )
        config.validate()
        path, parameters = _within or ("", Parameters(dtype, backend))
        if _within is None:
            parameters.gradient_checkpointing = bool(getattr(config, "gradient_checkpointing", False))
        super().__init__(path, parameters)
        self.config: Any = config  # of the family's own class
        self.build()
        if _within is None and _new:
            parameters.initialise(parameters.shapes, seed, config.initializer_range)

    def build(self) -> None:
        """Make the parts of the model, which declare their parameters."""
        raise NotImplementedError

    # parameters

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the parameters, and of everything computed with them."""
        return self.parameters.dtype

    @property
    def backend(self) -> str:
        """Where the parameters live: "numpy" or "cupy"."""
        return self.parameters.xp.__name__

    @property
    def device(self) -> str:
        """Where the parameters live, by PyTorch's names: "cpu" or "cuda:0"; `batch.to(model.device)` follows."""
        return "cpu" if self.backend == "numpy" else "cuda:0"

    @property
    def training(self) -> bool:
        """Whether calls apply dropout."""
        return self.parameters.rng is not None

    def num_parameters(self) -> int:
        """How many numbers the parameters hold, tied ones counted once."""
        return sum(int(np.prod(shape)) for shape in self._own_shapes().values())

    def _own_shapes(self) -> dict[str, tuple[int, ...]]:
        prefix = f"{self.path}." if self.path else ""
        return {name: shape for name, shape in self.parameters.shapes.items() if name.startswith(prefix)}

    def state_dict(self) -> dict[str, Array]:
        """{name: array} by the names of checkpoints, tied copies left out. The arrays are the model's own."""
        prefix = f"{self.path}." if self.path else ""
        return {name[len(prefix) :]: self.parameters[name] for name in self._own_shapes()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Replace the parameters by copies of these arrays.

        Tied copies must equal what they copy; old buffers (position_ids) are accepted and not used.

        Raises:
            WeightFileError: a shape differs, a tied copy differs, or with `strict` a name is missing or
                unexpected. Nothing is changed then.
        """
        state = {name: np.asarray(to_numpy(array)) for name, array in state.items()}
        own = self._own_shapes()
        prefix = f"{self.path}." if self.path else ""
        plan = plan_loading(
            {name[len(prefix) :]: shape for name, shape in own.items()},
            {name: array.shape for name, array in state.items()},
            {name: source for name, source in self.parameters.tied.items() if not prefix},
            self.base_model_prefix,
            new_heads=(),
            source="the state dict",
        )
        missing, unexpected = list(plan.report.missing), list(plan.report.unexpected)
        if strict and unexpected:
            raise WeightFileError(
                f"the state dict has {len(unexpected)} names that {type(self).__name__} has no place for: "
                f"{', '.join(unexpected[:5])}{', ...' if len(unexpected) > 5 else ''}."
            )
        if not strict:
            plan.report.missing.clear()
        arrays = read_planned(plan, _Arrays(state))
        for name, array in arrays.items():
            copied = np.array(array, dtype=self.dtype, order="C")
            self.parameters[prefix + name] = move(copied, self.parameters.xp, self.dtype)
        return IncompatibleKeys(missing, unexpected)

    # where the model lives, and how it behaves

    def to(self, backend: str | None = None, dtype: Any = None) -> Self:
        """Take the parameters to a backend ("numpy", "cupy") or dtype, in place; gives the model itself.

        `model.to("float64")` is understood too, and PyTorch's names of devices, `model.to("cuda")`.
        """
        if isinstance(backend, str) and backend.startswith(("cpu", "cuda")):
            backend = backend_of_device(backend)
        elif isinstance(backend, str) and backend not in ("numpy", "cupy") and dtype is None:
            try:
                backend, dtype = None, check_dtype(backend)
            except InputError:
                load_backend(backend or "")  # says which backends there are
        elif backend is not None and not isinstance(backend, str):
            backend, dtype = None, backend
        xp = self.parameters.xp if backend is None else load_backend(backend)
        self.parameters.move(xp, self.dtype if dtype is None else check_dtype(dtype))
        return self

    def train(self, rng: np.random.Generator | int | None = None) -> Self:
        """From now on calls apply dropout, its masks drawn from this generator or seed (None: a fresh one)."""
        self.parameters.rng = rng if isinstance(rng, np.random.Generator) else np.random.default_rng(rng)
        return self

    def eval(self) -> Self:
        """From now on calls apply no dropout."""
        self.parameters.rng = None
        return self

    def gradient_checkpointing_enable(self) -> None:
        """From now on keep for backward only every layer's input, and compute the rest again in backward.

        Saves most of the memory of training for about a third more time; the gradients are the same bit for bit.
        Give the calls `Trace("backward")`: a trace that keeps everything saves nothing by it.
        """
        self.parameters.gradient_checkpointing = True

    def gradient_checkpointing_disable(self) -> None:
        """From now on keep for backward what it needs."""
        self.parameters.gradient_checkpointing = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        """Whether backward computes each layer again."""
        return self.parameters.gradient_checkpointing

    # calls

    @explains_memory("the call of {}")
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`; the first argument may also be one dict of all inputs, as a tokenizer gives."""
        self._check_names(kwargs)
        if args and isinstance(args[0], Mapping):
            self._check_names(args[0])
            inputs = dict(args[0])
            repeated = sorted(set(inputs) & set(kwargs))
            if repeated:
                raise InputError(f"{', '.join(repeated)} was given twice: in the dict and as a keyword.")
            return self.forward(*args[1:], **inputs, **kwargs)
        return self.forward(*args, **kwargs)

    def _check_names(self, inputs: Mapping[str, Any]) -> None:
        """Raise InputError for an input that the model does not take."""
        code = type(self).forward.__code__
        known = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        for name in inputs:
            if name not in known:
                raise InputError(
                    f"{type(self).__name__} takes no {name!r}{suggestion(name, known)}: its inputs are "
                    f"{', '.join(known)}."
                )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; see the class."""
        raise NotImplementedError

    def run_with_cache(self, *args: Any, keep: Any = "*", **kwargs: Any) -> tuple[Any, Trace]:
        """The outputs and a trace of every intermediate: `outputs, trace = model.run_with_cache(**batch)`."""
        trace = Trace(keep)
        return self(*args, trace=trace, **kwargs), trace

    def wanted(self, output_hidden_states: bool | None, output_attentions: bool | None) -> tuple[bool, bool]:
        """Whether to give back hidden states and attentions: as asked, or as the configuration says."""
        config = self.config
        return (
            config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            config.output_attentions if output_attentions is None else output_attentions,
        )

    def _start(self, trace: Trace | None, edits: Edits | None) -> Run:
        if trace is not None and not isinstance(trace, Trace):
            raise InputError(f"trace is a {type(trace).__name__}: a minibert.Trace() belongs there.")
        return Run(trace, self.parameters.rng, self.parameters, edits)

    def _finish(
        self, output: ModelOutput, run: Run, names: dict[str, Any], return_dict: bool | None
    ) -> ModelOutput | tuple[Any, ...]:
        """The output as asked for; the trace learns which of its names each field is."""
        run.check_edits()
        if run.trace is not None:
            for field, value in output.items():
                if isinstance(value, tuple):
                    setattr(output, field, tuple(run.output(array) for array in value))
                elif hasattr(value, "dtype"):
                    setattr(output, field, run.output(value))
            shapes = {field: getattr(value, "shape", None) for field, value in output.items()}
            run.trace.tape.finish(names, shapes)
        wanted = self.config.use_return_dict if return_dict is None else return_dict
        return output if wanted else output.to_tuple()

    def trace_points(self, **options: Any) -> list[TracePoint]:
        """Every name that a trace of this model would hold, in order, with symbolic shapes and formulas.

        Nothing of the model is run: a twin with the same parts, one token wide, is.

        Args:
            options: what the call will have: `labels=True` (or `next_sentence_label`, `start_positions`),
                `training=True`, and any optional input by name, `head_mask=True`, `encoder_hidden_states=True`,
                `inputs_embeds=True`, `use_cache=False`.
        """
        from minibert.models.twin import run_twin

        return list(run_twin(self, options).points.values())

    # backward

    @explains_memory("the backward pass of {}")
    def backward(self, trace: Trace, gradients: Mapping[str, Any] | None = None) -> dict[str, Array]:
        """The gradient of every parameter, from what the trace holds.

        Args:
            trace: the trace of one call of this model, which keeps what backward needs: `Trace()` or
                `Trace("backward")`. It is used up by one backward.
            gradients: {output field or trace name: gradient of its shape}; without them, the loss' own.

        Returns:
            {parameter name: gradient}. A tied weight stands once, under its embedding's name, with both its
            uses summed. Parts of the model (embeddings, a layer, a head) that no gradient reaches are left out;
            a part that one reaches somewhere inside, at a name of the trace, has zeros where nothing flows.
            `trace.grad` then holds the gradient of every kept intermediate.

        Raises:
            TraceError: the trace is empty, of another model, used up, or lacks what backward needs.
            InputError: a gradient's name or shape does not fit.
        """
        back = Backward.of(trace, gradients, self.parameters)
        self.backward_from(back)
        back.check_entered()
        return back.in_order(self.parameters.shapes)

    def backward_from(self, back: Backward) -> None:
        """Walk the model's parts in reverse."""
        raise NotImplementedError

    # files

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        config: PretrainedConfig | None = None,
        seed: int = 0,
        dtype: Any = None,
        torch_dtype: Any = None,
        backend: str | None = None,
        device_map: Any = None,
        ignore_mismatched_sizes: bool = False,
        output_loading_info: bool = False,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        force_download: bool = False,
        **overrides: Any,
    ) -> Any:
        """The model of a checkpoint: a folder with config.json and model.safetensors, or a name.

        A folder never touches the network. A name is looked up among the shipped checkpoints and in the
        local Hugging Face cache, and downloaded only where huggingface_hub is installed. float32 weights are
        mapped from the file, not copied; float16 and bfloat16 are widened exactly.

        Args:
            config: use this configuration instead of the folder's.
            seed: where the weights of a new task head come from; a warning names them.
            dtype: of the model; "auto" for the checkpoint's own config, None for float32. `torch_dtype` is its old
                name.
            device_map: where the model shall live by PyTorch's names, "cpu", "cuda" or 0; "auto" is the GPU if
                there is a usable one. `backend` says it by minibert's names.
            ignore_mismatched_sizes: draw a head of another size anew instead of refusing it.
            output_loading_info: give `(model, report)`; the report is `model.load_report` in any case.
            revision, cache_dir, local_files_only, token, force_download: of a name, see
                `minibert.weights.find_checkpoint`.
            overrides: fields of the configuration to change, `num_labels=3`, and `add_pooling_layer`. Of
                transformers' further arguments those that would change no number are passed over
                (`attn_implementation="sdpa"`, `low_cpu_mem_usage`), the others are refused.

        Raises:
            ConfigError, WeightFileError: what is missing, damaged or does not fit, by name.
            BackendError: the GPU was asked for and cannot be used.
        """
        overrides = take_options(overrides, f"{cls.__name__}.from_pretrained")
        backend = choose_backend(backend, device_map)
        folder = find_checkpoint(
            name_or_path, revision=revision, cache_dir=cache_dir, local_files_only=local_files_only, token=token,
            force_download=force_download,
        )  # fmt: skip
        options = {key: overrides.pop(key) for key in ("add_pooling_layer",) if key in overrides}
        if config is None:
            config = cls.config_class.from_pretrained(folder)
            cls._check_overrides(config, overrides)
            config = config.changed(overrides)
        elif overrides:
            raise ConfigError(f"config was given, and {', '.join(overrides)} besides: change the config instead.")
        dtype = choose_dtype(dtype, torch_dtype, vars(config))
        model = cls(config, dtype=dtype, backend=backend, _new=False, **options)
        if model.dtype == np.float16 and model.backend == "numpy":
            warnings.warn(
                "float16 on the CPU: every product is computed in float32 and rounded, which is slower than float32 "
                "itself; float32 holds the same weights exactly.",
                stacklevel=2,
            )
        report = model._load(folder, seed, ignore_mismatched_sizes)
        return (model, report) if output_loading_info else model

    @classmethod
    def _check_overrides(cls, config: PretrainedConfig, overrides: dict[str, Any]) -> None:
        for name in overrides:
            if not config.has_field(name):
                own = [*inspect.signature(cls.from_pretrained).parameters, "add_pooling_layer"]
                raise ConfigError(
                    f"{cls.__name__}.from_pretrained takes no {name!r}, and the configuration has no such field"
                    f"{suggestion(name, [*own, *config.to_dict(), 'num_labels'])}."
                )

    def _load(self, folder: Path, seed: int, ignore_mismatched_sizes: bool) -> LoadReport:
        checkpoint = open_checkpoint(folder)
        plan = plan_loading(
            self.parameters.shapes,
            {name: checkpoint.shape(name) for name in checkpoint},
            self.parameters.tied,
            self.base_model_prefix,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
            source=str(folder),
        )
        parameters = self.parameters
        needed = parameters.bytes_of(parameters.shapes, self.dtype)
        check_room(parameters.xp, needed, f"{type(self).__name__} in {self.dtype.name}")
        for name, array in read_to(plan, checkpoint, parameters.xp, self.dtype):
            parameters[name] = array
        new = [name for name in self.parameters.shapes if name not in self.parameters]
        if new:
            self.parameters.initialise(new, seed, self.config.initializer_range)
            warnings.warn(
                f"{type(self).__name__}: {', '.join(new)} not in {folder}: drawn anew from seed {seed}; "
                "train the model before you trust what it predicts.",
                stacklevel=4,
            )
        # a file's order is its writer's; optimisers, and what they save, go by the model's
        ordered = {name: self.parameters[name] for name in self.parameters.shapes}
        self.parameters.clear()
        self.parameters.update(ordered)
        self.load_report = plan.report
        return plan.report

    def save_pretrained(self, folder: str | os.PathLike[str], *, max_shard_size: int | str = "5GB") -> None:
        """Write config.json and model.safetensors (in shards if larger), which transformers loads unchanged.

        Each file is replaced whole or not at all.

        Raises:
            ConfigError: the configuration holds what JSON cannot.
            WeightFileError: the folder cannot be written.
        """
        config = type(self.config).from_dict(self.config.to_dict())
        config.architectures = [type(self).__name__]
        config.torch_dtype = self.dtype.name
        config.to_json_string()  # before anything is written
        state = self.state_dict()
        if self.saves_tied_copies:
            state.update({copy: self.parameters[source] for copy, source in self.parameters.tied.items()})
        save_checkpoint(folder, state, max_shard_size=max_shard_size, to_numpy=to_numpy)
        config.save_pretrained(folder)


class _Arrays(dict[str, np.ndarray]):
    """Arrays in memory, read as a checkpoint is."""

    def raw(self, name: str) -> np.ndarray:
        return self[name]

    def stored_dtype(self, name: str) -> str:
        codes = {"float16": "F16", "float32": "F32", "float64": "F64"}
        return codes.get(self[name].dtype.name, self[name].dtype.name)
