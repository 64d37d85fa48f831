"""BERT (Devlin et al. 2018): the encoder itself, and what its task classes are made of.

RoBERTa and RemBERT are written as their difference from this file.
"""

from typing import Any

import numpy as np

from minibert.backend import Array, move
from minibert.errors import InputError
from minibert.models.files import PreTrainedModel
from minibert.models.cache import Cache
from minibert.models.config import BertConfig
from minibert.models.embeddings import Embeddings
from minibert.models.encoder import Encoder, Pooler, StackInputs, StackOutputs
from minibert.models.heads import BertLMHead
from minibert.models.inputs import (
    Inputs,
    additive_mask,
    as_host,
    as_real,
    causal,
    check_cache,
    check_encoder_states,
    check_head_mask,
    check_ids,
    check_mask,
    check_shape,
    check_text_shape,
)
from minibert.models.outputs import BaseModelOutputWithPoolingAndCrossAttentions
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
from minibert.trace import Backward, Edits, Run, Trace


class BertPreTrainedModel(PreTrainedModel):
    """What BERT's classes share: the configuration and the encoder's name in checkpoints."""

    config_class: Any = BertConfig
    base_model_prefix = "bert"


class BertModel(BertPreTrainedModel):
    """The encoder: embeddings, layers and, with `add_pooling_layer`, the pooler over the first token.

    As a decoder (`is_decoder=True`) its self-attention is causal; with `add_cross_attention=True` its layers also
    attend to `encoder_hidden_states`. Arguments: those of `PreTrainedModel`.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> mb.BertModel(config, seed=0)(input_ids=[[2, 7, 3]]).last_hidden_state.shape
        (1, 3, 8)
    """

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

    @property
    def word_embeddings_name(self) -> str:
        """The full name of the parameter that a language-model head may share."""
        return self.embeddings.word_embeddings.names["weight"]

    # the front door

    def prepare(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        token_type_ids: Any = None,
        position_ids: Any = None,
        head_mask: Any = None,
        inputs_embeds: Any = None,
        encoder_hidden_states: Any = None,
        encoder_attention_mask: Any = None,
        past_key_values: Any = None,
        use_cache: bool | None = None,
        own: bool = False,
    ) -> Inputs:
        """Check every input and move it to where the model lives.

        Args:
            own: copy what is the caller's, because a trace will keep it.

        Raises:
            InputError: one sentence with names and numbers, before anything is computed.
        """
        config, xp, dtype = self.config, self.parameters.xp, self.dtype
        text, batch, tokens = check_text_shape(
            input_ids, inputs_embeds, config.vocab_size, self.embeddings.LayerNorm.weight.shape[0]
        )
        cache = None
        if past_key_values is not None:
            cache = check_cache(past_key_values, config, batch, xp, dtype)
        elif config.is_decoder and (config.use_cache if use_cache is None else use_cache):
            cache = Cache()
        past = cache.get_seq_length() if cache is not None else 0
        positions = self._check_positions(position_ids, text, batch, tokens, past, input_ids is not None)
        types = np.zeros((batch, tokens), dtype=np.int64)
        if token_type_ids is not None:
            types = check_ids("token_type_ids", token_type_ids, config.type_vocab_size, "token types")
            check_shape("token_type_ids", types, (batch, tokens), "(batch, tokens)")
        mask = np.ones((batch, past + tokens))
        if attention_mask is not None:
            mask = self._check_attention_mask(attention_mask, batch, tokens, past)
        encoder_hidden, encoder_mask = check_encoder_states(
            config, encoder_hidden_states, encoder_attention_mask, batch, tokens
        )
        heads = None
        if head_mask is not None:
            checked = check_head_mask(head_mask, config.num_hidden_layers, config.num_attention_heads)
            heads = _move(checked, xp, dtype, own)
        whole = causal(mask, tokens, past) if config.is_decoder and mask.ndim == 2 else mask
        stack = StackInputs(
            mask=additive_mask(whole, xp, dtype),
            head_mask=None if heads is None else heads[:, None, :, None, None],
            encoder_hidden=None if encoder_hidden is None else _move(encoder_hidden, xp, dtype, own),
            encoder_mask=None if encoder_mask is None else additive_mask(encoder_mask, xp, dtype),
            cache=cache,
        )
        return Inputs(
            batch=batch,
            tokens=tokens,
            input_ids=_move(text, xp, None, own) if input_ids is not None else None,
            token_type_ids=_move(types, xp, None, own),
            position_ids=_move(positions, xp, None, own),
            shared_positions=self.counts_places if position_ids is None else len(positions) != batch,
            inputs_embeds=None if inputs_embeds is None else _move(inputs_embeds, xp, dtype, own),
            attention_mask=None if attention_mask is None else _move(mask, xp, dtype, own),
            head_mask=heads,
            stack=stack,
        )

    def _check_attention_mask(self, attention_mask: Any, batch: int, tokens: int, past: int) -> np.ndarray:
        keys = past + tokens
        shapes = [(batch, keys), (batch, tokens, keys)]
        axes = "(batch, tokens) or (batch, tokens, tokens)"
        if past:
            axes = f"(batch, {past} cached and {tokens} new tokens) or (batch, tokens, all of them)"
        return check_mask("attention_mask", attention_mask, shapes, axes)

    def _check_positions(
        self, position_ids: Any, text: np.ndarray, batch: int, tokens: int, past: int, has_ids: bool
    ) -> np.ndarray:
        """position_ids as given, or counted from the start of the text; (B or 1, T), within the table."""
        rows = self.config.max_position_embeddings
        if past + tokens > rows and not self.embeddings.absolute:
            raise InputError(
                f"{past + tokens} tokens are more than max_position_embeddings {rows}: shorten or truncate the text."
            )
        if position_ids is not None:
            positions = as_host("position_ids", position_ids)
            if positions.ndim == 1:
                positions = positions[None]
            if positions.shape not in ((batch, tokens), (1, tokens)):
                raise InputError(
                    f"position_ids has shape {positions.shape}: ({batch}, {tokens}) or (1, {tokens}) belongs there."
                )
            return check_ids("position_ids", positions, rows, "positions")
        positions = self.default_positions(text, tokens, past, has_ids)
        if self.embeddings.absolute and positions.max() >= rows:
            longest = int(positions.max()) + 1 - self.first_position
            raise InputError(
                f"the longest text has {longest} tokens{f' with the {past} cached ones' if past else ''}, "
                f"but the model has positions for {rows - self.first_position}: "
                "shorten it, or truncate it when tokenizing."
            )
        return positions

    first_position = 0
    counts_places = True  # one row of positions serves all texts, whatever tokens they have

    def default_positions(self, text: np.ndarray, tokens: int, past: int, has_ids: bool) -> np.ndarray:
        """(1, T): 0, 1, 2, ... after the cached tokens."""
        return np.arange(past, past + tokens)[None]

    # the pass

    def encode(
        self, inputs: Inputs, run: Run, keep_hidden: bool, keep_attentions: bool
    ) -> tuple[StackOutputs, Array | None]:
        """The layers' output (B, T, D) and what was asked for on the way, and the pooled output (B, D) or None."""
        stack = self._record_masks(inputs, run)
        hidden = self.embeddings.forward(
            inputs.input_ids,
            inputs.token_type_ids,
            inputs.position_ids,
            inputs.inputs_embeds,
            run,
            shared_positions=inputs.shared_positions,
        )
        states = self.encoder.forward(hidden, run, stack, keep_hidden, keep_attentions)
        pooled = self.pooler.forward(states.hidden, run) if self.pooler is not None else None
        return states, pooled

    def _record_masks(self, inputs: Inputs, run: Run) -> StackInputs:
        """Name the masks; gives the stack's inputs with the masks to go on with."""
        stack = inputs.stack
        if inputs.attention_mask is not None:
            shape = "B S" if inputs.attention_mask.ndim == 2 else "B T S"
            run.record("attention_mask", inputs.attention_mask, shape, "1 to keep a token, 0 to leave it out")
        assert stack.mask is not None  # the front door always makes one
        queries = "1" if stack.mask.shape[2] == 1 and not self.config.is_decoder else "T"
        formula = "0 where a key is seen, else the least finite number"
        mask = run.record(self.at("extended_attention_mask"), stack.mask, f"B 1 {queries} S", formula)
        stack = stack._replace(mask=mask)
        if inputs.head_mask is not None:
            heads = run.record("head_mask", inputs.head_mask, "L N", "1 to keep a head, 0 to switch it off")
            stack = stack._replace(head_mask=heads[:, None, :, None, None])
        if stack.encoder_hidden is not None and stack.encoder_mask is not None:
            hidden = run.record("encoder_hidden_states", stack.encoder_hidden, "B S D", "the states of an encoder")
            queries = "1" if stack.encoder_mask.shape[2] == 1 else "T"
            name, shape = self.at("encoder_extended_attention_mask"), f"B 1 {queries} S"
            mask = run.record(name, stack.encoder_mask, shape, formula)
            stack = stack._replace(encoder_hidden=hidden, encoder_mask=mask)
        return stack

    def encode_backward(self, dhidden: Array | None, dpooled: Array | None, back: Backward) -> None:
        """dhidden (B, T, D) of the layers' output, dpooled (B, D) of the pooled: down to the embeddings."""
        if self.pooler is not None:
            through_pooler = self.pooler.backward(dpooled, back)
            if through_pooler is not None:
                dhidden = through_pooler if dhidden is None else dhidden + through_pooler
        dembedded = self.encoder.backward(dhidden, back)
        if dembedded is None and back.asked_within(self.embeddings.path):
            dembedded = back.zeros(self.embeddings.path)
        self.embeddings.backward(dembedded, back)

    def stack_names(self, inputs: Inputs, run: Run) -> dict[str, Any]:
        """Under which names of the trace the outputs' fields stand."""
        probs = "probs"
        if inputs.head_mask is not None:
            probs = "masked_probs"
        elif not self.encoder.layer[0].attention.self.dropout.alias(run):
            probs = "dropout"
        layers = [layer.path for layer in self.encoder.layer]
        return {
            "last_hidden_state": layers[-1],
            "hidden_states": (self.stack_input_name, *layers),
            "attentions": tuple(f"{path}.attention.self.{probs}" for path in layers),
            "cross_attentions": tuple(f"{path}.crossattention.self.{probs}" for path in layers),
        }

    @property
    def stack_input_name(self) -> str:
        """The trace name of what enters the first layer."""
        return self.embeddings.path

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
        past_key_values: Any = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        cache_position: Any = None,
        *,
        trace: Trace | None = None,
        edits: Edits | None = None,
    ) -> Any:
        """Run the encoder.

        Args:
            input_ids: (B, T) ids of tokens; or give inputs_embeds.
            attention_mask: (B, T) or (B, T, T), 1 for tokens to attend to and 0 for padding; with a cache
                (B, S) over cached and new tokens.
            token_type_ids: (B, T), 0 in the first and 1 in the second sentence.
            position_ids: (B, T) places in the position table; counted from the start by default.
            head_mask: (N,) or (L, N), 1 to keep an attention head and 0 to switch it off.
            inputs_embeds: (B, T, D) word vectors in place of input_ids (RemBERT: (B, T, E)).
            encoder_hidden_states: (B, S, D) states for a decoder's cross-attention.
            encoder_attention_mask: (B, S) or (B, T, S), 1 for states to attend to.
            past_key_values: a `Cache` of an earlier call, or its older form, a tuple of arrays a layer.
            use_cache: whether a decoder gives back its keys and values.
            output_attentions, output_hidden_states: whether to give back the attentions and the layers' states.
            return_dict: an output object (True) or a tuple (False); by default as the configuration says.
            cache_position: accepted and not used: the cache knows how many tokens it holds.
            trace: a `minibert.Trace` to fill.
            edits: {trace name: function} that replace values as the pass runs, see `minibert.trace.Edit`.

        Returns:
            BaseModelOutputWithPoolingAndCrossAttentions.

        Raises:
            InputError: an input does not fit; nothing has been computed then.
        """
        inputs = self.prepare(
            input_ids, attention_mask, token_type_ids, position_ids, head_mask, inputs_embeds,
            encoder_hidden_states, encoder_attention_mask, past_key_values, use_cache, own=trace is not None,
        )  # fmt: skip
        run = self._start(trace, edits)
        states, pooled = self.encode(inputs, run, *self.wanted(output_hidden_states, output_attentions))
        output = BaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=states.hidden,
            pooler_output=pooled,
            past_key_values=inputs.stack.cache,
            hidden_states=states.hidden_states or None,
            attentions=states.attentions or None,
            cross_attentions=states.cross_attentions or None,
        )
        names = self.stack_names(inputs, run)
        if self.pooler is not None:
            names["pooler_output"] = self.pooler.path
        self._finish(output, run, names, return_dict=True)
        if self.config.use_return_dict if return_dict is None else return_dict:
            return output
        # the tuple has an order of its own: the pooled output keeps its place, and the cache comes before the states
        rest = (output.past_key_values, output.hidden_states, output.attentions, output.cross_attentions)
        return (output.last_hidden_state, output.pooler_output, *(value for value in rest if value is not None))

    def backward_from(self, back: Backward) -> None:
        """Down from whatever gradients were asked for."""
        self.encode_backward(None, None, back)


