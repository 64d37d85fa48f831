"""RemBERT (Chung et al. 2020, "Rethinking embedding coupling"): BERT, except

* the input embeddings are narrow (E = `input_embedding_size`) and a linear map widens them to the hidden size;
* the language-model head has an embedding of its own, wider than the hidden size (O = `output_embedding_size`);
* positions are absolute, always;
* there is no next-sentence task.
"""

from typing import Any

from minibert.backend import Array
from minibert.models.arguments import reordered
from minibert.models.bert import BertModel
from minibert.models.config import RemBertConfig
from minibert.models.embeddings import Embeddings
from minibert.models.encoder import Encoder, StackOutputs
from minibert.models.files import PreTrainedModel
from minibert.models.heads import RemBertLMHead
from minibert.models.layer import HIDDEN, StackInputs
from minibert.models.module import Linear
from minibert.models.parameters import Parameters
from minibert.models.tasks import (
    CausalLM,
    MaskedLM,
    MultipleChoice,
    QuestionAnswering,
    SequenceClassification,
    TokenClassification,
)
from minibert.trace import Backward, Run


class RemBertPreTrainedModel(PreTrainedModel):
    """What RemBERT's classes share."""

    config_class: Any = RemBertConfig
    base_model_prefix = "rembert"
    saves_tied_copies = True  # transformers 4 never ties RemBERT, so it must find the decoder's weight


class RemBertEncoder(Encoder):
    """BERT's stack, behind a linear map from E to D. Parameters: embedding_hidden_mapping_in.weight (D, E), .bias."""

    def __init__(self, path: str, parameters: Parameters, config: Any) -> None:
        super().__init__(path, parameters, config)
        self.embedding_hidden_mapping_in = Linear(
            self.at("embedding_hidden_mapping_in"),
            parameters,
            config.input_embedding_size,
            config.hidden_size,
            HIDDEN,
            "embeddings Wᵀ + b",
        )

    def forward(
        self, hidden: Array, run: Run, stack: StackInputs, keep_hidden: bool, keep_attentions: bool
    ) -> StackOutputs:
        """hidden (B, T, E) -> (B, T, D)."""
        mapped = self.embedding_hidden_mapping_in.forward(hidden, run)
        return super().forward(mapped, run, stack, keep_hidden, keep_attentions)

    def backward(self, dhidden: Array | None, back: Backward) -> Array | None:
        """dhidden (B, T, D) -> (B, T, E)."""
        return self.embedding_hidden_mapping_in.backward(super().backward(dhidden, back), back)


class RemBertModel(RemBertPreTrainedModel, BertModel):
    """The encoder: `BertModel`, except for narrow embeddings and the map that widens them.

    input_ids (B, T) -> last_hidden_state (B, T, D), pooler_output (B, D).
    Arguments and errors: as of `BertModel`.

    Example:
        >>> import minibert as mb
        >>> config = mb.RemBertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                           intermediate_size=16, input_embedding_size=4, output_embedding_size=12)
        >>> outputs, trace = mb.RemBertModel(config, seed=0).run_with_cache(input_ids=[[2, 7, 3]])
        >>> trace["embeddings"].shape, outputs.last_hidden_state.shape
        ((1, 3, 4), (1, 3, 8))
    """

    def build_embeddings(self) -> Embeddings:
        """Embeddings of width E."""
        config = self.config
        return Embeddings(self.at("embeddings"), self.parameters, config, config.input_embedding_size, symbol="E")

    def build_encoder(self) -> Encoder:
        """The stack of layers, with the map before it."""
        return RemBertEncoder(self.at("encoder"), self.parameters, self.config)

    @property
    def stack_input_name(self) -> str:
        """The trace name of what enters the first layer."""
        return self.encoder.at("embedding_hidden_mapping_in")


