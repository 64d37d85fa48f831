"""The tasks: what every family puts on top of its encoder, written once.

A family's class names its encoder and, where it differs, its head: see `bert.py`. Every task reads: check the
inputs and labels, encode, apply the head, compute the loss; and its backward the same steps in reverse.
The arguments shared with the encoder are explained at `BertModel.forward`.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np

from minibert.backend import Array, move
from minibert.errors import ConfigError, InputError
from minibert.functional.losses import IGNORE_INDEX
from minibert.models.files import PreTrainedModel
from minibert.models.encoder import StackOutputs
from minibert.models.heads import Classifier, RobertaClassificationHead
from minibert.models.inputs import Inputs, as_host, check_labels, check_logits_to_keep
from minibert.models.module import Linear, Module
from minibert.models.losses import (
    ProblemType,
    classification_loss,
    classification_loss_backward,
    next_token_loss,
    next_token_loss_backward,
    problem_loss_backward,
    span_loss,
    span_loss_backward,
)
from minibert.models.outputs import (
    BertForPreTrainingOutput,
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    ModelOutput,
    MultipleChoiceModelOutput,
    NextSentencePredictorOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)
from minibert.trace import Backward, Edits, Run, Trace

TOKENS = "(batch, tokens)"


class TaskModel(PreTrainedModel):
    """An encoder under the family's prefix, and a head."""

    base_class: Any = None
    pooled = False  # whether the head reads the pooled output

    def build(self) -> None:
        self.base_model = self.base_class(
            self.config, add_pooling_layer=self.pooled, _within=(self.base_model_prefix, self.parameters)
        )
        setattr(self, self.base_model_prefix, self.base_model)
        self.build_head()

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

    def _encode(
        self,
        inputs: Inputs,
        trace: Trace | None,
        edits: Edits | None,
        output_attentions: bool | None,
        output_hidden_states: bool | None,
    ) -> tuple[Run, StackOutputs, Array | None]:
        run = self._start(trace, edits)
        wanted = self.wanted(output_hidden_states, output_attentions)
        return run, *self.base_model.encode(inputs, run, *wanted)

    def _conclude(
        self,
        output: ModelOutput,
        inputs: Inputs,
        states: StackOutputs,
        run: Run,
        names: dict[str, Any],
        return_dict: bool | None,
    ) -> Any:
        """The output with the encoder's states added, in the form asked for."""
        output.hidden_states = states.hidden_states or None  # type: ignore[attr-defined]
        output.attentions = states.attentions or None  # type: ignore[attr-defined]
        if isinstance(output, CausalLMOutputWithCrossAttentions):
            output.cross_attentions = states.cross_attentions or None
            output.past_key_values = inputs.stack.cache
        names = {**self.base_model.stack_names(inputs, run), "loss": "loss", **names}
        return self._finish(output, run, names, return_dict)


class _LMTask(TaskModel):
    """A head over the vocabulary; its weight is the word embeddings' own where the configuration ties them."""

    lm_head_class: Any = None
    lm_head_path = ""

    def build_head(self) -> None:
        tied_to = self.base_model.word_embeddings_name if self.config.tie_word_embeddings else None
        self.lm_head_module = self.lm_head_class(self.lm_head_path, self.parameters, self.config, tied_to)
        self.attach(self.lm_head_module)

    def _check_token_labels(self, labels: Any, inputs: Inputs, kept: int) -> Array | None:
        if labels is None:
            return None
        host = check_labels("labels", labels, (inputs.batch, kept), TOKENS, self.config.vocab_size)
        return move(host, self.parameters.xp)

    def _kept_tokens(self, logits_to_keep: Any, labels: Any, inputs: Inputs) -> tuple[Any, Array | None]:
        """The index into (B, T) of the tokens whose logits are computed (None for all), and their labels."""
        tokens = inputs.tokens
        if isinstance(logits_to_keep, str) and logits_to_keep == "labels":
            targets = self._check_token_labels(labels, inputs, tokens)
            if targets is None:
                raise InputError("logits_to_keep is 'labels', but no labels were given.")
            places = self.parameters.xp.nonzero(targets != IGNORE_INDEX)
            kept = tuple(axis[None] for axis in places)  # (1, M) each: one row of all labelled tokens
            return kept, targets[kept]
        index = check_logits_to_keep(logits_to_keep, tokens)
        if isinstance(index, slice):
            count = len(range(*index.indices(tokens)))
            whole = count == tokens
            places = np.arange(tokens)[index]
        else:
            count, whole, places = len(index), False, index
        targets = self._check_token_labels(labels, inputs, count)
        if whole:
            return None, targets
        return (slice(None), move(places, self.parameters.xp)), targets

    def _logits(self, hidden: Array, kept: Any, run: Run) -> Array:
        """hidden (B, T, D) -> logits (B, T, V) of the kept tokens."""
        run.save("logits_to_keep", (kept, hidden.shape))
        return self.lm_head_module.forward(hidden if kept is None else hidden[kept], run)

    def _logits_backward(self, dlogits: Array | None, back: Backward) -> Array | None:
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


