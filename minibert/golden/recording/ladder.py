"""The case ladder: inputs that each can detect what the one before could not, and say so.

Climb it from the bottom: a port that fails at one token need not be asked about padding.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minibert.files.output import output_file
from minibert.golden.errors import GoldenError
from minibert.golden.packs.manifest import canonical
from minibert.golden.recording.case import Case
from minibert.golden.recording.case_inputs import CaseInputs, as_choices
from minibert.golden.recording.family import bare_class, head_classes, sibling
from minibert.golden.recording.training_steps import Training
from minibert.models.files import PreTrainedModel

INDEX = "ladder.json"
Load = Callable[[type[PreTrainedModel]], PreTrainedModel]


def cases(model: PreTrainedModel, tokenizer: Any = None, *, load: Load | None = None) -> list[Case]:
    """The ladder for a model, from one token to ten steps of training.

    Args:
        model: any model of minibert.
        tokenizer: its tokenizer; without one the token ids are drawn from a fixed seed.
        load: class -> model, for the heads; by default each shares this model's encoder, and what its head lacks is
            drawn from seed 0.

    Returns:
        The cases, the easiest first; nothing has been recorded yet.

    Raises:
        GoldenError: it is not a model of minibert.

    >>> import minibert as mb
    >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2,
    ...                                    intermediate_size=6))
    >>> [case.name for case in cases(model)][:4]
    ['one_token', 'two_tokens', 'sentence', 'pair']
    """
    if not isinstance(model, PreTrainedModel):
        raise GoldenError(f"the ladder is for a model of minibert, not for a {type(model).__name__}.")
    ladder = _Ladder(model, tokenizer, load)
    return [*ladder.passes(), *ladder.heads(), *ladder.training()]


def record_ladder(
    model: PreTrainedModel,
    folder: str | os.PathLike[str],
    tokenizer: Any = None,
    *,
    load: Load | None = None,
    **options: Any,
) -> list[Path]:
    """Record every case as FOLDER/01_one_token.safetensors and so on, with an index, ladder.json.

    Args:
        model, tokenizer, load: as of `cases`.
        folder: made if it is not there.
        options: of `record`, such as `command`.

    Returns:
        The packs' paths, in the order of the ladder.

    Raises:
        GoldenError: the folder cannot be made; else as `record`.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertModel(mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1,
        ...                                    num_attention_heads=2, intermediate_size=6,
        ...                                    max_position_embeddings=8), seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     paths = mb.golden.record_ladder(model, folder)
        ...     print(paths[0].name, len(paths) == len(mb.golden.cases(model)))
        01_one_token.safetensors True
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as reason:
        raise GoldenError(f"{folder} cannot be made: {reason.strerror}.") from None
    rows, paths = [], []
    for number, case in enumerate(cases(model, tokenizer, load=load), 1):
        path = folder / f"{number:02d}_{case.name}.safetensors"
        paths.append(case.record(path, tokenizer, **options))
        rows.append({"file": path.name, "name": case.name, "detects": case.detects, "misses": case.misses})
    with output_file(folder / INDEX) as file:
        file.write((canonical(rows).replace("},{", "},\n{") + "\n").encode("utf-8"))
    return paths


