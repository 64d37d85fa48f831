"""RoBERTa (Liu et al. 2019): BERT, except

* positions count from the padding token's id (`pad_token_id + 1` is the first), and padding stays at `pad_token_id`;
* the language-model head is `lm_head`, with the erf GELU whatever the configuration says;
* a sequence is classified from its first token by a head of its own, without the pooler;
* there is no next-sentence task.
"""

from typing import Any

import numpy as np

from minibert.models.arguments import reordered
from minibert.models.bert import BertModel
from minibert.models.config import RobertaConfig
from minibert.models.embeddings import Embeddings
from minibert.models.files import PreTrainedModel
from minibert.models.heads import RobertaClassificationHead, RobertaLMHead
from minibert.models.tasks import (
    CausalLM,
    FirstTokenClassification,
    MaskedLM,
    MultipleChoice,
    QuestionAnswering,
    TokenClassification,
)


class RobertaPreTrainedModel(PreTrainedModel):
    """What RoBERTa's classes share."""

    config_class: Any = RobertaConfig
    base_model_prefix = "roberta"


def positions_after_padding(ids: np.ndarray, pad: int, past: int = 0) -> np.ndarray:
    """ids (B, T) -> (B, T): pad + 1, pad + 2, ... over the tokens that are not padding, and pad for those that are.

    >>> positions_after_padding(np.array([[0, 31, 2, 1, 1]]), pad=1)
    array([[2, 3, 4, 1, 1]])
    """
    real = ids != pad
    return (np.cumsum(real, axis=1) + past) * real + pad


class RobertaModel(RobertaPreTrainedModel, BertModel):
    """The encoder: `BertModel`, except where positions start (`positions_after_padding`).

    input_ids (B, T) -> last_hidden_state (B, T, D), pooler_output (B, D).
    Arguments and errors: as of `BertModel`.

    Example:
        >>> import minibert as mb
        >>> config = mb.RobertaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                           intermediate_size=16)
        >>> outputs, trace = mb.RobertaModel(config, seed=0).run_with_cache(input_ids=[[0, 7, 2, 1]])
        >>> outputs.last_hidden_state.shape, trace["embeddings.position_ids"].tolist()
        ((1, 4, 8), [[2, 3, 4, 1]])
    """

    def build_embeddings(self) -> Embeddings:
        """BERT's, with a position row for padding that is not learned."""
        config = self.config
        return Embeddings(
            self.at("embeddings"),
            self.parameters,
            config,
            config.hidden_size,
            position_padding_idx=config.pad_token_id,
        )

    @property
    def first_position(self) -> int:  # type: ignore[override]
        """The position of the first token."""
        return self.config.pad_token_id + 1

    def default_positions(self, text: np.ndarray, past: int) -> np.ndarray:
        """text (B, T) of ids -> (B, T).

        Of vectors (B, T, D) every place counts, from the first position even after cached tokens, as in the reference.
        """
        if text.ndim == 3:
            places = np.arange(self.first_position, self.first_position + text.shape[1])
            return np.broadcast_to(places, text.shape[:2])
        return positions_after_padding(text, self.config.pad_token_id, past)


class RobertaForCausalLM(RobertaPreTrainedModel, CausalLM):
    """The next token of a text, for a decoder (`is_decoder=True`).

    input_ids (B, T) -> logits (B, T, V); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RobertaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16, is_decoder=True)
    >>> model = mb.RobertaForCausalLM(config, seed=0)
    >>> model(input_ids=[[0, 7, 2]], labels=[[0, 7, 2]]).logits.shape
    (1, 3, 30)
    >>> model.generate([[0, 7, 2]], max_new_tokens=2).shape
    (1, 5)
    """

    base_class = RobertaModel
    lm_head_class, lm_head_path = RobertaLMHead, "lm_head"


class RobertaForMaskedLM(RobertaPreTrainedModel, MaskedLM):
    """The tokens behind <mask>.

    input_ids (B, T) -> logits (B, T, V); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> model = mb.RobertaForMaskedLM.from_pretrained("tiny-roberta")
    >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-roberta")
    >>> inputs = tokenizer("Paris is the capital of <mask>.", return_tensors="np")
    >>> place = inputs.tokens().index("<mask>")
    >>> tokenizer.decode(model(inputs).logits[0, place].argmax().item()).strip()
    'France'
    """

    base_class = RobertaModel
    lm_head_class, lm_head_path = RobertaLMHead, "lm_head"


class RobertaForSequenceClassification(RobertaPreTrainedModel, FirstTokenClassification):
    """A class, or a number, for the whole text, from its first token: the head has a layer of its own for the pooler.

    input_ids (B, T) -> logits (B, C); with labels (B,), or (B, C) for several at once, loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    Example:
        >>> import minibert as mb
        >>> config = mb.RobertaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                           intermediate_size=16, num_labels=3)
        >>> mb.RobertaForSequenceClassification(config, seed=0)(input_ids=[[0, 7, 2]], labels=[2]).logits.shape
        (1, 3)
    """

    base_class = RobertaModel
    classifier_class = RobertaClassificationHead


class RobertaForMultipleChoice(RobertaPreTrainedModel, MultipleChoice):
    """The best of several texts.

    input_ids (B, choices, T) -> logits (B, choices); with labels (B,) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RobertaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16)
    >>> mb.RobertaForMultipleChoice(config, seed=0)(input_ids=[[[0, 7, 2], [0, 8, 2]]], labels=[1]).logits.shape
    (1, 2)
    """

    base_class = RobertaModel

    forward = reordered(  # as the documentation has it
        MultipleChoice.forward,
        "input_ids", "token_type_ids", "attention_mask", "labels", "position_ids", "head_mask", "inputs_embeds",
        "output_attentions", "output_hidden_states", "return_dict",
    )  # fmt: skip


class RobertaForTokenClassification(RobertaPreTrainedModel, TokenClassification):
    """A class for every token.

    input_ids (B, T) -> logits (B, T, C); with labels (B, T) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RobertaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16, num_labels=5)
    >>> model = mb.RobertaForTokenClassification(config, seed=0)
    >>> model(input_ids=[[0, 7, 2]], labels=[[-100, 4, -100]]).logits.shape
    (1, 3, 5)
    """

    base_class = RobertaModel


class RobertaForQuestionAnswering(RobertaPreTrainedModel, QuestionAnswering):
    """Where in the text the answer starts and ends.

    input_ids (B, T) -> start_logits (B, T), end_logits (B, T); with both positions (B,) loss ().
    Made with config, seed, dtype and backend, as `BertModel`; `forward` says what a call takes and raises.

    >>> import minibert as mb
    >>> config = mb.RobertaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
    ...                           intermediate_size=16)
    >>> model = mb.RobertaForQuestionAnswering(config, seed=0)
    >>> out = model(input_ids=[[0, 7, 2, 2, 8, 9, 2]], start_positions=[4], end_positions=[5])
    >>> out.start_logits.shape, out.end_logits.shape, out.loss.shape
    ((1, 7), (1, 7), ())
    """

    base_class = RobertaModel
