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


class RobertaModel(RobertaPreTrainedModel, BertModel):
    """The encoder: `BertModel`, except where positions start."""

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
        """text (B, T) of ids -> (B, T): pad + 1, pad + 2, ... over the tokens that are not padding, pad for those that are.

        Of vectors (B, T, D) instead of ids every place counts, from pad + 1 even after cached tokens, as in the
        reference.
        """
        pad = self.config.pad_token_id
        if text.ndim == 3:
            return np.broadcast_to(np.arange(pad + 1, pad + 1 + text.shape[1]), text.shape[:2])
        real = text != pad
        return (np.cumsum(real, axis=1) + past) * real + pad


class RobertaForCausalLM(RobertaPreTrainedModel, CausalLM):
    """The next token of a text, for a decoder (`is_decoder=True`)."""

    base_class = RobertaModel
    lm_head_class, lm_head_path = RobertaLMHead, "lm_head"


class RobertaForMaskedLM(RobertaPreTrainedModel, MaskedLM):
    """The tokens behind <mask>."""

    base_class = RobertaModel
    lm_head_class, lm_head_path = RobertaLMHead, "lm_head"


class RobertaForSequenceClassification(RobertaPreTrainedModel, FirstTokenClassification):
    """A class, or a number, for the whole text."""

    base_class = RobertaModel
    classifier_class = RobertaClassificationHead


class RobertaForMultipleChoice(RobertaPreTrainedModel, MultipleChoice):
    """The best of several texts."""

    base_class = RobertaModel

    forward = reordered(  # as the documentation has it
        MultipleChoice.forward,
        "input_ids", "token_type_ids", "attention_mask", "labels", "position_ids", "head_mask", "inputs_embeds",
        "output_attentions", "output_hidden_states", "return_dict",
    )  # fmt: skip


class RobertaForTokenClassification(RobertaPreTrainedModel, TokenClassification):
    """A class for every token."""

    base_class = RobertaModel


class RobertaForQuestionAnswering(RobertaPreTrainedModel, QuestionAnswering):
    """Where in the text the answer starts and ends."""

    base_class = RobertaModel
