"""What a model is: parameters by name, a place where they live, training mode, calls and backward."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from minibert.backend import Array, backend_of_device, load_backend
from minibert.errors import ConfigError, InputError
from minibert.backend.device import explains_memory
from minibert.models.config import PretrainedConfig
from minibert.models.miniature import run_miniature
from minibert.models.module import Module, Parameters, check_dtype
from minibert.models.options import suggestion
from minibert.models.outputs import ModelOutput
from minibert.trace import Backward, Edits, Run, Trace, TracePoint


class Model(Module):
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

        Nothing of the model is run: a miniature of the same parts, one token wide, is.

        Args:
            options: what the call will have: `labels=True` (or `next_sentence_label`, `start_positions`),
                `training=True`, and any optional input by name, `head_mask=True`, `encoder_hidden_states=True`,
                `inputs_embeds=True`, `use_cache=False`.
        """
        return list(run_miniature(self, options).points.values())

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
