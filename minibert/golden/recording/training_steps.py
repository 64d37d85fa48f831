"""Training steps as golden values: the loss of every step, then parameters and the optimiser's state."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.golden.errors import GoldenError
from minibert.golden.packs.named_array import OPTIMISER_STATE, TRAINED_PARAMETER, TRAINING_LOSS, NamedArray, Sink
from minibert.models.files import PreTrainedModel
from minibert.trace import Trace


@dataclass(frozen=True)
class Training:
    """Steps of AdamW on one batch, without dropout: gradient, clipping to `max_norm` (None for none), step.

    Attributes:
        steps: how many, from 1 on.
        lr, betas, eps, weight_decay: as of `minibert.AdamW`.
        max_norm: the global norm that gradients are clipped to.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertForMaskedLM(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                          num_attention_heads=2, intermediate_size=6), seed=0)
        >>> inputs = {"input_ids": [[2, 4, 3]], "labels": [[-100, 5, -100]]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = mb.golden.record(model, inputs, f"{folder}/steps.safetensors", training=Training(steps=3))
        ...     print([name for name in mb.golden.open_pack(path) if name.endswith("/loss")])
        ['step_1/loss', 'step_2/loss', 'step_3/loss']
    """

    steps: int = 1
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.01
    max_norm: float | None = 1.0

    @classmethod
    def of(cls, value: Any) -> "Training":
        """A Training as it is, or made of a dict of its fields. Raises GoldenError."""
        if isinstance(value, Training):
            made = value
        elif isinstance(value, Mapping):
            unknown = sorted(set(value) - {field.name for field in fields(cls)})
            if unknown:
                known = ", ".join(field.name for field in fields(cls))
                raise GoldenError(f"training has an unknown {unknown[0]!r}: it takes {known}.")
            given: dict[str, Any] = {name: tuple(each) if name == "betas" else each for name, each in value.items()}
            made = cls(**given)
        else:
            raise GoldenError(f"training is a {type(value).__name__}: Training(steps=10) belongs there.")
        if isinstance(made.steps, bool) or not isinstance(made.steps, int) or made.steps < 1:
            raise GoldenError(f"training has steps {made.steps!r}: a number from 1 on belongs there.")
        return made

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "betas": list(self.betas)}


def run_training(model: PreTrainedModel, inputs: Mapping[str, Any], training: Training, sink: Sink) -> None:
    """Train a model in place; losses, gradient norms, parameters and the optimiser's state go to the sink.

    Raises:
        GoldenError: the inputs have no labels, so that there is no loss.
    """
    from minibert.training.adamw import AdamW
    from minibert.training.clipping import clip_grad_norm

    if not any(name in inputs for name in ("labels", "start_positions", "next_sentence_label")):
        raise GoldenError("training steps need a loss, and the inputs have no labels.")
    for name in list(model.parameters):
        model.parameters[name] = model.parameters[name].copy()  # the given model keeps its own
    model.eval()
    optimizer = AdamW(
        model, lr=training.lr, betas=training.betas, eps=training.eps, weight_decay=training.weight_decay
    )
    for step in range(1, training.steps + 1):
        trace = Trace("backward")
        loss = model(**inputs, trace=trace)["loss"]
        gradients = model.backward(trace)
        _send(sink, f"step_{step}/loss", TRAINING_LOSS, np.asarray(to_numpy(loss)), f"the loss before step {step}")
        if training.max_norm is not None:
            norm = np.asarray(to_numpy(clip_grad_norm(gradients, training.max_norm)), dtype=model.dtype)
            _send(sink, f"step_{step}/gradient_norm", TRAINING_LOSS, norm, "√(Σ gradient²) before clipping")
        optimizer.step(gradients)
    state = optimizer.state_dict()["state"]
    for name, array in model.state_dict().items():
        after = f"after step {training.steps}"
        _send(sink, f"parameter/{name}", TRAINED_PARAMETER, to_numpy(array), after)
        for key in optimizer.state_arrays:
            if name in state and state[name].get(key) is not None:
                _send(sink, f"state/{key}/{name}", OPTIMISER_STATE, to_numpy(state[name][key]), after)


def _send(sink: Sink, name: str, kind: str, array: np.ndarray, formula: str) -> None:
    sink(NamedArray(name, kind, np.asarray(array), formula=formula))