class RemBertForCausalLM(RemBertPreTrainedModel, CausalLM):
    """The next token of a text, for a decoder (`is_decoder=True`); a cache is given back with labels too.

    input_ids (B, T) -> logits (B, T, V); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RemBertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16, input_embedding_size=4, output_embedding_size=12,
    ...                           is_decoder=True)
    >>> model = mb.RemBertForCausalLM(config, seed=0)
    >>> model(input_ids=[[2, 7, 3]], labels=[[2, 7, 3]]).logits.shape
    (1, 3, 30)
    >>> model.generate([[2, 7, 3]], max_new_tokens=2).shape
    (1, 5)
    """

    caches_with_labels = True
    base_class = RemBertModel
    lm_head_class, lm_head_path = RemBertLMHead, "cls.predictions"

    forward = reordered(  # as the documentation has it
        CausalLM.forward,
        "input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds",
        "encoder_hidden_states", "encoder_attention_mask", "past_key_values", "labels", "use_cache",
        "output_attentions", "output_hidden_states", "return_dict", "cache_position",
    )  # fmt: skip


class RemBertForMaskedLM(RemBertPreTrainedModel, MaskedLM):
    """The tokens behind [MASK].

    input_ids (B, T) -> logits (B, T, V); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> model = mb.RemBertForMaskedLM.from_pretrained("tiny-rembert")
    >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-rembert")
    >>> inputs = tokenizer("Paris is the capital of [MASK].", return_tensors="np")
    >>> place = inputs.tokens().index("[MASK]")
    >>> tokenizer.decode(model(inputs).logits[0, place].argmax().item()).strip()
    'France'
    """

    base_class = RemBertModel
    lm_head_class, lm_head_path = RemBertLMHead, "cls.predictions"


class RemBertForSequenceClassification(RemBertPreTrainedModel, SequenceClassification):
    """A class, or a number, for the whole text.

    input_ids (B, T) -> logits (B, C); with labels (B,), or (B, C) for several at once, loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RemBertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16, input_embedding_size=4, output_embedding_size=12,
    ...                           num_labels=3)
    >>> mb.RemBertForSequenceClassification(config, seed=0)(input_ids=[[2, 7, 3]], labels=[2]).logits.shape
    (1, 3)
    """

    base_class = RemBertModel


class RemBertForMultipleChoice(RemBertPreTrainedModel, MultipleChoice):
    """The best of several texts.

    input_ids (B, choices, T) -> logits (B, choices); with labels (B,) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RemBertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16, input_embedding_size=4, output_embedding_size=12)
    >>> mb.RemBertForMultipleChoice(config, seed=0)(input_ids=[[[2, 7, 3], [2, 8, 3]]], labels=[1]).logits.shape
    (1, 2)
    """

    base_class = RemBertModel


class RemBertForTokenClassification(RemBertPreTrainedModel, TokenClassification):
    """A class for every token.

    input_ids (B, T) -> logits (B, T, C); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RemBertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16, input_embedding_size=4, output_embedding_size=12,
    ...                           num_labels=5)
    >>> model = mb.RemBertForTokenClassification(config, seed=0)
    >>> model(input_ids=[[2, 7, 3]], labels=[[-100, 4, -100]]).logits.shape
    (1, 3, 5)
    """

    base_class = RemBertModel


class RemBertForQuestionAnswering(RemBertPreTrainedModel, QuestionAnswering):
    """Where in the text the answer starts and ends.

    input_ids (B, T) -> start_logits (B, T), end_logits (B, T); with both positions (B,) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RemBertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16, input_embedding_size=4, output_embedding_size=12)
    >>> model = mb.RemBertForQuestionAnswering(config, seed=0)
    >>> out = model(input_ids=[[2, 7, 3, 8, 9, 3]], start_positions=[3], end_positions=[4])
    >>> out.start_logits.shape, out.end_logits.shape, out.loss.shape
    ((1, 6), (1, 6), ())
    """

    base_class = RemBertModel