class MaskedLM(_LMTask):
    """The tokens behind masks."""

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None,
        labels: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        *,
        logits_to_keep: Any = 0,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Predict every token.

        Args:
            labels: (B, T), the right token where it counts and -100 elsewhere; of the kept tokens only, where
                logits_to_keep is given.
            logits_to_keep: compute logits of the last n tokens, or of these places, only; 0 for all. "labels" for
                the labelled tokens only, M of them: logits are (1, M, V) then, in reading order. In training that
                saves most of the work over the vocabulary.

        Returns:
            MaskedLMOutput: loss, the mean cross entropy; logits (B, T, V).
        """
        inputs = self.base_model.prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            encoder_hidden_states, encoder_attention_mask, own=trace is not None,
        )  # fmt: skip
        kept, targets = self._kept_tokens(logits_to_keep, labels, inputs)
        run, states, _ = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        logits = self._logits(states.hidden, kept, run)
        loss = None if targets is None else classification_loss(logits, targets, run)
        output = MaskedLMOutput(loss=loss, logits=logits)
        return self._conclude(output, inputs, states, run, {"logits": self.lm_head_path}, return_dict)

    def backward_from(self, back: Backward) -> None:
        """loss -> logits -> hidden -> embeddings."""
        dlogits = classification_loss_backward(back) if back.has("loss") else None
        self.base_model.encode_backward(self._logits_backward(dlogits, back), None, back)


class CausalLM(_LMTask):
    """The next token, for a decoder."""

    caches_with_labels = False  # a call with labels is training, which needs no cache

    def generate(self, inputs: Any = None, **options: Any) -> Any:
        """Continue texts token by token: greedy, sampled or by beam search; see `minibert.generation.generate`."""
        from minibert.generation import generate

        return generate(self, inputs, **options)

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None,
        labels: Any = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Any = None,
        *,
        logits_to_keep: Any = 0,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Predict every token's successor.

        Args:
            labels: (B, T), usually input_ids themselves, with -100 to leave a token out: the logits of a token are
                compared with the label of the next one.
            logits_to_keep: compute logits of the last n tokens, or of these places, only; 0 for all.

        Returns:
            CausalLMOutputWithCrossAttentions: loss, the mean cross entropy; logits (B, T, V).
        """
        inputs = self.base_model.prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            encoder_hidden_states, encoder_attention_mask, past_key_values,
            use_cache=False if labels is not None and not self.caches_with_labels else use_cache, own=trace is not None,
        )  # fmt: skip
        if isinstance(logits_to_keep, str):
            raise InputError(f"logits_to_keep is {logits_to_keep!r}: a number or a list of places belongs there.")
        kept, targets = self._kept_tokens(logits_to_keep, labels, inputs)
        run, states, _ = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        logits = self._logits(states.hidden, kept, run)
        loss = None if targets is None else next_token_loss(logits, targets, run)
        output = CausalLMOutputWithCrossAttentions(loss=loss, logits=logits)
        return self._conclude(output, inputs, states, run, {"logits": self.lm_head_path}, return_dict)

    def backward_from(self, back: Backward) -> None:
        """loss -> logits -> hidden -> embeddings."""
        dlogits = next_token_loss_backward(back) if back.has("loss") else None
        self.base_model.encode_backward(self._logits_backward(dlogits, back), None, back)


class _PooledTask(TaskModel):
    """A head over the pooled output; all of them take the same inputs."""

    pooled = True

    def _prepare(
        self,
        input_ids: Any,
        attention_mask: Any,
        token_type_ids: Any,
        position_ids: Any,
        head_mask: Any,
        inputs_embeds: Any,
        trace: Trace | None,
    ) -> Inputs:
        return self.base_model.prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            own=trace is not None,
        )  # fmt: skip


