"""The tasks: what every family puts on top of its encoder, each as its difference from the one pass in `model.py`.

A task says what a call takes, in the documentation's order, and four things more: its head, its labels, what head and
loss make of the encoder's states, and the way back. A family's class names its encoder and, where it differs, its
head: see `bert.py`.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from minibert.backend import Array, move
from minibert.errors import ConfigError, InputError
from minibert.functional.losses import IGNORE_INDEX
from minibert.models.arguments import (
    ATTENTION_MASK,
    CACHE_POSITION,
    ENCODER_STATES,
    HEAD_MASK,
    INPUT_IDS,
    INPUTS_EMBEDS,
    OUTPUT,
    PAST_KEY_VALUES,
    POSITION_IDS,
    TEXT,
    TOKEN_TYPE_IDS,
    USE_CACHE,
    Argument,
    Call,
    takes,
)
from minibert.models.files import PreTrainedModel
from minibert.models.heads import Classifier, NextSentenceHead, RobertaClassificationHead
from minibert.models.inputs import Inputs, as_host, check_labels, check_logits_to_keep, check_problem_labels
from minibert.models.losses import (
    classification_loss,
    classification_loss_backward,
    next_token_loss,
    next_token_loss_backward,
    problem_loss,
    problem_loss_backward,
    span_loss,
    span_loss_backward,
)
from minibert.models.model import Encoded
from minibert.models.module import Linear, Module
from minibert.models.outputs import (
    BertForPreTrainingOutput,
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    MultipleChoiceModelOutput,
    NextSentencePredictorOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from minibert.trace import Backward, Run

Applied = tuple[Any, dict[str, Any]]  # an output, and which name of the trace each of its fields has
Gradients = tuple[Array | None, Array | None]  # of hidden (B, T, D) and of pooled (B, D)
TOKENS = "(batch, tokens)"


class TaskModel(PreTrainedModel):
    """An encoder under the family's prefix, and a head."""

    base_class: Any = None
    pooled = False  # whether the head reads the pooled output

    def build(self) -> None:
        within = (self.base_model_prefix, self.parameters)
        encoder = self.base_class(self.config, add_pooling_layer=self.pooled, _within=within)
        setattr(self, self.base_model_prefix, encoder)
        self.build_head()

    @property
    def base_model(self) -> Any:
        """The encoder under the head."""
        return getattr(self, self.base_model_prefix)

    def build_head(self) -> None:
        """Make the head's modules."""
        raise NotImplementedError

    def attach(self, head: Module) -> None:
        """Let the head be reached as an attribute by its path: `model.cls.predictions`, `model.lm_head`."""
        *outer, last = head.path.split(".")
        place: Any = self
        for name in outer:
            if not hasattr(place, name):
                setattr(place, name, SimpleNamespace())
            place = getattr(place, name)
        setattr(place, last, head)

    # what several tasks need

    def _labels(self, name: str, labels: Any, shape: tuple[int, ...], axes: str, classes: int) -> Array | None:
        return None if labels is None else move(check_labels(name, labels, shape, axes, classes), self.parameters.xp)

    def _classifier(self, classes: int, shape: str, source: str) -> Classifier:
        config = self.config
        p = config.classifier_dropout_or_default
        return Classifier("classifier", self.parameters, config.hidden_size, classes, p, shape, source)