def _move(array: Any, xp: Any, dtype: Any, own: bool) -> Array:
    """To the model's library and dtype; with `own`, never the caller's array itself."""
    host = as_real("inputs", array)
    moved = move(host, xp, dtype)
    return moved.copy() if own and moved is host else moved


class BertForPreTraining(BertPreTrainedModel, PreTraining):
    """Masked tokens and next sentence at once (Devlin et al. 2018, section 3.1): `cls.predictions` over every token,
    `cls.seq_relationship` over the pooled first one."""

    base_class = BertModel
    lm_head_class, lm_head_path = BertLMHead, "cls.predictions"


class BertLMHeadModel(BertPreTrainedModel, CausalLM):
    """The next token of a text, for a decoder (`is_decoder=True`)."""

    base_class = BertModel
    lm_head_class, lm_head_path = BertLMHead, "cls.predictions"


class BertForMaskedLM(BertPreTrainedModel, MaskedLM):
    """The tokens behind [MASK]."""

    base_class = BertModel
    lm_head_class, lm_head_path = BertLMHead, "cls.predictions"


class BertForNextSentencePrediction(BertPreTrainedModel, NextSentencePrediction):
    """Whether the second sentence follows the first."""

    base_class = BertModel


class BertForSequenceClassification(BertPreTrainedModel, SequenceClassification):
    """A class, or a number, for the whole text."""

    base_class = BertModel


class BertForMultipleChoice(BertPreTrainedModel, MultipleChoice):
    """The best of several texts."""

    base_class = BertModel


class BertForTokenClassification(BertPreTrainedModel, TokenClassification):
    """A class for every token."""

    base_class = BertModel


class BertForQuestionAnswering(BertPreTrainedModel, QuestionAnswering):
    """Where in the text the answer starts and ends."""

    base_class = BertModel
