"""The case ladder: inputs that each can detect what the one before could not, and say so.

Climb it from the bottom: a port that fails at one token need not be asked about padding.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from minibert.files.output import output_file
from minibert.golden.errors import GoldenError
from minibert.golden.packs.manifest import canonical
from minibert.golden.recording.labels import labels_for
from minibert.golden.recording.record import record
from minibert.golden.recording.text import encode
from minibert.golden.recording.training_steps import Training
from minibert.models.files import PreTrainedModel

INDEX = "ladder.json"
_SENTENCE = "The dog that the cat chased ran home, and slept."
_PAIR = ("Where did the dog run?", "It ran home and slept there.")
_BATCH = ["A cat.", "The dog that the cat chased ran home.", "Birds sing at dawn."]
_CLASSES = {
    "bert": ["BertForPreTraining", "BertForMaskedLM", "BertLMHeadModel", "BertForNextSentencePrediction",
             "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification",
             "BertForQuestionAnswering"],
    "roberta": ["RobertaForMaskedLM", "RobertaForCausalLM", "RobertaForSequenceClassification",
                "RobertaForMultipleChoice", "RobertaForTokenClassification", "RobertaForQuestionAnswering"],
    "rembert": ["RemBertForMaskedLM", "RemBertForCausalLM", "RemBertForSequenceClassification",
                "RemBertForMultipleChoice", "RemBertForTokenClassification", "RemBertForQuestionAnswering"],
}  # fmt: skip
Load = Callable[[type[PreTrainedModel]], PreTrainedModel]


@dataclass(frozen=True)
class Case:
    """One rung: inputs, and what they can show.

    Attributes:
        name: "one_token", "padded_batch", "head_BertForMaskedLM", "training_step_10", ...
        detects, misses: in words, what a wrong port fails here and what it may still pass with.
        inputs: of the call.
        backward: whether gradients are recorded.
        training: the steps of a training case.
        model: the model to record, made when it is asked for.
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