class LanguageModel(TaskModel):
    """A head over the vocabulary; its weight is the word embeddings' own where the configuration ties them."""

    lm_head_class: Any = None
    lm_head_path = ""

    def build_head(self) -> None:
        tied_to = self.base_model.word_embeddings_name if self.config.tie_word_embeddings else None
        self.lm_head_module = self.lm_head_class(self.lm_head_path, self.parameters, self.config, tied_to)
        self.attach(self.lm_head_module)

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """The index into (B, T) of the tokens whose logits are computed (None for all), and their labels."""
        tokens = inputs.tokens
        if isinstance(call.logits_to_keep, str) and call.logits_to_keep == "labels":
            targets = self._token_labels(call.labels, inputs, tokens)
            if targets is None:
                raise InputError("logits_to_keep is 'labels', but no labels were given.")
            places = self.parameters.xp.nonzero(targets != IGNORE_INDEX)
            kept = tuple(axis[None] for axis in places)  # (1, M) each: one row of all labelled tokens
            return kept, targets[kept]
        index = check_logits_to_keep(call.logits_to_keep, tokens)
        places = np.arange(tokens)[index]
        targets = self._token_labels(call.labels, inputs, len(places))
        if isinstance(index, slice) and len(places) == tokens:
            return None, targets
        return (slice(None), move(places, self.parameters.xp)), targets

    def _token_labels(self, labels: Any, inputs: Inputs, kept: int) -> Array | None:
        return self._labels("labels", labels, (inputs.batch, kept), TOKENS, self.config.vocab_size)

    def logits(self, hidden: Array, kept: Any, run: Run) -> Array:
        """hidden (B, T, D) -> logits (B, T, V) of the kept tokens."""
        run.save("logits_to_keep", (kept, hidden.shape))
        return self.lm_head_module.forward(hidden if kept is None else hidden[kept], run)

    def logits_backward(self, dlogits: Array | None, back: Backward) -> Array | None:
        """dlogits (B, T, V) of the kept tokens -> dhidden (B, T, D), zero at tokens that were not kept."""
        dkept = self.lm_head_module.backward(dlogits, back)
        kept, shape = back.saved("logits_to_keep")
        if dkept is None or kept is None:
            return dkept
        dhidden = self.parameters.xp.zeros(shape, dtype=dkept.dtype)
        rows, places = kept
        if not isinstance(rows, slice):
            dhidden[rows, places] = dkept
            return dhidden
        for i, place in enumerate(places.tolist()):  # a place may be named twice, and then both gradients count
            dhidden[:, place] += dkept[:, i]
        return dhidden


class MaskedLM(LanguageModel):
    """The tokens behind masks (Devlin et al. 2018, section 3.1, task 1)."""

    task = "masked-lm"
    forward = takes(
        "Predict every token.",
        *TEXT, *ENCODER_STATES,
        Argument("labels", "(B, T), the right token where it counts and -100 elsewhere; of the kept tokens only, "
                 "where logits_to_keep is given."),
        *OUTPUT,
        by_name=(
            Argument("logits_to_keep", "compute logits of the last n tokens, or of these places, only; 0 for all. "
                     "\"labels\" for the labelled tokens only, M of them: logits are (1, M, V) then, in reading order. "
                     "In training that saves most of the work over the vocabulary.", default=0),
        ),
        returns="MaskedLMOutput: loss, the mean cross entropy; logits (B, T, V).",
    )  # fmt: skip

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """hidden (B, T, D) -> logits (B, T, V), loss ()."""
        kept, targets = labels
        logits = self.logits(encoded.hidden, kept, run)
        loss = None if targets is None else classification_loss(logits, targets, run)
        return MaskedLMOutput(loss=loss, logits=logits), {"logits": self.lm_head_path}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> logits -> dhidden (B, T, D)."""
        return self.logits_backward(classification_loss_backward(back), back), None

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Every third token that is no padding counts; its own id is right."""
        return {"labels": _every_third(config, ids)}


class CausalLM(LanguageModel):
    """The next token, for a decoder: one whose tokens see themselves and those before them."""

    task = "causal-lm"
    needs: ClassVar[Mapping[str, Any]] = {"is_decoder": True}
    caches_with_labels = False  # a call with labels is training, which needs no cache
    forward = takes(
        "Predict every token's successor.",
        *TEXT, *ENCODER_STATES,
        Argument("labels", "(B, T), usually input_ids themselves, with -100 to leave a token out: the logits of a "
                 "token are compared with the label of the next one."),
        PAST_KEY_VALUES, USE_CACHE, *OUTPUT, CACHE_POSITION,
        by_name=(
            Argument("logits_to_keep", "compute logits of the last n tokens, or of these places, only; 0 for all.",
                     default=0),
        ),
        returns="CausalLMOutputWithCrossAttentions: loss, the mean cross entropy; logits (B, T, V).",
    )  # fmt: skip

    def generate(self, inputs: Any = None, **options: Any) -> Any:
        """Continue texts token by token: greedy, sampled or by beam search; see `minibert.generation.generate`."""
        from minibert.generation import generate

        return generate(self, inputs, **options)

    def prepare(self, call: Call) -> Inputs:
        """As every task, but a call with labels fills no cache."""
        if call.labels is not None and not self.caches_with_labels:
            call.use_cache = False
        return super().prepare(call)

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """As of every language model, but the next token's label is needed, so that all must be given."""
        if isinstance(call.logits_to_keep, str):
            raise InputError(f"logits_to_keep is {call.logits_to_keep!r}: a number or a list of places belongs there.")
        return super().read_labels(call, inputs)

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """hidden (B, T, D) -> logits (B, T, V), loss ()."""
        kept, targets = labels
        logits = self.logits(encoded.hidden, kept, run)
        loss = None if targets is None else next_token_loss(logits, targets, run)
        return CausalLMOutputWithCrossAttentions(loss=loss, logits=logits), {"logits": self.lm_head_path}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> logits -> dhidden (B, T, D)."""
        return self.logits_backward(next_token_loss_backward(back), back), None

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Every token but the padding."""
        return {"labels": np.where(ids == config.pad_token_id, IGNORE_INDEX, ids)}


