"""BERT (Devlin et al. 2018): the encoder itself, and what its task classes are made of.

RoBERTa and RemBERT are written as their difference from this file.
"""

from typing import Any

import numpy as np

from minibert.backend import Array
from minibert.forms import step
from minibert.models.arguments import CACHE_POSITION, ENCODER_STATES, OUTPUT, PAST_KEY_VALUES, TEXT, USE_CACHE, takes
from minibert.models.config import BertConfig
from minibert.models.embeddings import Embeddings
from minibert.models.encoder import Encoder
from minibert.models.files import PreTrainedModel
from minibert.models.heads import BertLMHead
from minibert.models.inputs import Inputs
from minibert.models.model import Encoded
from minibert.models.outputs import BaseModelOutputWithPoolingAndCrossAttentions
from minibert.models.pooler import Pooler
from minibert.models.tasks import (
    CausalLM,
    MaskedLM,
    MultipleChoice,
    NextSentencePrediction,
    PreTraining,
    QuestionAnswering,
    SequenceClassification,
    TokenClassification,
)
from minibert.trace import Backward, Run


class BertPreTrainedModel(PreTrainedModel):
    """What BERT's classes share: the configuration and the encoder's name in checkpoints."""

    config_class: Any = BertConfig
    base_model_prefix = "bert"


class BertModel(BertPreTrainedModel):
    """The encoder (Devlin et al. 2018, section 3): embeddings, layers and, if wanted, the pooler over the first token.

    input_ids (B, T) -> last_hidden_state (B, T, D), pooler_output (B, D).

    As a decoder (`is_decoder=True`) its self-attention is causal; with `add_cross_attention=True` its layers also
    attend to `encoder_hidden_states`. What a call takes and raises stands at `forward`.

    Args:
        config: a `BertConfig`.
        add_pooling_layer: False leaves the pooler out, and pooler_output is None.
        options: of every model: `seed` of the new weights, `dtype` and `backend`, see `minibert.models.model.Model`.

    Raises:
        ConfigError: the configuration is of another family.
        InputError: an option has no such value.
        BackendError: the backend cannot be used here.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> mb.BertModel(config, seed=0)(input_ids=[[2, 7, 3]]).last_hidden_state.shape
        (1, 3, 8)
    """

    task = "encoder"
    forward = takes(
        "Run the encoder.", *TEXT, *ENCODER_STATES, PAST_KEY_VALUES, USE_CACHE, *OUTPUT, CACHE_POSITION,
        returns="BaseModelOutputWithPoolingAndCrossAttentions: last_hidden_state (B, T, D); pooler_output (B, D).",
    )  # fmt: skip

    def __init__(self, config: BertConfig, add_pooling_layer: bool = True, **options: Any) -> None:
        self.add_pooling_layer = add_pooling_layer
        super().__init__(config, **options)

    def build(self) -> None:
        self.embeddings = self.build_embeddings()
        self.encoder = self.build_encoder()
        self.pooler = Pooler(self.at("pooler"), self.parameters, self.config) if self.add_pooling_layer else None

    def build_embeddings(self) -> Embeddings:
        """The embeddings, as wide as the hidden layers."""
        return Embeddings(self.at("embeddings"), self.parameters, self.config, self.config.hidden_size)

    def build_encoder(self) -> Encoder:
        """The stack of layers."""
        return Encoder(self.at("encoder"), self.parameters, self.config)

    def embed(self, inputs: Inputs, run: Run) -> Array:
        """ids (B, T) -> what enters the layers (B, T, D)."""
        return self.embeddings.forward(
            inputs.input_ids,
            inputs.token_type_ids,
            inputs.position_ids,
            inputs.inputs_embeds,
            run,
            shared_positions=inputs.shared_positions,
        )

    @step
    def encode(self, inputs: Inputs, run: Run) -> Encoded:
        """ids (B, T) -> hidden (B, T, D) of the last layer, pooled (B, D) of the first token."""
        embedded = self.embed(inputs, run)
        states = self.encoder.forward(embedded, run, inputs.stack, inputs.keep_hidden, inputs.keep_attentions)
        pooled = None if self.pooler is None else self.pooler.forward(states.hidden, run)
        return Encoded(states.hidden, pooled, states)

    def encode_backward(self, dhidden: Array | None, dpooled: Array | None, back: Backward) -> None:
        """dhidden (B, T, D) of the layers' output, dpooled (B, D) of the pooled: down to the embeddings."""
        if self.pooler is not None:
            through_pooler = self.pooler.backward(dpooled, back)
            if through_pooler is not None:
                dhidden = through_pooler if dhidden is None else dhidden + through_pooler
        self.embeddings.backward(self.encoder.backward(dhidden, back), back)

    # positions, where none are given

    first_position = 0

    def default_positions(self, text: np.ndarray, past: int) -> np.ndarray:
        """text (B, T) of ids or (B, T, D) of vectors -> (T,): 0, 1, 2, ... after the cached tokens, for every text."""
        return np.arange(past, past + text.shape[1])

    # the encoder as a model of its own

    @property
    def base_model(self) -> "BertModel":
        """The model itself."""
        return self

    @property
    def word_embeddings_name(self) -> str:
        """The full name of the parameter that a language-model head may share."""
        return self.embeddings.word_embeddings.names["weight"]

    @property
    def stack_input_name(self) -> str:
        """The trace name of what enters the first layer."""
        return self.embeddings.path

    def apply_head(self, encoded: Encoded, labels: None, run: Run) -> tuple[Any, dict[str, Any]]:
        """No head: hidden (B, T, D) and pooled (B, D) as they are."""
        hidden, pooled, _ = encoded
        output = BaseModelOutputWithPoolingAndCrossAttentions(last_hidden_state=hidden, pooler_output=pooled)
        names = {"last_hidden_state": self.encoder.layer[-1].path}
        return output, names if self.pooler is None else {**names, "pooler_output": self.pooler.path}