class _Ladder:
    """The cases of one model."""

    def __init__(self, model: PreTrainedModel, tokenizer: Any, load: Load | None) -> None:
        self.given, self.tokenizer, self.load = model, tokenizer, load
        # choices have an axis of their own, so that the passes are the bare encoder's
        self.model = sibling(model, bare_class(model)) if model.reads_choices else model
        self.inputs = CaseInputs(self.model, tokenizer)

    def passes(self) -> Iterator[Case]:
        """Forward passes of the model itself, from one token to the longest text."""
        yield self._pass(
            "one_token",
            "embeddings, LayerNorm and its epsilon, values, feed-forward and GELU, residuals, layer order",
            "nothing in attention but its values: the softmax of one score is 1 whatever query, key, scale and mask "
            "are; no position but the first; no mix-up of tokens or texts",
            self.inputs.one_text(1),
        )
        yield self._pass(
            "two_tokens",
            "query, key, scale and softmax; how heads are split and merged; the second position",
            "masks and padding; token types; mix-ups of texts; axes that are exchanged where both have two entries",
            self.inputs.one_text(2),
        )
        yield self._sentence()
        yield self._pair()
        yield self._padded_batch()
        yield self._masked_row()
        yield self._pass(
            "maximal_length",
            "the last row of the position table, overflow and lost digits in long sums",
            "padding and token types; nothing that depends on more than one text",
            self.inputs.one_text(self.inputs.longest),
        )

    def _pass(self, name: str, detects: str, misses: str, inputs: dict[str, Any], **more: Any) -> Case:
        return Case(name, detects, misses, inputs, lambda: self.model, **more)

    def _sentence(self) -> Case:
        inputs, text = self.inputs.sentence()
        labels = self.model.example_labels(self.model.config, np.asarray(inputs["input_ids"]))
        return self._pass(
            "sentence",
            "everything in one text: positions, all heads, axes exchanged (tokens, heads and widths differ); with "
            "gradients where the class has a loss",
            "masks and padding; token types; mix-ups of texts",
            {**inputs, **labels},
            backward=bool(labels),
            text=text,
        )

    def _pair(self) -> Case:
        inputs, text, pair = self.inputs.pair()
        return self._pass(
            "pair",
            "token types that are ignored or swapped"
            if self.model.config.type_vocab_size > 1
            else "how two texts are joined (this model has one token type)",
            "masks and padding; mix-ups of texts",
            inputs,
            text=text,
            text_pair=pair,
        )

    def _padded_batch(self) -> Case:
        inputs, text = self.inputs.batch()
        return self._pass(
            "padded_batch",
            "an attention mask that is ignored, inverted or of a small value; texts mixed up; positions counted over "
            "padding",
            "what happens to a text that is masked wholly",
            inputs,
            text=text,
        )

    def _masked_row(self) -> Case:
        return self._pass(
            "masked_row",
            "minus infinity as the mask value, which gives NaN; a mask value so small that scores show through: "
            "with the least finite number all keys weigh the same",
            "whether a mask that hides only a part is right",
            self.inputs.masked_row(),
        )

    def heads(self) -> Iterator[Case]:
        """Every head class of the family, with a loss and all gradients."""
        for made in head_classes(self.given):
            yield self._head(made)

    def _head(self, made: type[PreTrainedModel]) -> Case:
        name = made.__name__
        inputs = self.inputs.padded([6, 4])
        if made.reads_choices:
            inputs = as_choices(inputs)
        inputs.update(made.example_labels(self.given.config, inputs["input_ids"]))
        return Case(
            f"head_{name}",
            f"the head of {name}, its loss, and the gradients of all parameters and intermediates",
            "dropout, which is off; losses of other problem types; the optimiser",
            inputs,
            lambda: self._make(made),
            backward=True,
        )

    def _make(self, made: type[PreTrainedModel]) -> PreTrainedModel:
        """The given model, if it is of this class; else one with its encoder."""
        if type(self.given) is made:
            return self.given
        return self.load(made) if self.load is not None else sibling(self.given, made)

    def training(self) -> Iterator[Case]:
        """One step and ten of AdamW, with the optimiser's state."""
        inputs = self.inputs.padded([6, 4])
        made, labels = self._trained_class(inputs["input_ids"])
        inputs.update(labels)
        yield Case(
            "training_step_1",
            "clipping, the first step of AdamW, which parameters are decayed",
            "bias corrections after the first step; dropout; schedules",
            inputs,
            lambda: self._make(made),
            training=Training(1),
        )
        yield Case(
            "training_step_10",
            "AdamW's two averages and their bias corrections over time; small errors that add up",
            "dropout and schedules",
            inputs,
            lambda: self._make(made),
            training=Training(10),
        )

    def _trained_class(self, ids: np.ndarray) -> tuple[type[PreTrainedModel], dict[str, np.ndarray]]:
        """The given model's class if it has a loss of plain texts, else the masked language model; and its labels."""
        own = type(self.given)
        labels = {} if own.reads_choices else own.example_labels(self.given.config, ids)
        if labels:
            return own, labels
        masked = next(made for made in head_classes(self.given) if made.task == "masked-lm")
        return masked, masked.example_labels(self.given.config, ids)
