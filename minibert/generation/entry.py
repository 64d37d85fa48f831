"""`generate`: the door of this package."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError
from minibert.generation.beams import BeamSearch
from minibert.generation.decoder import Decoder
from minibert.generation.options import Options
from minibert.generation.processors import processors
from minibert.generation.search import search
from minibert.generation.stopping import Stopping
from minibert.generation.streamers import as_emitter

_UNSET: Any = object()  # eos_token_id=None means "no end", so that it cannot mean "not given"
_EXTRA = ("token_type_ids", "encoder_hidden_states", "encoder_attention_mask")


@dataclass
class GenerateOutput:
    """What `generate` gives with return_dict_in_generate=True.

    `sequences` are the texts; `sequences_scores` (of beam search) their scores; `scores` the scores of every step,
    if asked for: (B, V) each, with beams (B · K, V).
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
    max_length: int | None = None,
    max_new_tokens: int | None = None,
    min_length: int | None = None,
    min_new_tokens: int | None = None,
    do_sample: bool = False,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram_size: int | None = None,
    num_beams: int = 1,
    length_penalty: float | None = None,
    early_stopping: Any = None,
    num_return_sequences: int = 1,
    bos_token_id: Any = _UNSET,
    eos_token_id: Any = _UNSET,
    pad_token_id: Any = _UNSET,
    use_cache: bool | None = None,
    positions: str = "transformers",
    seed: Any = None,
    logits_processor: Any = (),
    stopping_criteria: Any = (),
    streamer: Any = None,
    return_dict_in_generate: bool = False,
    output_scores: bool = False,
) -> Any:
    """Continue texts, token by token.

    Args:
        model: BertLMHeadModel, RobertaForCausalLM or RemBertForCausalLM, with is_decoder=True.
        inputs, input_ids: (B, L) prompts, padded on the left where their lengths differ, or the tokenizer's whole
            output; without them one text begins with bos_token_id.
        attention_mask: (B, L), 1 for tokens and 0 for padding; by default padding is where pad_token_id stands.
        token_type_ids: (B, L); new tokens get the last one's.
        encoder_hidden_states, encoder_attention_mask: for a decoder with cross-attention.
        max_length, max_new_tokens: how long a text becomes, with and without its prompt; by default 20 new tokens.
        min_length, min_new_tokens: before that no text ends.
        do_sample: draw tokens by probability instead of taking the likeliest.
        temperature, top_k, top_p: how they are drawn: flatter above 1; among the k likeliest (50 by default, 0 for
            all); among the likeliest that sum to p.
        repetition_penalty: above 1 makes tokens of the text so far less likely.
        no_repeat_ngram_size: no n tokens stand in a text twice.
        num_beams: beam search with so many beams; 1 for none.
        length_penalty: of beam search (1.0 by default), above 0 favours long texts, below 0 short ones.
        early_stopping: of beam search: True stops at num_beams complete texts, False (the default) also when no
            better one is likely, "never" when no better one is possible.
        num_return_sequences: texts for each prompt, of sampling or beam search.
        bos_token_id, eos_token_id, pad_token_id: by default the configuration's; eos_token_id may be a list, or None
            for no end.
        use_cache: keep keys and values of what was read; by default as the configuration says.
        positions: "transformers" counts positions from 0 whatever the model, as transformers' generate does, and
            gives its tokens; "model" counts from where the model counts in training. The two differ for RoBERTa,
            whose own positions begin at pad_token_id + 1: take "model" for a RoBERTa trained as a decoder.
        seed: a seed or a numpy Generator, for sampling.
        logits_processor: functions of ids (B, L) and scores (B, V) that give new scores.
        stopping_criteria: functions of ids (B, L) and scores that say which texts are complete.
        streamer: a function of the new tokens (B,) of every step, or an object with `put` and `end`.
        return_dict_in_generate: give a `GenerateOutput`; output_scores: with the scores of every step.

    Returns:
        (B · num_return_sequences, length) ids with the prompts, pad_token_id after a text's end.

    Raises:
        InputError: an option or a prompt does not fit; nothing has been computed then.

    Relative positions (`position_embedding_type`) with a cache see a prompt as the reference does: every query of it
    counts as the last token. use_cache=False gives what the model gives without a cache.
    """
    given = {key: value for key, value in locals().items() if key in Options.__dataclass_fields__}
    config = model.config
    for name in ("eos_token_id", "pad_token_id"):
        if given[name] is _UNSET:
            given[name] = _configured(config, name)
    options = Options(**given)
    _check_model(model)
    options.check(config.vocab_size)
    named = {name: value for name, value in locals().items() if name in _EXTRA and value is not None}
    start = _configured(config, "bos_token_id") if bos_token_id is _UNSET else bos_token_id
    ids, mask, extra = _read_prompts(inputs, input_ids, attention_mask, named, options, start)
    decoder = _decoder(model, mask, extra, options)
    most, least = options.settle_lengths(ids.shape[1], _limit(model, mask, options))
    chain = processors(options, least)
    stopping = Stopping(most, options.eos, list(stopping_criteria or ()))
    rng = np.random.default_rng(seed) if do_sample else None
    kept: list[np.ndarray] | None = [] if output_scores else None
    final = None
    if num_beams > 1:
        texts, final = _by_beams(decoder, ids, chain, stopping, options, rng, kept)
    else:
        ids = np.repeat(ids, num_return_sequences, axis=0)
        decoder.repeat(num_return_sequences)
        texts = search(decoder, ids, chain, stopping, rng, _pad(options), as_emitter(streamer, ids), kept)
        if hasattr(streamer, "end"):
            streamer.end()
    if not return_dict_in_generate:
        return texts
    return GenerateOutput(texts, final, None if kept is None else tuple(kept))


