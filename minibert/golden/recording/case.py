"""One case of the ladder: inputs, and what they can show."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from minibert.golden.recording.record import record
from minibert.golden.recording.training_steps import Training
from minibert.models.files import PreTrainedModel


@dataclass(frozen=True)
class Case:
    """Inputs, and what they can show.

    Attributes:
        name: "one_token", "padded_batch", "head_BertForMaskedLM", "training_step_10", ...
        detects, misses: in words, what a wrong port fails here and what it may still pass with.
        inputs: of the call.
        backward: whether gradients are recorded.
        training: the steps of a training case.
        text, text_pair: what the inputs were made of, where there is a tokenizer.
        make: gives the model.
        model: the model to record, made when it is asked for.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6), seed=0)
        >>> case = mb.golden.cases(model)[0]
        >>> case.name, case.inputs["input_ids"].shape
        ('one_token', (1, 1))
        >>> print(case.detects)
        embeddings, LayerNorm and its epsilon, values, feed-forward and GELU, residuals, layer order
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     case.record(f"{folder}/case.safetensors").name
        'case.safetensors'
    """

    name: str
    detects: str
    misses: str
    inputs: dict[str, Any]
    make: Callable[[], PreTrainedModel] = field(repr=False)
    backward: bool = False
    training: Training | None = None
    text: Any = None
    text_pair: Any = None

    @cached_property
    def model(self) -> PreTrainedModel:
        """The model of the case; those of heads share the encoder of the one that the ladder was asked for."""
        return self.make()

    def record(self, path: str | os.PathLike[str], tokenizer: Any = None, **options: Any) -> Path:
        """Record the case, see `minibert.golden.record`."""
        about = {"name": self.name, "detects": self.detects, "misses": self.misses}
        text = {"text": self.text, "text_pair": self.text_pair, "tokenizer": tokenizer} if tokenizer else {}
        return record(
            self.make(), self.inputs, path, self.backward, training=self.training, case=about, **text, **options
        )