class PreTraining(_LMTask, _PooledTask):
    """Masked tokens and next sentence at once."""

    def build_head(self) -> None:
        super().build_head()
        self.seq_relationship = _next_sentence_head(self, "cls.seq_relationship")

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        labels: Any = None,
        next_sentence_label: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        *,
        logits_to_keep: Any = 0,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Predict every token, and whether the second sentence follows the first.

        Args:
            labels: (B, T), the right token where it counts and -100 elsewhere.
            next_sentence_label: (B,), 0 where the second sentence follows the first and 1 where it does not.
                The loss, the sum of both, needs both labels.
            logits_to_keep: as of BertForMaskedLM.

        Returns:
            BertForPreTrainingOutput: loss; prediction_logits (B, T, V); seq_relationship_logits (B, 2).
        """
        inputs = self._prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds, trace
        )
        kept, targets = self._kept_tokens(logits_to_keep, labels, inputs)
        follows = _check_next_sentence(self, "next_sentence_label", next_sentence_label, inputs.batch)
        run, states, pooled = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        logits = self._logits(states.hidden, kept, run)
        relationship = self.seq_relationship.forward(pooled, run)
        loss = None
        if targets is not None and follows is not None:
            loss = classification_loss(logits, targets, run, "masked_lm_loss")
            loss = loss + classification_loss(relationship, follows, run, "next_sentence_loss")
            loss = run.record("loss", loss, "", "masked_lm_loss + next_sentence_loss")
        output = BertForPreTrainingOutput(loss=loss, prediction_logits=logits, seq_relationship_logits=relationship)
        names = {"prediction_logits": self.lm_head_path, "seq_relationship_logits": self.seq_relationship.path}
        return self._conclude(output, inputs, states, run, names, return_dict)

    def backward_from(self, back: Backward) -> None:
        """loss -> both logits -> hidden and pooled -> embeddings; both terms of the sum get its whole gradient."""
        dlogits = drelationship = None
        if back.has("masked_lm_loss"):
            dloss = back.arrive("loss", None)
            dlogits = classification_loss_backward(back, "masked_lm_loss", dloss)
            drelationship = classification_loss_backward(back, "next_sentence_loss", dloss)
        dhidden = self._logits_backward(dlogits, back)
        self.base_model.encode_backward(dhidden, self.seq_relationship.backward(drelationship, back), back)


def _next_sentence_head(model: TaskModel, path: str) -> Linear:
    head = Linear(path, model.parameters, model.config.hidden_size, 2, "B C", "pooled Wᵀ + b")
    model.attach(head)
    return head


def _check_next_sentence(model: TaskModel, name: str, labels: Any, batch: int) -> Array | None:
    if labels is None:
        return None
    return move(check_labels(name, labels, (batch,), "(batch,)", 2), model.parameters.xp)


class NextSentencePrediction(_PooledTask):
    """Whether the second sentence follows the first."""

    def build_head(self) -> None:
        self.seq_relationship = _next_sentence_head(self, "cls.seq_relationship")

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        labels: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        *,
        next_sentence_label: Any = None,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Predict whether the second sentence follows the first.

        Args:
            labels: (B,), 0 where it follows and 1 where it does not. `next_sentence_label` is its old name.

        Returns:
            NextSentencePredictorOutput: loss, the mean cross entropy; logits (B, 2).
        """
        if next_sentence_label is not None:
            if labels is not None:
                raise InputError("labels and next_sentence_label were given: they are two names of the same.")
            labels = next_sentence_label
        inputs = self._prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds, trace
        )
        follows = _check_next_sentence(self, "labels", labels, inputs.batch)
        run, states, pooled = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        logits = self.seq_relationship.forward(pooled, run)
        loss = None if follows is None else classification_loss(logits, follows, run)
        output = NextSentencePredictorOutput(loss=loss, logits=logits)
        return self._conclude(output, inputs, states, run, {"logits": self.seq_relationship.path}, return_dict)

    def backward_from(self, back: Backward) -> None:
        """loss -> logits -> pooled -> embeddings."""
        dlogits = classification_loss_backward(back) if back.has("loss") else None
        self.base_model.encode_backward(None, self.seq_relationship.backward(dlogits, back), back)


