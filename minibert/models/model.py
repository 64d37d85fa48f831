"""What a model is: parameters by name, a place where they live, training mode, calls and backward."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from minibert.backend import Array, backend_of_device, load_backend
from minibert.backend.device import explains_memory
from minibert.checks import check_count
from minibert.errors import ConfigError, InputError
from minibert.models.arguments import LABELS, Call
from minibert.models.config import PretrainedConfig
from minibert.models.encoder import StackOutputs
from minibert.models.inputs import Inputs, prepare, record_masks
from minibert.models.miniature import run_miniature
from minibert.models.module import Module
from minibert.models.options import suggestion
from minibert.models.outputs import ModelOutput
from minibert.models.parameters import Parameters, check_dtype
from minibert.trace import Backward, Run, Trace, TracePoint


class Encoded(NamedTuple):
    """What an encoder makes of its inputs."""

    hidden: Array  # (B, T, D), the last layer's
    pooled: Any  # (B, D), or None without a pooler
    states: StackOutputs  # what was asked for on the way


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
    task = ""  # what it is for, by a name that golden values, pipelines and cards ask for
    reads_first_token = False  # whether the head reads the last layer's first token, and no other
    reads_choices = False  # whether every input has an axis of choices after the batch's
    needs: ClassVar[Mapping[str, Any]] = {}  # fields of the configuration that make it one of its task

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
        self.check_config(config)
        config.validate()
        check_count("seed", seed, 0)
        path, parameters = _within or ("", Parameters(dtype, backend))
        if _within is None:
            parameters.gradient_checkpointing = bool(getattr(config, "gradient_checkpointing", False))
        super().__init__(path, parameters)
        self.config: Any = config  # of the family's own class
        self.build()
        if _within is None and _new:
            parameters.initialise(parameters.shapes, seed, config.initializer_range)

    @classmethod
    def check_config(cls, config: Any) -> None:
        """Raise ConfigError unless it is a configuration of the model's own family."""
        wanted = cls.config_class
        if not isinstance(config, wanted) or config.model_type != wanted.model_type:
            raise ConfigError(f"{cls.__name__} takes a {wanted.__name__}, not a {type(config).__name__}.")

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

        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> mb.BertModel(config, seed=0).to(dtype="float64")(input_ids=[[2, 7, 3]]).pooler_output.dtype.name
        'float64'
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
        """From now on calls apply dropout, its masks drawn from this generator or seed (None: a fresh one).

        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertModel(config, seed=0)
        >>> calls = [model.train(0)(input_ids=[[2, 7, 3]]).pooler_output for _ in range(2)]
        >>> bool((calls[0] == calls[1]).all())  # the same seed, the same masks
        True
        """
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
        known = argument_names(type(self).forward)
        for name in inputs:
            if name not in known:
                raise InputError(
                    f"{type(self).__name__} takes no {name!r}{suggestion(name, known)}: its inputs are "
                    f"{', '.join(known)}."
                )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; every class says what it takes."""
        raise NotImplementedError

    def run_with_cache(self, *args: Any, keep: Any = "*", **kwargs: Any) -> tuple[Any, Trace]:
        """The outputs and a trace of every intermediate: `outputs, trace = model.run_with_cache(**batch)`.

        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> outputs, trace = mb.BertModel(config, seed=0).run_with_cache(input_ids=[[2, 7, 3]], keep="*.probs")
        >>> {name: probs.shape for name, probs in trace.items()}
        {'encoder.layer.0.attention.self.probs': (1, 2, 3, 3)}
        """
        trace = Trace(keep)
        return self(*args, trace=trace, **kwargs), trace

    # the pass

    @property
    def base_model(self) -> Any:
        """The encoder: the model itself, or that under its head."""
        raise NotImplementedError

    def answer(self, call: Call) -> Any:
        """Check the inputs and labels, encode, apply the head, compute the loss; the output in the form asked for."""
        self.parameters.check_files()
        encoder, inputs = self.base_model, self.prepare(call)
        labels = self.read_labels(call, inputs)
        if call.trace is not None and not isinstance(call.trace, Trace):
            raise InputError(f"trace is a {type(call.trace).__name__}: a minibert.Trace() belongs there.")
        run = Run(call.trace, self.parameters.rng, self.parameters, call.edits)
        inputs = record_masks(encoder, inputs, run)
        encoded = encoder.encode(inputs, run)
        output, names = self.apply_head(encoded, labels, run)
        output.take_states(encoded.states, inputs.stack.cache)
        run.check_edits()
        if run.trace is not None:
            _own_arrays(output, run)
            names = {**_state_names(encoder, inputs, run), "loss": "loss", **names}
            shapes = {field: getattr(value, "shape", None) for field, value in output.items()}
            run.trace.tape.finish(names, shapes)
        wanted = self.config.use_return_dict if call.return_dict is None else call.return_dict
        return output if wanted else output.as_returned()

    def prepare(self, call: Call) -> Inputs:
        """The encoder's inputs, checked and moved to where the model lives; and what of its values nobody will read."""
        inputs = prepare(self.base_model, vars(call))
        labelled = any(getattr(call, name, None) is not None for name in LABELS)
        skip_padding = bool(call.skip_padding) and (self.reads_first_token or not labelled)
        return inputs._replace(skip_padding=skip_padding, first_token=self.reads_first_token)

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """The labels of the call, checked: what `apply_head` needs of them."""
        return None

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Labels that fit these ids (B, T), by a rule: the same for the same ids, some tokens left out; {} for none."""
        return {}

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> tuple[Any, dict[str, Any]]:
        """What the encoder made -> the output, and which name of the trace each of its fields has."""
        raise NotImplementedError

    def head_backward(self, back: Backward) -> tuple[Array | None, Array | None]:
        """-> dhidden (B, T, D), dpooled (B, D): from the loss, and from what was asked for, through the head."""
        return None, None

    def trace_points(self, **options: Any) -> list[TracePoint]:
        """Every name that a trace of this model would hold, in order, with symbolic shapes and formulas.

        Nothing of the model is run: a miniature of the same parts, one token wide, is.

        Args:
            options: what the call will have: `labels=True` (or `next_sentence_label`, `start_positions`),
                `training=True`, and any optional input by name, `head_mask=True`, `encoder_hidden_states=True`,
                `inputs_embeds=True`, `use_cache=False`.

        Example:
            >>> import minibert as mb
            >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
            ...                        intermediate_size=16)
            >>> for point in mb.BertModel(config, seed=0).trace_points()[-3:]:
            ...     print(point.name, "|", point.shape, "|", point.formula)
            encoder.layer.0 | B T D | the layer's output
            pooler.dense | B D | hidden[:, 0] Wᵀ + b
            pooler | B D | tanh(dense)
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

        Example:
            >>> import minibert as mb
            >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
            ...                        intermediate_size=16)
            >>> model, trace = mb.BertForMaskedLM(config, seed=0), mb.Trace("backward")
            >>> output = model(input_ids=[[2, 7, 3]], labels=[[-100, 8, -100]], trace=trace)
            >>> gradients = model.backward(trace)
            >>> gradients["bert.embeddings.word_embeddings.weight"].shape
            (30, 8)
        """
        back = Backward.of(trace, gradients, self.parameters)
        self.backward_from(back)
        back.check_entered()
        return back.in_order(self.parameters.shapes)

    def backward_from(self, back: Backward) -> None:
        """loss -> head -> encoder."""
        self.base_model.encode_backward(*self.head_backward(back), back)


def _state_names(encoder: Any, inputs: Inputs, run: Run) -> dict[str, Any]:
    """Under which names of the trace the encoder's states stand."""
    layers = encoder.encoder.layer
    probs = "probs"
    if inputs.head_mask is not None:
        probs = "masked_probs"
    elif not layers[0].attention.self.dropout.alias(run):
        probs = "dropout"
    paths = [layer.path for layer in layers]
    return {
        "hidden_states": (encoder.stack_input_name, *paths),
        "attentions": tuple(f"{path}.attention.self.{probs}" for path in paths),
        "cross_attentions": tuple(f"{path}.crossattention.self.{probs}" for path in paths),
    }


def _own_arrays(output: ModelOutput, run: Run) -> None:
    """Give the user copies of what the trace keeps, so that the trace never changes."""
    for field, value in output.items():
        if isinstance(value, tuple):
            setattr(output, field, tuple(run.output(array) for array in value))
        elif hasattr(value, "dtype"):
            setattr(output, field, run.output(value))


@functools.cache
def argument_names(forward: Callable[..., Any]) -> tuple[str, ...]:
    """The names of what a `forward` takes, in order."""
    return tuple(inspect.signature(forward).parameters)[1:]