class BertForPreTraining(BertPreTrainedModel, PreTraining):
    """Masked tokens and next sentence at once (Devlin et al. 2018, section 3.1): `cls.predictions` over every token,
    `cls.seq_relationship` over the pooled first one.

    input_ids (B, T) -> prediction_logits (B, T, V), seq_relationship_logits (B, 2), loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertForPreTraining(config, seed=0)
        >>> out = model(input_ids=[[2, 7, 3]], labels=[[-100, 8, -100]], next_sentence_label=[0])
        >>> out.prediction_logits.shape, out.seq_relationship_logits.shape, out.loss.shape
        ((1, 3, 30), (1, 2), ())
    """

    base_class = BertModel
    lm_head_class, lm_head_path = BertLMHead, "cls.predictions"


class BertLMHeadModel(BertPreTrainedModel, CausalLM):
    """The next token of a text, for a decoder (`is_decoder=True`).

    input_ids (B, T) -> logits (B, T, V); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertLMHeadModel(config.changed({"is_decoder": True}), seed=0)
        >>> model(input_ids=[[2, 7, 3]], labels=[[2, 7, 3]]).logits.shape
        (1, 3, 30)
        >>> model.generate([[2, 7, 3]], max_new_tokens=2).shape
        (1, 5)
    """

    base_class = BertModel
    lm_head_class, lm_head_path = BertLMHead, "cls.predictions"


class BertForMaskedLM(BertPreTrainedModel, MaskedLM):
    """The tokens behind [MASK] (Devlin et al. 2018, section 3.1, task 1).

    input_ids (B, T) -> logits (B, T, V); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> out = mb.BertForMaskedLM(config, seed=0)(input_ids=[[2, 7, 3]], labels=[[-100, 8, -100]])
        >>> out.logits.shape, out.loss.shape
        ((1, 3, 30), ())
    """

    base_class = BertModel
    lm_head_class, lm_head_path = BertLMHead, "cls.predictions"


class BertForNextSentencePrediction(BertPreTrainedModel, NextSentencePrediction):
    """Whether the second sentence follows the first (Devlin et al. 2018, section 3.1, task 2).

    input_ids (B, T) -> logits (B, 2), for "follows" and "does not"; with labels (B,) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertForNextSentencePrediction(config, seed=0)
        >>> model(input_ids=[[2, 7, 3, 8, 3]], token_type_ids=[[0, 0, 0, 1, 1]], labels=[0]).logits.shape
        (1, 2)
    """

    base_class = BertModel


class BertForSequenceClassification(BertPreTrainedModel, SequenceClassification):
    """A class, or a number, for the whole text (Devlin et al. 2018, section 4.1).

    input_ids (B, T) -> logits (B, C); with labels (B,), or (B, C) for several at once, loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertForSequenceClassification(config.changed({"num_labels": 3}), seed=0)
        >>> model(input_ids=[[2, 7, 3], [2, 8, 3]], labels=[0, 2]).logits.shape
        (2, 3)
    """

    base_class = BertModel


class BertForMultipleChoice(BertPreTrainedModel, MultipleChoice):
    """The best of several texts (Devlin et al. 2018, section 4.4).

    input_ids (B, choices, T) -> logits (B, choices); with labels (B,) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertForMultipleChoice(config, seed=0)
        >>> model(input_ids=[[[2, 7, 3], [2, 8, 3]]], labels=[1]).logits.shape
        (1, 2)
    """

    base_class = BertModel


class BertForTokenClassification(BertPreTrainedModel, TokenClassification):
    """A class for every token (Devlin et al. 2018, section 5.3).

    input_ids (B, T) -> logits (B, T, C); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertForTokenClassification(config.changed({"num_labels": 5}), seed=0)
        >>> model(input_ids=[[2, 7, 3]], labels=[[-100, 4, -100]]).logits.shape
        (1, 3, 5)
    """

    base_class = BertModel


class BertForQuestionAnswering(BertPreTrainedModel, QuestionAnswering):
    """Where in the text the answer starts and ends (Devlin et al. 2018, section 4.2).

    input_ids (B, T) -> start_logits (B, T), end_logits (B, T); with both positions (B,) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> model = mb.BertForQuestionAnswering(config, seed=0)
        >>> out = model(input_ids=[[2, 7, 3, 8, 9, 3]], start_positions=[3], end_positions=[4])
        >>> out.start_logits.shape, out.end_logits.shape
        ((1, 6), (1, 6))
    """

    base_class = BertModel