class SequenceClassification(_PooledTask):
    """A class, or a number, for the whole text."""

    def build_head(self) -> None:
        config = self.config
        self.classifier: Any = Classifier(
            "classifier",
            self.parameters,
            config.hidden_size,
            config.num_labels,
            config.classifier_dropout_or_default,
            "B",
            "pooled",
        )

    def _classify(self, states: StackOutputs, pooled: Array | None, run: Run) -> Array:
        """(B, C) from the pooled output."""
        return self.classifier.forward(pooled, run)

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        labels: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        *,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Classify every text.

        Args:
            labels: by `config.problem_type`: integers (B,) for single-label classification (cross entropy), reals
                (B, C) from 0 to 1 for multi-label classification (binary cross entropy), reals (B,) or (B, C) for
                regression (mean squared error). Without a problem_type: one class means regression, otherwise
                integers single-label and reals multi-label classification.

        Returns:
            SequenceClassifierOutput: loss; logits (B, C).
        """
        inputs = self._prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds, trace
        )
        problem = None
        if labels is not None:
            problem = ProblemType(self.config, labels, inputs.batch, self.parameters.xp, self.dtype)
        run, states, pooled = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        logits = self._classify(states, pooled, run)
        loss = None if problem is None else problem.loss(logits, run)
        output = SequenceClassifierOutput(loss=loss, logits=logits)
        return self._conclude(output, inputs, states, run, {"logits": self.classifier_output}, return_dict)

    classifier_output = "classifier"

    def backward_from(self, back: Backward) -> None:
        """loss -> logits -> pooled -> embeddings."""
        dpooled = self.classifier.backward(problem_loss_backward(back), back)
        self.base_model.encode_backward(None, dpooled, back)


class FirstTokenClassification(SequenceClassification):
    """Sequence classification whose head reads the first token itself, without the pooler: RoBERTa's."""

    pooled = False
    classifier_class = RobertaClassificationHead
    classifier_output = "classifier.out_proj"

    def build_head(self) -> None:
        config = self.config
        self.classifier = self.classifier_class(
            "classifier", self.parameters, config, config.num_labels, config.classifier_dropout_or_default
        )

    def _classify(self, states: StackOutputs, pooled: Array | None, run: Run) -> Array:
        """(B, C) from the first token."""
        return self.classifier.forward(states.hidden, run)

    def backward_from(self, back: Backward) -> None:
        """loss -> logits -> hidden -> embeddings."""
        dhidden = self.classifier.backward(problem_loss_backward(back), back)
        self.base_model.encode_backward(dhidden, None, back)


class MultipleChoice(_PooledTask):
    """The best of several texts: one number a text, and a softmax over the choices."""

    def build_head(self) -> None:
        config = self.config
        p = config.classifier_dropout_or_default
        self.classifier = Classifier("classifier", self.parameters, config.hidden_size, 1, p, "B", "pooled")

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        labels: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        *,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Choose among texts.

        Args:
            input_ids: (B, choices, T), as are attention_mask, token_type_ids and position_ids; inputs_embeds is
                (B, choices, T, D).
            labels: (B,), the number of the right choice.

        Returns:
            MultipleChoiceModelOutput: loss, the mean cross entropy; logits (B, choices).
        """
        choices, flat = _flatten_choices(
            input_ids=input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
        )
        inputs = self._prepare(
            flat["input_ids"], flat["attention_mask"], flat["token_type_ids"], flat["position_ids"], head_mask,
            flat["inputs_embeds"], trace,
        )  # fmt: skip
        batch = inputs.batch // choices
        right = None
        if labels is not None:
            right = move(check_labels("labels", labels, (batch,), "(batch,)", choices), self.parameters.xp)
        run, states, pooled = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        logits = self.classifier.forward(pooled, run).reshape(batch, choices)
        logits = run.record("logits", logits, "B choices", "classifier, a row for every question")
        loss = None if right is None else classification_loss(logits, right, run)
        output = MultipleChoiceModelOutput(loss=loss, logits=logits)
        return self._conclude(output, inputs, states, run, {"logits": "logits"}, return_dict)

    def backward_from(self, back: Backward) -> None:
        """loss -> logits -> pooled -> embeddings."""
        dlogits = back.arrive("logits", classification_loss_backward(back) if back.has("loss") else None)
        dlogits = None if dlogits is None else dlogits.reshape(-1, 1)
        self.base_model.encode_backward(None, self.classifier.backward(dlogits, back), back)


def _flatten_choices(**inputs: Any) -> tuple[int, dict[str, Any]]:
    """(B, choices, T, ...) -> choices, and every input as (B · choices, T, ...)."""
    flat: dict[str, Any] = {}
    choices = 0
    for name, value in inputs.items():
        if value is None:
            flat[name] = None
            continue
        array = as_host(name, value)
        wanted = (4,) if name == "inputs_embeds" else (3, 4) if name == "attention_mask" else (3,)
        if array.ndim not in wanted:
            axes = "(batch, choices, tokens, width)" if name == "inputs_embeds" else "(batch, choices, tokens)"
            raise InputError(f"{name} has shape {array.shape}: {axes} belongs there.")
        if name in ("input_ids", "inputs_embeds"):
            choices = array.shape[1]
        flat[name] = array.reshape(-1, *array.shape[2:])
    return max(choices, 1), flat


class TokenClassification(TaskModel):
    """A class for every token."""

    def build_head(self) -> None:
        config = self.config
        self.classifier = Classifier(
            "classifier",
            self.parameters,
            config.hidden_size,
            config.num_labels,
            config.classifier_dropout_or_default,
            "B T",
            "hidden",
        )

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        labels: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        *,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Classify every token.

        Args:
            labels: (B, T), a class or -100 to leave a token out.

        Returns:
            TokenClassifierOutput: loss, the mean cross entropy; logits (B, T, C).
        """
        inputs = self.base_model.prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            own=trace is not None,
        )  # fmt: skip
        targets = None
        if labels is not None:
            shape = (inputs.batch, inputs.tokens)
            host = check_labels("labels", labels, shape, TOKENS, self.config.num_labels)
            targets = move(host, self.parameters.xp)
        run, states, _ = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        logits = self.classifier.forward(states.hidden, run)
        loss = None if targets is None else classification_loss(logits, targets, run)
        output = TokenClassifierOutput(loss=loss, logits=logits)
        return self._conclude(output, inputs, states, run, {"logits": "classifier"}, return_dict)

    def backward_from(self, back: Backward) -> None:
        """loss -> logits -> hidden -> embeddings."""
        dlogits = classification_loss_backward(back) if back.has("loss") else None
        self.base_model.encode_backward(self.classifier.backward(dlogits, back), None, back)