class PreTraining(LanguageModel):
    """Masked tokens and next sentence at once (Devlin et al. 2018, section 3.1)."""

    task = "pre-training"
    pooled = True
    forward = takes(
        "Predict every token, and whether the second sentence follows the first.",
        *TEXT,
        Argument("labels", "(B, T), the right token where it counts and -100 elsewhere."),
        Argument("next_sentence_label", "(B,), 0 where the second sentence follows the first and 1 where it does not. "
                 "The loss, the sum of both, needs both labels."),
        *OUTPUT,
        by_name=(Argument("logits_to_keep", "as of BertForMaskedLM.", default=0),),
        returns="BertForPreTrainingOutput: loss; prediction_logits (B, T, V); seq_relationship_logits (B, 2).",
    )  # fmt: skip

    def build_head(self) -> None:
        super().build_head()
        self.seq_relationship = NextSentenceHead("cls.seq_relationship", self.parameters, self.config)
        self.attach(self.seq_relationship)

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """Of the tokens, as every language model, and of the pairs of sentences."""
        kept, targets = super().read_labels(call, inputs)
        name, shape = "next_sentence_label", (inputs.batch,)
        return kept, targets, self._labels(name, call.next_sentence_label, shape, "(batch,)", 2)

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """hidden (B, T, D), pooled (B, D) -> logits (B, T, V) and (B, 2), loss (): the sum of both."""
        kept, targets, follows = labels
        logits = self.logits(encoded.hidden, kept, run)
        relationship = self.seq_relationship.forward(encoded.pooled, run)
        loss = None
        if targets is not None and follows is not None:
            loss = classification_loss(logits, targets, run, "masked_lm_loss")
            loss = loss + classification_loss(relationship, follows, run, "next_sentence_loss")
            loss = run.record("loss", loss, "", "masked_lm_loss + next_sentence_loss")
        output = BertForPreTrainingOutput(loss=loss, prediction_logits=logits, seq_relationship_logits=relationship)
        return output, {"prediction_logits": self.lm_head_path, "seq_relationship_logits": self.seq_relationship.path}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> both logits -> dhidden (B, T, D), dpooled (B, D); both terms of the sum get its whole gradient."""
        dloss = back.arrive("loss", None)
        dlogits = classification_loss_backward(back, "masked_lm_loss", dloss)
        drelationship = classification_loss_backward(back, "next_sentence_loss", dloss)
        return self.logits_backward(dlogits, back), self.seq_relationship.backward(drelationship, back)

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Every third token, and every second pair does not follow."""
        return {"labels": _every_third(config, ids), "next_sentence_label": np.arange(len(ids)) % 2}


def _every_third(config: Any, ids: np.ndarray) -> np.ndarray:
    third = np.broadcast_to(np.arange(ids.shape[-1]) % 3 == 0, ids.shape)
    return np.where(third & (ids != config.pad_token_id), ids, IGNORE_INDEX)