def cases(model: PreTrainedModel, tokenizer: Any = None, *, load: Load | None = None) -> list[Case]:
    """The ladder for a model, from one token to ten steps of training.

    Args:
        model: any model of minibert.
        tokenizer: its tokenizer; without one the token ids are drawn from a fixed seed.
        load: class -> model, for the heads; by default each shares this model's encoder, and what its head lacks is
            drawn from seed 0.

    Raises:
        GoldenError: it is not a model of minibert.
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
        options: of `record`, such as `command`.

    Raises:
        GoldenError: the folder cannot be made; else as `record`.
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
    """What the cases of one model are made of."""

    def __init__(self, model: PreTrainedModel, tokenizer: Any, load: Load | None) -> None:
        self.given, self.tokenizer, self.load = model, tokenizer, load
        config = model.config
        self.pad = int(config.pad_token_id or 0)
        self.first = self.pad + 1 if config.model_type == "roberta" else 0
        self.longest = config.max_position_embeddings - self.first
        self.types = config.type_vocab_size > 1
        self.model = self._encoder()
        self.rng = np.random.default_rng(5)

    def _encoder(self) -> PreTrainedModel:
        """The model itself if it reads plain text, else the bare encoder: choices have an axis of their own."""
        return sibling(self.given, _bare(self.given)) if "Choice" in type(self.given).__name__ else self.given

    def ids(self, *shape: int) -> np.ndarray:
        """Token ids that are not padding."""
        free = [i for i in range(min(self.model.config.vocab_size, 30000)) if i != self.pad]
        return self.rng.choice(free, size=shape)

    def case(self, name: str, detects: str, misses: str, inputs: dict[str, Any], **more: Any) -> Case:
        """A case of the model itself."""
        return Case(name, detects, misses, inputs, more.pop("make", lambda: self.model), **more)

    def sentence(self, tokens: int) -> dict[str, Any]:
        """One text of this many tokens, or of the model's longest if that is less."""
        ids = self.ids(1, min(tokens, self.longest))
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)}

    def passes(self) -> Iterator[Case]:
        """Forward passes of the model itself, from one token to the longest text."""
        yield self.case(
            "one_token",
            "embeddings, LayerNorm and its epsilon, values, feed-forward and GELU, residuals, layer order",
            "nothing in attention but its values: the softmax of one score is 1 whatever query, key, scale and mask "
            "are; no position but the first; no mix-up of tokens or texts",
            self.sentence(1),
        )
        yield self.case(
            "two_tokens",
            "query, key, scale and softmax; how heads are split and merged; the second position",
            "masks and padding; token types; mix-ups of texts; axes that are exchanged where both have two entries",
            self.sentence(2),
        )
        yield self._sentence_case()
        yield self._pair_case()
        yield self._batch_case()
        yield self._masked_row_case()
        yield self.case(
            "maximal_length",
            "the last row of the position table, overflow and lost digits in long sums",
            "padding and token types; nothing that depends on more than one text",
            self.sentence(self.longest),
        )

    def _sentence_case(self) -> Case:
        inputs, text = self.sentence(9), None
        if self.tokenizer is not None:
            inputs, text = dict(encode(self.tokenizer, _SENTENCE)), _SENTENCE
        return self.case(
            "sentence",
            "everything in one text: positions, all heads, axes exchanged (tokens, heads and widths differ); with "
            "gradients where the class has a loss",
            "masks and padding; token types; mix-ups of texts",
            {**inputs, **labels_for(type(self.model).__name__, self.model.config, inputs["input_ids"])},
            backward=bool(labels_for(type(self.model).__name__, self.model.config, inputs["input_ids"])),
            text=text,
        )

    def _pair_case(self) -> Case:
        inputs, text, pair = self.sentence(10), None, None
        if self.tokenizer is not None:
            (text, pair) = _PAIR
            inputs = dict(encode(self.tokenizer, text, pair))
        elif self.types:
            tokens = inputs["input_ids"].shape[1]
            inputs["token_type_ids"] = (np.arange(tokens)[None] >= tokens // 2).astype(np.int64)
        return self.case(
            "pair",
            "token types that are ignored or swapped"
            if self.types
            else "how two texts are joined (this model has one token type)",
            "masks and padding; mix-ups of texts",
            inputs,
            text=text,
            text_pair=pair,
        )

    def _batch_case(self) -> Case:
        text: Any = None
        if self.tokenizer is not None:
            inputs, text = dict(encode(self.tokenizer, _BATCH)), _BATCH
        else:
            inputs = self._padded([3, 8, 5])
        return self.case(
            "padded_batch",
            "an attention mask that is ignored, inverted or of a small value; texts mixed up; positions counted over "
            "padding",
            "what happens to a text that is masked wholly",
            inputs,
            text=text,
        )

    def _padded(self, lengths: list[int]) -> dict[str, Any]:
        lengths = [min(length, self.longest) for length in lengths]
        ids = np.full((len(lengths), max(lengths)), self.pad)
        for row, length in zip(ids, lengths, strict=True):
            row[:length] = self.ids(length)
        return {"input_ids": ids, "attention_mask": (ids != self.pad).astype(np.int64)}

    def _masked_row_case(self) -> Case:
        inputs = self._padded([4, 4])
        inputs["attention_mask"] = inputs["attention_mask"] * np.array([[1], [0]])
        return self.case(
            "masked_row",
            "minus infinity as the mask value, which gives NaN; a mask value so small that scores show through: "
            "with the least finite number all keys weigh the same",
            "whether a mask that hides only a part is right",
            inputs,
        )

    def heads(self) -> Iterator[Case]:
        """Every head class of the family, with a loss and all gradients."""
        for name in _CLASSES[self.given.config.model_type]:
            yield self._head(name)

    def _class(self, name: str) -> type[PreTrainedModel]:
        import minibert

        return getattr(minibert, name)

    def _make(self, name: str) -> PreTrainedModel:
        made = self._class(name)
        if type(self.given) is made:
            return self.given
        return self.load(made) if self.load is not None else sibling(self.given, made)

    def _head(self, name: str) -> Case:
        inputs = self._padded([6, 4])
        if "Choice" in name:
            inputs = {key: np.stack([each, each[::-1]], axis=1) for key, each in inputs.items()}
        config = self.given.config
        inputs.update(labels_for(name, config, inputs["input_ids"]))
        return Case(
            f"head_{name}",
            f"the head of {name}, its loss, and the gradients of all parameters and intermediates",
            "dropout, which is off; losses of other problem types; the optimiser",
            inputs,
            lambda: self._make(name),
            backward=True,
        )

    def training(self) -> Iterator[Case]:
        """One step and ten of AdamW, with the optimiser's state."""
        own = type(self.given).__name__
        inputs = self._padded([6, 4])
        name = own if labels_for(own, self.given.config, inputs["input_ids"]) and "Choice" not in own else None
        name = name or _CLASSES[self.given.config.model_type][0 if self.given.config.model_type != "bert" else 1]
        inputs.update(labels_for(name, self.given.config, inputs["input_ids"]))
        for steps in (1, 10):
            yield Case(
                f"training_step_{steps}",
                "clipping, the first step of AdamW, which parameters are decayed"
                if steps == 1
                else "AdamW's two averages and their bias corrections over time; small errors that add up",
                "dropout and schedules" if steps > 1 else "bias corrections after the first step; dropout; schedules",
                inputs,
                lambda: self._make(name),
                training=Training(steps),
            )


def _bare(model: PreTrainedModel) -> type[PreTrainedModel]:
    import minibert

    names = {"bert": "BertModel", "roberta": "RobertaModel", "rembert": "RemBertModel"}
    return getattr(minibert, names[model.config.model_type])


def overrides_for(class_name: str) -> dict[str, Any]:
    """Fields of the configuration that a class cannot do without."""
    if class_name.endswith(("CausalLM", "LMHeadModel")):
        return {"is_decoder": True, "use_cache": False}
    if class_name.endswith("QuestionAnswering"):
        return {"num_labels": 2, "id2label": {0: "LABEL_0", 1: "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
    return {}


def sibling(model: PreTrainedModel, made: type[PreTrainedModel]) -> PreTrainedModel:
    """A model of another class of the family with the same encoder; what else it has is drawn from seed 0."""
    fields = {**model.config.to_dict(), **overrides_for(made.__name__)}
    own = made(type(model.config).from_dict(fields), dtype=model.dtype, backend=model.backend, _new=False)
    prefix = f"{model.base_model_prefix}."
    arrays = {name.removeprefix(prefix): array for name, array in model.parameters.items()}
    for name, shape in own.parameters.shapes.items():
        array = arrays.get(name.removeprefix(prefix))
        if array is not None and array.shape == shape:
            own.parameters[name] = array
    fresh = [name for name in own.parameters.shapes if name not in own.parameters]
    own.parameters.initialise(fresh, 0, own.config.initializer_range)
    return own