class QuestionAnswering(TaskModel):
    """Where in the text the answer starts and ends."""

    def build_head(self) -> None:
        config = self.config
        if config.num_labels != 2:
            raise ConfigError(
                f"{type(self).__name__} needs num_labels=2, a start and an end: "
                f"the configuration has {config.num_labels}."
            )
        self.qa_outputs = Linear(
            "qa_outputs", self.parameters, config.hidden_size, config.num_labels, "B T C", "hidden Wᵀ + b"
        )

    def forward(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        start_positions: Any = None,
        end_positions: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        *,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Mark the answer.

        Args:
            start_positions, end_positions: (B,), the tokens where the answer starts and ends. A place at or after
                the end of the text is ignored, a negative one counts as 0; the loss needs both.

        Returns:
            QuestionAnsweringModelOutput: loss, the mean of both cross entropies; start_logits and end_logits (B, T).
        """
        inputs = self.base_model.prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            own=trace is not None,
        )  # fmt: skip
        starts = self._check_places("start_positions", start_positions, inputs)
        ends = self._check_places("end_positions", end_positions, inputs)
        run, states, _ = self._encode(inputs, trace, edits, output_attentions, output_hidden_states)
        xp = self.parameters.xp
        logits = self.qa_outputs.forward(states.hidden, run)
        start = run.record("start_logits", xp.ascontiguousarray(logits[..., 0]), "B T", "qa_outputs[..., 0]")
        end = run.record("end_logits", xp.ascontiguousarray(logits[..., 1]), "B T", "qa_outputs[..., 1]")
        loss = None if starts is None or ends is None else span_loss(start, end, starts, ends, run)
        output = QuestionAnsweringModelOutput(loss=loss, start_logits=start, end_logits=end)
        names = {"start_logits": "start_logits", "end_logits": "end_logits"}
        return self._conclude(output, inputs, states, run, names, return_dict)

    def _check_places(self, name: str, places: Any, inputs: Inputs) -> Array | None:
        """(B,) or (B, 1) of integers -> (B,) in 0..T, where T means outside the text."""
        if places is None:
            return None
        host = as_host(name, places)
        if host.shape not in ((inputs.batch,), (inputs.batch, 1)) or host.dtype.kind not in "iu":
            raise InputError(
                f"{name} has shape {host.shape} and dtype {host.dtype}: integers, ({inputs.batch},), belong there."
            )
        return move(np.clip(host.reshape(-1).astype(np.int64), 0, inputs.tokens), self.parameters.xp)

    def backward_from(self, back: Backward) -> None:
        """loss -> start and end logits, side by side again -> hidden -> embeddings."""
        dstart, dend = span_loss_backward(back) if back.has("start_loss") else (None, None)
        dstart, dend = back.arrive("start_logits", dstart), back.arrive("end_logits", dend)
        dlogits = None
        if dstart is not None or dend is not None:
            xp = self.parameters.xp
            zero = xp.zeros_like(dstart if dstart is not None else dend)
            dlogits = xp.stack((zero if dstart is None else dstart, zero if dend is None else dend), axis=-1)
        self.base_model.encode_backward(self.qa_outputs.backward(dlogits, back), None, back)