class NextSentencePrediction(TaskModel):
    """Whether the second sentence follows the first (Devlin et al. 2018, section 3.1, task 2)."""

    task = "next-sentence-prediction"
    pooled = reads_first_token = True
    forward = takes(
        "Predict whether the second sentence follows the first.",
        *TEXT,
        Argument("labels", "(B,), 0 where it follows and 1 where it does not."),
        *OUTPUT,
        by_name=(Argument("next_sentence_label", "the old name of labels."),),
        returns="NextSentencePredictorOutput: loss, the mean cross entropy; logits (B, 2).",
    )  # fmt: skip

    def build_head(self) -> None:
        self.seq_relationship = NextSentenceHead("cls.seq_relationship", self.parameters, self.config)
        self.attach(self.seq_relationship)

    def prepare(self, call: Call) -> Inputs:
        """As every task, but the labels have two names."""
        if call.next_sentence_label is not None:
            if call.labels is not None:
                raise InputError("labels and next_sentence_label were given: they are two names of the same.")
            call.labels = call.next_sentence_label
        return super().prepare(call)

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """(B,) of 0 and 1, or None."""
        return self._labels("labels", call.labels, (inputs.batch,), "(batch,)", 2)

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """pooled (B, D) -> logits (B, 2), loss ()."""
        logits = self.seq_relationship.forward(encoded.pooled, run)
        loss = None if labels is None else classification_loss(logits, labels, run)
        return NextSentencePredictorOutput(loss=loss, logits=logits), {"logits": self.seq_relationship.path}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> logits -> dpooled (B, D)."""
        return None, self.seq_relationship.backward(classification_loss_backward(back), back)

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Every second pair does not follow."""
        return {"labels": np.arange(len(ids)) % 2}


class SequenceClassification(TaskModel):
    """A class, or a number, for the whole text (Devlin et al. 2018, section 4.1)."""

    task = "sequence-classification"
    pooled = reads_first_token = True
    forward = takes(
        "Classify every text.",
        *TEXT,
        Argument("labels", "by `config.problem_type`: integers (B,) for single-label classification (cross entropy), "
                 "reals (B, C) from 0 to 1 for multi-label classification (binary cross entropy), reals (B,) or (B, C) "
                 "for regression (mean squared error). Without a problem_type: one class means regression, otherwise "
                 "integers single-label and reals multi-label classification."),
        *OUTPUT,
        returns="SequenceClassifierOutput: loss; logits (B, C).",
    )  # fmt: skip
    classifier: Any
    classifier_output = "classifier"  # the trace name of the logits

    def build_head(self) -> None:
        self.classifier = self._classifier(self.config.num_labels, "B", "pooled")

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """The problem's name and the labels, or None."""
        if call.labels is None:
            return None
        problem, host = check_problem_labels(self.config, call.labels, inputs.batch)
        if problem == "single_label_classification":
            return problem, move(host, self.parameters.xp)
        return problem, move(host.copy(), self.parameters.xp, self.dtype)  # backward needs them as they are now

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """pooled (B, D) -> logits (B, C), loss ()."""
        logits = self.classifier.forward(encoded.pooled, run)
        loss = None if labels is None else problem_loss(labels[0], logits, labels[1], run)
        return SequenceClassifierOutput(loss=loss, logits=logits), {"logits": self.classifier_output}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> logits -> dpooled (B, D)."""
        return None, self.classifier.backward(problem_loss_backward(back), back)

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers from -1 to 1, every second class, or the classes in turn."""
        texts, classes = len(ids), config.num_labels
        if config.problem_type == "regression" or classes == 1:
            return {"labels": np.linspace(-1.0, 1.0, texts * classes).reshape(texts, classes)}
        if config.problem_type == "multi_label_classification":
            return {"labels": (np.arange(texts * classes) % 2).astype(np.float64).reshape(texts, classes)}
        return {"labels": np.arange(texts) % classes}