def _configured(config: Any, name: str) -> Any:
    """A special token of the configuration; a default outside a smaller vocabulary never occurs."""
    ids = getattr(config, name, None)
    if isinstance(ids, list):
        return [id_ for id_ in ids if id_ < config.vocab_size] or None
    return ids if ids is not None and ids < config.vocab_size else None


def _check_model(model: Any) -> None:
    if not hasattr(model, "lm_head_module") or "past_key_values" not in model.forward.__code__.co_varnames:
        raise InputError(
            f"a {type(model).__name__} does not generate: BertLMHeadModel, RobertaForCausalLM and "
            "RemBertForCausalLM do."
        )
    if not model.config.is_decoder:
        raise InputError(
            f"the {type(model).__name__} is an encoder, whose tokens see those after them: "
            "make or load it with is_decoder=True."
        )


def _read_prompts(
    inputs: Any, input_ids: Any, mask: Any, extra: dict[str, Any], options: Options, bos: int | None
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """ids (B, L), their mask (B, L), and the further inputs."""
    if isinstance(inputs, Mapping):
        extra = {**{name: inputs[name] for name in _EXTRA if name in inputs}, **extra}
        mask = inputs.get("attention_mask") if mask is None else mask
        inputs = inputs.get("input_ids")
    if inputs is not None and input_ids is not None:
        raise InputError("the prompts were given twice: as the first argument and as input_ids.")
    ids = input_ids if inputs is None else inputs
    if ids is None:
        if bos is None:
            raise InputError("there is no prompt, and no bos_token_id to begin with: give input_ids.")
        ids = [[bos]]
    try:
        array = to_numpy(ids)
    except ValueError:
        raise InputError(
            "the prompts have different lengths: pad them on the left, "
            "tokenizer(..., padding=True, padding_side='left')."
        ) from None
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "iu":
        raise InputError(
            f"input_ids has shape {array.shape} and dtype {array.dtype}: integers, (batch, tokens), belong there."
        )
    array = array.astype(np.int64)
    if "token_type_ids" in extra:
        extra["token_type_ids"] = _same_shape("token_type_ids", extra["token_type_ids"], array.shape)
    return array, _read_mask(array, mask, options), extra


def _read_mask(ids: np.ndarray, mask: Any, options: Options) -> np.ndarray:
    pad = options.pad_token_id
    if mask is not None:
        mask = (_same_shape("attention_mask", mask, ids.shape) != 0).astype(np.int64)
    elif (ids == pad).any() and pad not in options.eos:
        mask = (ids != pad).astype(np.int64)
    else:
        mask = np.ones_like(ids)
    if not mask[:, -1].all():
        warnings.warn(
            "a prompt ends with padding, after which its continuation would stand: pad on the left, "
            "tokenizer(..., padding_side='left').",
            stacklevel=4,
        )
    return mask


def _same_shape(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = to_numpy(value)
    if array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}: {shape}, as input_ids has, belongs there.")
    return array


def _first_position(model: Any, options: Options) -> int:
    return model.base_model.first_position if options.positions == "model" else 0


def _decoder(model: Any, mask: np.ndarray, extra: dict[str, Any], options: Options) -> Decoder:
    use_cache = model.config.use_cache if options.use_cache is None else options.use_cache
    first = _first_position(model, options)
    return Decoder(model, mask, extra, use_cache, first, first - 1 if first else 1)


def _limit(model: Any, mask: np.ndarray, options: Options) -> int:
    """How long texts may become: padding takes no positions."""
    longest_prompt = int(mask.sum(axis=1).max())
    return model.config.max_position_embeddings - _first_position(model, options) + mask.shape[1] - longest_prompt


def _pad(options: Options) -> int:
    assert options.pad_token_id is not None  # settled by `check`
    return options.pad_token_id


def _by_beams(
    decoder: Decoder,
    ids: np.ndarray,
    chain: Any,
    stopping: Stopping,
    options: Options,
    rng: np.random.Generator | None,
    kept: list[np.ndarray] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The best texts and their scores. After an end stands the padding, or the end itself where padding has id 0:
    so it is in transformers, where an id of 0 counts as none."""
    search_ = BeamSearch(
        decoder, chain, stopping, beams=options.num_beams,
        length_penalty=1.0 if options.length_penalty is None else options.length_penalty,
        early_stopping=bool(options.early_stopping) if options.early_stopping != "never" else "never",
        fill=_pad(options) or (options.eos[0] if options.eos else 0), rng=rng, kept=kept,
    )  # fmt: skip
    found = search_.run(ids)
    count = options.num_return_sequences
    length = ids.shape[1] + int(found.lengths[:, :count].max())
    return found.texts[:, :count, :length].reshape(-1, length), found.scores[:, :count].ravel()
