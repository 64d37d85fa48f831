"""`generate`: from prompts and options to texts, by the search that the options name."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.errors import InputError
from minibert.generation.beams import BeamSearch
from minibert.generation.decoder import Decoder
from minibert.generation.options import Options
from minibert.generation.processors import Processor, processors
from minibert.generation.prompts import Prompts, read_prompts
from minibert.generation.search import search
from minibert.generation.stopping import Stopping
from minibert.generation.streamers import streaming


@dataclass
class GenerateOutput:
    """What `generate` gives with return_dict_in_generate=True, all NumPy arrays; B counts texts.

    Attributes:
        sequences: (B, length) int64, the texts with their prompts.
        sequences_scores: (B,), of beam search: the sum of the new tokens' log-probabilities (nats), divided by
            (new tokens) ** length_penalty; else None.
        scores: with output_scores=True one (B, V) a new token, of beam search (prompts · num_beams, V); else None.

    Example:
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16, is_decoder=True)
        >>> output = mb.BertLMHeadModel(config, seed=0).generate(
        ...     [[2, 7]], max_new_tokens=3, num_beams=2, return_dict_in_generate=True, output_scores=True)
        >>> output.sequences.shape, output.sequences_scores.shape, len(output.scores), output.scores[0].shape
        ((1, 5), (1,), 3, (2, 30))
    """

    sequences: np.ndarray
    sequences_scores: np.ndarray | None = None
    scores: tuple[np.ndarray, ...] | None = None


def generate(
    model: Any,
    inputs: Any = None,
    *,
    input_ids: Any = None,
    attention_mask: Any = None,
    token_type_ids: Any = None,
    encoder_hidden_states: Any = None,
    encoder_attention_mask: Any = None,
    **options: Any,
) -> Any:
    """Continue texts, token by token: greedy, sampled, or by beam search.

    Args:
        model: BertLMHeadModel, RobertaForCausalLM or RemBertForCausalLM, with is_decoder=True.
        inputs, input_ids: (B, L) prompts, padded on the left where their lengths differ, or the tokenizer's whole
            output; without them one text begins with bos_token_id.
        attention_mask: (B, L), 1 for tokens and 0 for padding; by default padding is where pad_token_id stands.
        token_type_ids: (B, L); new tokens get the last one's.
        encoder_hidden_states, encoder_attention_mask: for a decoder with cross-attention.
        options: how to continue and when to stop, `max_new_tokens=20, num_beams=4` and so on: the fields of
            `minibert.generation.Options`, where each is explained.

    Returns:
        (B · num_return_sequences, length) ids with the prompts, pad_token_id after a text's end; with
        return_dict_in_generate a `GenerateOutput`.

    Raises:
        InputError: an option or a prompt does not fit; nothing has been computed then.

    Relative positions (`position_embedding_type`) with a cache see a prompt as the reference does: every query of it
    counts as the last token. use_cache=False gives what the model gives without a cache.

    >>> import minibert as mb
    >>> config = mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2,
    ...                        intermediate_size=6, is_decoder=True)
    >>> generate(mb.BertLMHeadModel(config), [[1, 2], [3, 4]], max_new_tokens=5, num_beams=3).shape
    (2, 7)
    """
    _check_model(model)
    settings = Options.read(options, model.config)
    named = {
        "input_ids": input_ids, "attention_mask": attention_mask, "token_type_ids": token_type_ids,
        "encoder_hidden_states": encoder_hidden_states, "encoder_attention_mask": encoder_attention_mask,
    }  # fmt: skip
    prompts = read_prompts(inputs, named, settings)
    first = model.base_model.first_position if settings.positions == "model" else 0
    limit = model.config.max_position_embeddings - first + prompts.padding
    most, least = settings.settle_lengths(prompts.ids.shape[1], limit, prompts.padding)
    use_cache = model.config.use_cache if settings.use_cache is None else settings.use_cache
    decoder = Decoder(model, prompts.mask, prompts.further, use_cache, first, first - 1 if first else 1)
    chain, stopping = processors(settings, least), Stopping(most, settings.eos, settings.stopping_criteria)
    output = (_by_beams if settings.num_beams > 1 else _one_by_one)(decoder, prompts, chain, stopping, settings)
    return output if settings.return_dict_in_generate else output.sequences


def _check_model(model: Any) -> None:
    if getattr(model, "task", None) != "causal-lm":
        raise InputError(
            f"a {type(model).__name__} does not generate: BertLMHeadModel, RobertaForCausalLM and "
            "RemBertForCausalLM do."
        )
    if not model.config.is_decoder:
        raise InputError(
            f"the {type(model).__name__} is an encoder, whose tokens see those after them: "
            "make or load it with is_decoder=True."
        )


def _one_by_one(
    decoder: Decoder, prompts: Prompts, chain: list[Processor], stopping: Stopping, settings: Options
) -> GenerateOutput:
    """Greedy or sampled texts."""
    ids = np.repeat(prompts.ids, settings.num_return_sequences, axis=0)
    decoder.repeat(settings.num_return_sequences)
    kept = _kept(settings)
    with streaming(settings.streamer, ids) as emit:
        texts = search(decoder, ids, chain, stopping, _rng(settings), settings.padding, emit, kept)
    return GenerateOutput(texts, None, None if kept is None else tuple(kept))


def _by_beams(
    decoder: Decoder, prompts: Prompts, chain: list[Processor], stopping: Stopping, settings: Options
) -> GenerateOutput:
    """The best texts of a beam search.

    After an end stands the padding, or the end itself where padding has id 0: so it is in transformers, where an id
    of 0 counts as none.
    """
    kept = _kept(settings)
    found = BeamSearch(
        decoder, chain, stopping, beams=settings.num_beams,
        length_penalty=1.0 if settings.length_penalty is None else settings.length_penalty,
        early_stopping=settings.early_stopping if settings.early_stopping == "never" else bool(settings.early_stopping),
        fill=settings.padding or (settings.eos[0] if settings.eos else 0), rng=_rng(settings), kept=kept,
    ).run(prompts.ids)  # fmt: skip
    count = settings.num_return_sequences
    length = prompts.ids.shape[1] + int(found.lengths[:, :count].max())
    texts = found.texts[:, :count, :length].reshape(-1, length)
    return GenerateOutput(texts, found.scores[:, :count].ravel(), None if kept is None else tuple(kept))


def _rng(settings: Options) -> np.random.Generator | None:
    return np.random.default_rng(settings.seed) if settings.do_sample else None


def _kept(settings: Options) -> list[np.ndarray] | None:
    """Where the scores of every step go, if they are asked for."""
    return [] if settings.output_scores else None