class FirstTokenClassification(SequenceClassification):
    """Sequence classification whose head reads the first token itself, without the pooler: RoBERTa's."""

    pooled = False
    classifier_class = RobertaClassificationHead
    classifier_output = "classifier.out_proj"

    def build_head(self) -> None:
        config = self.config
        p = config.classifier_dropout_or_default
        self.classifier = self.classifier_class("classifier", self.parameters, config, config.num_labels, p)

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """hidden (B, T, D) -> logits (B, C), loss ()."""
        return super().apply_head(encoded._replace(pooled=encoded.hidden), labels, run)

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> logits -> dhidden (B, T, D)."""
        _, dhidden = super().head_backward(back)
        return dhidden, None


class MultipleChoice(TaskModel):
    """The best of several texts: one number a text, a softmax over the choices (Devlin et al. 2018, section 4.4)."""

    task = "multiple-choice"
    pooled = reads_first_token = True
    reads_choices = True
    forward = takes(
        "Choose among texts.",
        INPUT_IDS._replace(meaning="(B, choices, T) ids of tokens; or give inputs_embeds."),
        ATTENTION_MASK._replace(meaning="(B, choices, T) or (B, choices, T, T), 1 for tokens to attend to and 0 for "
                                "padding."),
        TOKEN_TYPE_IDS._replace(meaning="(B, choices, T), 0 in the first and 1 in the second sentence."),
        POSITION_IDS._replace(meaning="(B, choices, T) places in the position table; counted from the start by "
                              "default."),
        HEAD_MASK,
        INPUTS_EMBEDS._replace(meaning="(B, choices, T, D) word vectors in place of input_ids (RemBERT: "
                               "(B, choices, T, E))."),
        Argument("labels", "(B,), the number of the right choice."),
        *OUTPUT,
        returns="MultipleChoiceModelOutput: loss, the mean cross entropy; logits (B, choices).",
    )  # fmt: skip

    def build_head(self) -> None:
        self.classifier = self._classifier(1, "B", "pooled")

    def prepare(self, call: Call) -> Inputs:
        """(B, choices, T, ...) -> as many texts of their own."""
        call.choices = 1
        for name in ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds"):
            value = getattr(call, name)
            if value is None:
                continue
            array = as_host(name, value)
            wanted = (4,) if name == "inputs_embeds" else (3, 4) if name == "attention_mask" else (3,)
            if array.ndim not in wanted:
                axes = "(batch, choices, tokens, width)" if name == "inputs_embeds" else "(batch, choices, tokens)"
                raise InputError(f"{name} has shape {array.shape}: {axes} belongs there.")
            if name in ("input_ids", "inputs_embeds"):
                call.choices = max(array.shape[1], 1)
            setattr(call, name, array.reshape(-1, *array.shape[2:]))
        return super().prepare(call)

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """(B, choices), the logits' shape, and the right choices (B,) or None."""
        batch = inputs.batch // call.choices
        return (batch, call.choices), self._labels("labels", call.labels, (batch,), "(batch,)", call.choices)

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """pooled (B choices, D) -> logits (B, choices), loss ()."""
        shape, right = labels
        logits = self.classifier.forward(encoded.pooled, run).reshape(shape)
        logits = run.record("logits", logits, "B choices", "classifier, a row for every question")
        loss = None if right is None else classification_loss(logits, right, run)
        return MultipleChoiceModelOutput(loss=loss, logits=logits), {"logits": "logits"}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> logits -> dpooled (B choices, D)."""
        dlogits = back.arrive("logits", classification_loss_backward(back))
        dlogits = None if dlogits is None else dlogits.reshape(-1, 1)
        return None, self.classifier.backward(dlogits, back)

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """The choices in turn; ids are (B, choices, T)."""
        return {"labels": np.arange(len(ids)) % ids.shape[1]}


class TokenClassification(TaskModel):
    """A class for every token (Devlin et al. 2018, section 5.3)."""

    task = "token-classification"
    forward = takes(
        "Classify every token.",
        *TEXT, Argument("labels", "(B, T), a class or -100 to leave a token out."), *OUTPUT,
        returns="TokenClassifierOutput: loss, the mean cross entropy; logits (B, T, C).",
    )  # fmt: skip

    def build_head(self) -> None:
        self.classifier = self._classifier(self.config.num_labels, "B T", "hidden")

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """(B, T) of classes and -100, or None."""
        return self._labels("labels", call.labels, (inputs.batch, inputs.tokens), TOKENS, self.config.num_labels)

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """hidden (B, T, D) -> logits (B, T, C), loss ()."""
        logits = self.classifier.forward(encoded.hidden, run)
        loss = None if labels is None else classification_loss(logits, labels, run)
        return TokenClassifierOutput(loss=loss, logits=logits), {"logits": "classifier"}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> logits -> dhidden (B, T, D)."""
        return self.classifier.backward(classification_loss_backward(back), back), None

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """The classes in turn, padding left out."""
        classes = np.broadcast_to(np.arange(ids.shape[-1]) % config.num_labels, ids.shape)
        return {"labels": np.where(ids == config.pad_token_id, IGNORE_INDEX, classes)}


class QuestionAnswering(TaskModel):
    """Where in the text the answer starts and ends (Devlin et al. 2018, section 4.2)."""

    task = "question-answering"
    needs: ClassVar[Mapping[str, Any]] = {"num_labels": 2}
    forward = takes(
        "Mark the answer.",
        *TEXT,
        Argument("start_positions", "(B,), the token where the answer starts. A place at or after the end of the text "
                 "is ignored, a negative one counts as 0; the loss needs both places."),
        Argument("end_positions", "(B,), the token where the answer ends; as start_positions."),
        *OUTPUT,
        returns="QuestionAnsweringModelOutput: loss, the mean of both cross entropies; start_logits and end_logits "
        "(B, T).",
    )  # fmt: skip

    def build_head(self) -> None:
        config = self.config
        if config.num_labels != 2:
            raise ConfigError(
                f"{type(self).__name__} needs num_labels=2, a start and an end: "
                f"the configuration has {config.num_labels}."
            )
        self.qa_outputs = Linear("qa_outputs", self.parameters, config.hidden_size, 2, "B T C", "hidden Wᵀ + b")

    def read_labels(self, call: Call, inputs: Inputs) -> Any:
        """Starts and ends (B,), each None where it was not given."""
        starts = self._places("start_positions", call.start_positions, inputs)
        return starts, self._places("end_positions", call.end_positions, inputs)

    def _places(self, name: str, places: Any, inputs: Inputs) -> Array | None:
        """(B,) or (B, 1) of integers -> (B,) in 0..T, where T means outside the text."""
        if places is None:
            return None
        host = as_host(name, places)
        if host.shape not in ((inputs.batch,), (inputs.batch, 1)) or host.dtype.kind not in "iu":
            raise InputError(
                f"{name} has shape {host.shape} and dtype {host.dtype}: integers, ({inputs.batch},), belong there."
            )
        return move(np.clip(host.reshape(-1).astype(np.int64), 0, inputs.tokens), self.parameters.xp)

    def apply_head(self, encoded: Encoded, labels: Any, run: Run) -> Applied:
        """hidden (B, T, D) -> start and end logits (B, T), loss ()."""
        xp, (starts, ends) = self.parameters.xp, labels
        logits = self.qa_outputs.forward(encoded.hidden, run)
        start = run.record("start_logits", xp.ascontiguousarray(logits[..., 0]), "B T", "qa_outputs[..., 0]")
        end = run.record("end_logits", xp.ascontiguousarray(logits[..., 1]), "B T", "qa_outputs[..., 1]")
        loss = None if starts is None or ends is None else span_loss(start, end, starts, ends, run)
        output = QuestionAnsweringModelOutput(loss=loss, start_logits=start, end_logits=end)
        return output, {"start_logits": "start_logits", "end_logits": "end_logits"}

    def head_backward(self, back: Backward) -> Gradients:
        """loss -> start and end logits, side by side again -> dhidden (B, T, D)."""
        dstart, dend = span_loss_backward(back)
        dstart, dend = back.arrive("start_logits", dstart), back.arrive("end_logits", dend)
        dlogits = None
        if dstart is not None or dend is not None:
            xp = self.parameters.xp
            zero = xp.zeros_like(dstart if dstart is not None else dend)
            dlogits = xp.stack((zero if dstart is None else dstart, zero if dend is None else dend), axis=-1)
        return self.qa_outputs.backward(dlogits, back), None

    @classmethod
    def example_labels(cls, config: Any, ids: np.ndarray) -> dict[str, np.ndarray]:
        """The places in turn; the answer has two tokens."""
        texts, tokens = ids.shape
        return {"start_positions": np.arange(texts) % tokens, "end_positions": (np.arange(texts) + 1) % tokens}
