"""The front door: everything a caller gives is checked here, on the host, before any arithmetic.

NumPy would wrap a negative id and CuPy clamp a large one, so nothing deeper in the model could tell. What
passes is moved once to where the model's parameters live.
"""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array, array_module, as_array, move, to_numpy
from minibert.errors import InputError
from minibert.models.cache import Cache
from minibert.models.layer import StackInputs
from minibert.trace import Run


class Inputs(NamedTuple):
    """What the encoder is given, checked and moved: see the arguments of `BertModel.forward`."""

    batch: int
    tokens: int
    input_ids: Array | None  # (B, T)
    token_type_ids: Array  # (B, T)
    position_ids: Array  # (B or 1, T)
    shared_positions: bool  # whether one row of positions serves all texts
    inputs_embeds: Array | None  # (B, T, D)
    attention_mask: Array | None  # as given
    head_mask: Array | None  # (L, N)
    stack: StackInputs
    keep_hidden: bool  # whether the layers' states are to be given back
    keep_attentions: bool
    skip_padding: bool = False  # whether values at padding may be left out
    first_token: bool = False  # whether nobody reads the last layer anywhere but at the first token


def prepare(model: Any, given: Mapping[str, Any]) -> Inputs:
    """Check every input of a call and move it to where the model lives.

    Args:
        model: the encoder.
        given: the call's arguments by name. What a trace will keep of them is copied.

    Raises:
        InputError: one sentence with names and numbers, before anything is computed.
    """
    config, xp, dtype = model.config, model.parameters.xp, model.dtype
    own = given.get("trace") is not None
    width = model.embeddings.LayerNorm.weight.shape[0]
    ids, embeds = given.get("input_ids"), given.get("inputs_embeds")
    text, batch, tokens = check_text_shape(ids, embeds, config.vocab_size, width)
    cache = _cache(model, given, batch)
    past = cache.get_seq_length() if cache is not None else 0
    positions, shared_positions = _positions(model, given.get("position_ids"), text, past)
    types = _token_types(given.get("token_type_ids"), batch, tokens, config.type_vocab_size)
    mask = _attention_mask(given.get("attention_mask"), batch, tokens, past)
    states, states_mask = check_encoder_states(
        config, given.get("encoder_hidden_states"), given.get("encoder_attention_mask"), batch, tokens
    )
    heads = check_head_mask(given.get("head_mask"), config.num_hidden_layers, config.num_attention_heads)
    heads = _moved(heads, xp, dtype, own)
    whole = causal(mask, tokens, past) if config.is_decoder and mask.ndim == 2 else mask
    return Inputs(
        batch=batch,
        tokens=tokens,
        input_ids=None if ids is None else _moved(text, xp, None, own),
        token_type_ids=_moved(types, xp, None, own),
        position_ids=_moved(positions, xp, None, own),
        shared_positions=shared_positions,
        inputs_embeds=_moved(embeds, xp, dtype, own),
        attention_mask=None if given.get("attention_mask") is None else _moved(mask, xp, dtype, own),
        head_mask=heads,
        stack=StackInputs(
            mask=additive_mask(whole, xp, dtype),
            head_mask=None if heads is None else heads[:, None, :, None, None],
            encoder_hidden=_moved(states, xp, dtype, own),
            encoder_mask=None if states_mask is None else additive_mask(states_mask, xp, dtype),
            cache=cache,
        ),
        keep_hidden=_asked(given.get("output_hidden_states"), config.output_hidden_states),
        keep_attentions=_asked(given.get("output_attentions"), config.output_attentions),
    )


def record_masks(model: Any, inputs: Inputs, run: Run) -> Inputs:
    """Name the masks in the trace; gives the inputs with the masks to go on with, which an edit may have replaced."""
    stack = inputs.stack
    if inputs.attention_mask is not None:
        shape = "B S" if inputs.attention_mask.ndim == 2 else "B T S"
        run.record("attention_mask", inputs.attention_mask, shape, "1 to keep a token, 0 to leave it out")
    assert stack.mask is not None  # `prepare` always makes one
    queries = "1" if stack.mask.shape[2] == 1 and not model.config.is_decoder else "T"
    formula = "0 where a key is seen, else the least finite number"
    mask = run.record(model.at("extended_attention_mask"), stack.mask, f"B 1 {queries} S", formula)
    stack = stack._replace(mask=mask)
    if inputs.head_mask is not None:
        heads = run.record("head_mask", inputs.head_mask, "L N", "1 to keep a head, 0 to switch it off")
        stack = stack._replace(head_mask=heads[:, None, :, None, None])
    if stack.encoder_hidden is not None and stack.encoder_mask is not None:
        hidden = run.record("encoder_hidden_states", stack.encoder_hidden, "B S D", "the states of an encoder")
        queries = "1" if stack.encoder_mask.shape[2] == 1 else "T"
        name, shape = model.at("encoder_extended_attention_mask"), f"B 1 {queries} S"
        mask = run.record(name, stack.encoder_mask, shape, formula)
        stack = stack._replace(encoder_hidden=hidden, encoder_mask=mask)
    return inputs._replace(stack=stack)


def _asked(given: bool | None, by_default: bool) -> bool:
    return by_default if given is None else given


def _moved(array: Any, xp: ModuleType, dtype: np.dtype | None, own: bool) -> Any:
    """To the model's library and dtype; with `own`, never the caller's array itself. None stays None."""
    if array is None:
        return None
    host = as_real("inputs", array)
    moved = move(host, xp, dtype)
    return moved.copy() if own and moved is host else moved


def _cache(model: Any, given: Mapping[str, Any], batch: int) -> Cache | None:
    """The cache that was given, an empty one for a decoder that is to fill it, or None."""
    config, past = model.config, given.get("past_key_values")
    if past is not None:
        return check_cache(past, config, batch, model.parameters.xp, model.dtype)
    return Cache() if config.is_decoder and _asked(given.get("use_cache"), config.use_cache) else None


def _token_types(token_type_ids: Any, batch: int, tokens: int, types: int) -> np.ndarray:
    """token_type_ids (B, T) as given, or zeros."""
    if token_type_ids is None:
        return np.zeros((batch, tokens), dtype=np.int64)
    ids = check_ids("token_type_ids", token_type_ids, types, "token types")
    check_shape("token_type_ids", ids, (batch, tokens), "(batch, tokens)")
    return ids


def _attention_mask(attention_mask: Any, batch: int, tokens: int, past: int) -> np.ndarray:
    """attention_mask (B, S) or (B, T, S) as given, or ones."""
    keys = past + tokens
    if attention_mask is None:
        return np.ones((batch, keys))
    axes = "(batch, tokens) or (batch, tokens, tokens)"
    if past:
        axes = f"(batch, {past} cached and {tokens} new tokens) or (batch, tokens, all of them)"
    return check_mask("attention_mask", attention_mask, [(batch, keys), (batch, tokens, keys)], axes)


def _positions(model: Any, position_ids: Any, text: np.ndarray, past: int) -> tuple[np.ndarray, bool]:
    """position_ids as given, or the model's own; (B or 1, T), within the table, and whether all texts share a row."""
    rows, (batch, tokens) = model.config.max_position_embeddings, text.shape[:2]
    if past + tokens > rows and not model.embeddings.absolute:
        raise InputError(
            f"{past + tokens} tokens are more than max_position_embeddings {rows}: shorten or truncate the text."
        )
    if position_ids is not None:
        positions = check_positions(position_ids, batch, tokens, rows)
        return positions, len(positions) != batch
    positions = model.default_positions(text, past)
    if model.embeddings.absolute and positions.max() >= rows:
        longest = int(positions.max()) + 1 - model.first_position
        raise InputError(
            f"the longest text has {longest} tokens{f' with the {past} cached ones' if past else ''}, "
            f"but the model has positions for {rows - model.first_position}: "
            "shorten it, or truncate it when tokenizing."
        )
    shared = positions.ndim == 1
    return positions[None] if shared else positions, shared


def as_host(name: str, value: Any) -> np.ndarray:
    """A list, NumPy, CuPy or other array as a NumPy array.

    Raises:
        InputError: rows of different lengths, text, or anything else that is no array of numbers.
    """
    if isinstance(value, Mapping):
        raise InputError(f"{name} is a {type(value).__name__}: an array or a list of numbers belongs there.")
    try:
        array = to_numpy(value)  # of what lives on a GPU this is the one transfer back
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    except ValueError:
        lengths = sorted({len(row) for row in value if hasattr(row, "__len__")}) if isinstance(value, Sequence) else []
        found = f" ({', '.join(map(str, lengths))})" if lengths else ""
        raise InputError(f"{name} has rows of different lengths{found}: pad them to one length.") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} holds {array.dtype} values: numbers belong there.")
    return array


def as_real(name: str, value: Any) -> Array:
    """The same for values that nothing needs to read: they stay where they are, on the host or on a GPU."""
    try:
        known = hasattr(value, "__dlpack__") or array_module(value) is not np
        array = as_array(value) if known else None
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if array is None or array_module(array) is np:
        return as_host(name, value if array is None else array)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} holds {array.dtype} values: numbers belong there.")
    return array


def check_shape(name: str, array: np.ndarray, shape: tuple[int, ...], axes: str) -> None:
    """Raise InputError unless the array has this shape; axes names it, "(batch, tokens)"."""
    if array.shape != shape:
        raise InputError(f"{name} has shape {array.shape}: {axes} is {shape} here.")


def check_ids(name: str, value: Any, size: int, what: str, ignore: int | None = None) -> np.ndarray:
    """value as integers, each in 0..size-1 (or `ignore`).

    Raises:
        InputError: not integers, or one outside; the message gives its place and value.
    """
    ids = as_host(name, value)
    if ids.dtype.kind not in "iu":
        raise InputError(f"{name} holds {ids.dtype} values: integers belong there.")
    wrong = (ids < 0) | (ids >= size)
    if ignore is not None:
        wrong &= ids != ignore
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        or_ignored = f", or {ignore} to be ignored" if ignore is not None else ""
        raise InputError(
            f"{name}[{', '.join(map(str, place))}] is {ids[place]}: {what} 0..{size - 1}{or_ignored} exist here."
        )
    return ids.astype(np.int64, copy=False)


def check_text_shape(input_ids: Any, inputs_embeds: Any, vocab_size: int, width: int) -> tuple[np.ndarray, int, int]:
    """Exactly one of input_ids (B, T) and inputs_embeds (B, T, width), not empty -> the array, B, T."""
    if (input_ids is None) == (inputs_embeds is None):
        given = "both input_ids and inputs_embeds were"
        if input_ids is None:
            given = "neither input_ids nor inputs_embeds was"
        raise InputError(f"{given} given: give exactly one of them.")
    if input_ids is not None:
        array = as_host("input_ids", input_ids)
        if array.ndim != 2:
            raise InputError(f"input_ids has shape {array.shape}: (batch, tokens) has two axes.")
    else:
        array = as_real("inputs_embeds", inputs_embeds)
        if array.ndim != 3 or array.shape[2] != width:
            raise InputError(f"inputs_embeds has shape {array.shape}: (batch, tokens, {width}) belongs there.")
    if 0 in array.shape[:2]:
        name = "input_ids" if input_ids is not None else "inputs_embeds"
        raise InputError(f"{name} has shape {array.shape}: at least one text and one token belong there.")
    if input_ids is not None:
        array = check_ids("input_ids", array, vocab_size, "ids")
    return array, array.shape[0], array.shape[1]


def check_positions(value: Any, batch: int, tokens: int, rows: int) -> np.ndarray:
    """position_ids (B, T), (1, T) or (T,) -> (B or 1, T), each in 0..rows-1. Raises InputError."""
    positions = as_host("position_ids", value)
    if positions.ndim == 1:
        positions = positions[None]
    if positions.shape not in ((batch, tokens), (1, tokens)):
        raise InputError(
            f"position_ids has shape {positions.shape}: ({batch}, {tokens}) or (1, {tokens}) belongs there."
        )
    return check_ids("position_ids", positions, rows, "positions")


def check_mask(name: str, value: Any, shapes: list[tuple[int, ...]], axes: str) -> np.ndarray:
    """A mask of one of these shapes, 1 to keep and 0 to leave out. Raises InputError."""
    mask = as_host(name, value)
    if mask.shape not in shapes:
        wanted = " or ".join(str(shape) for shape in shapes)
        raise InputError(f"{name} has shape {mask.shape}: {axes}, {wanted} here.")
    mask = mask.astype(np.float64)  # wide enough for any dtype's least finite number
    if not ((mask >= 0) & (mask <= 1)).all():
        raise InputError(
            f"{name} holds values from {mask.min():g} to {mask.max():g}: 1 keeps a token and 0 leaves it out; "
            "the large negative number is added by the model itself."
        )
    return mask


def additive_mask(mask: np.ndarray, xp: ModuleType, dtype: np.dtype) -> Array:
    """(B, S) or (B, T, S) of 1 and 0 -> (B, 1, 1 or T, S) of 0 and the dtype's least finite number.

    Finite, because softmax of a row of minus infinities would be NaN; a row that is wholly masked gets the
    uniform distribution instead.
    """
    axes = (slice(None), None, None) if mask.ndim == 2 else (slice(None), None)
    added = (mask[axes] - 1.0) * float(np.finfo(dtype).max)
    return move(added, xp, dtype)


def causal(mask: np.ndarray, tokens: int, past: int) -> np.ndarray:
    """mask (B, S) -> (B, T, S): a token sees itself, those before it and the cached ones, where the mask has 1."""
    keys = np.arange(past + tokens)
    return (keys[None, :] <= (past + np.arange(tokens))[:, None]) * mask[:, None, :]


def check_cache(past: Any, config: Any, batch: int, xp: ModuleType, dtype: np.dtype) -> Cache:
    """A `Cache`, or one made of the older form with a tuple of arrays a layer; its sizes must fit.

    Raises:
        InputError: the model is no decoder, or layers, batch, heads or widths differ.
    """
    if not config.is_decoder:
        raise InputError("past_key_values was given, but the model is an encoder: only is_decoder=True uses a cache.")
    if not isinstance(past, Cache):
        if not isinstance(past, Sequence) or isinstance(past, str):
            raise InputError(
                f"past_key_values is a {type(past).__name__}: a Cache or one tuple of arrays a layer belongs there."
            )
        past = Cache.from_legacy_cache(past, xp, dtype)
    if len(past) not in (0, config.num_hidden_layers):
        raise InputError(f"past_key_values has {len(past)} layers, the model {config.num_hidden_layers}.")
    heads = config.num_attention_heads
    width = config.hidden_size // heads
    for i, layer in enumerate(past):
        for array in layer[:2]:
            expected = (batch, heads, past.get_seq_length(), width)
            if array.shape != expected:
                raise InputError(f"past_key_values[{i}] holds an array of shape {array.shape}: {expected} fits here.")
    return past


def check_head_mask(value: Any, layers: int, heads: int) -> np.ndarray | None:
    """(N,) or (L, N) -> (L, N); None stays None. Raises InputError."""
    if value is None:
        return None
    mask = as_host("head_mask", value)
    if mask.shape not in ((heads,), (layers, heads)):
        raise InputError(f"head_mask has shape {mask.shape}: ({heads},) or ({layers}, {heads}) belongs there.")
    return np.broadcast_to(mask, (layers, heads))


def check_encoder_states(config: Any, states: Any, mask: Any, batch: int, tokens: int) -> tuple[Any, Any]:
    """encoder_hidden_states (B, S, D) and their mask (B, S) or (B, T, S), for a decoder with cross-attention."""
    if states is None:
        if mask is not None:
            raise InputError("encoder_attention_mask was given without encoder_hidden_states.")
        return None, None
    if not config.add_cross_attention:
        raise InputError(
            "encoder_hidden_states was given, but the model has no cross-attention: "
            "it needs is_decoder=True and add_cross_attention=True in its configuration."
        )
    array = as_real("encoder_hidden_states", states)
    if array.ndim != 3 or array.shape[0] != batch or array.shape[2] != config.hidden_size or array.shape[1] == 0:
        raise InputError(
            f"encoder_hidden_states has shape {array.shape}: ({batch}, tokens, {config.hidden_size}) belongs there."
        )
    keys = array.shape[1]
    if mask is None:
        return array, np.ones((batch, keys))
    shapes = [(batch, keys), (batch, tokens, keys)]
    return array, check_mask("encoder_attention_mask", mask, shapes, "(batch, keys) or (batch, tokens, keys)")


def check_logits_to_keep(value: Any, tokens: int) -> Any:
    """0 for all, n for the last n, or a list of places -> an index of the token axis. Raises InputError."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        if value < 0:
            raise InputError(f"logits_to_keep is {value}: 0 for all tokens, or how many of the last ones.")
        return slice(-int(value), None) if value else slice(None)
    places = as_host("logits_to_keep", value)
    if places.ndim != 1 or places.dtype.kind not in "iu" or places.size == 0:
        raise InputError(
            f"logits_to_keep has shape {places.shape} and dtype {places.dtype}: "
            "a number or a list of places belongs there."
        )
    if places.min() < -tokens or places.max() >= tokens:
        raise InputError(
            f"logits_to_keep reaches from {places.min()} to {places.max()}, but the texts have {tokens} tokens."
        )
    return places % tokens


def check_labels(name: str, value: Any, shape: tuple[int, ...], axes: str, classes: int) -> np.ndarray:
    """Labels of this shape in 0..classes-1, or -100 to be ignored; a bare number for a batch of one text.

    Raises InputError.
    """
    labels = as_host(name, value)
    if labels.ndim == 0 and shape == (1,):
        labels = labels[None]
    if labels.shape != shape and labels.shape == (*shape, 1):
        labels = labels[..., 0]
    check_shape(name, labels, shape, axes)
    return check_ids(name, labels, classes, "labels", ignore=-100)


def check_targets(name: str, value: Any, shape: tuple[int, ...], axes: str) -> np.ndarray:
    """Real-valued targets of this shape. Raises InputError."""
    targets = as_host(name, value)
    if targets.shape != shape and targets.size == np.prod(shape) and 1 in (targets.ndim, len(shape)):
        targets = targets.reshape(shape) if shape[-1:] == (1,) or targets.shape[-1:] == (1,) else targets
    check_shape(name, targets, shape, axes)
    return targets


def check_problem_labels(config: Any, value: Any, batch: int) -> tuple[str, np.ndarray]:
    """The problem that a sequence classifier is given, and its labels (B,) or (B, C).

    The problem is the configuration's `problem_type`. Without one the labels tell: one class means regression; several
    and integers single-label, several and reals multi-label classification. Raises InputError.
    """
    classes, labels = config.num_labels, as_host("labels", value)
    problem = config.problem_type
    if problem is None and classes == 1:
        problem = "regression"
    elif problem is None:
        problem = "single_label_classification" if labels.dtype.kind in "iu" else "multi_label_classification"
    if problem == "single_label_classification":
        return problem, check_labels("labels", labels, (batch,), "(batch,)", classes)
    if labels.dtype.kind == "b":
        labels = labels.astype(float)
    labels = check_targets("labels", labels, (batch, classes), "(batch, classes)")
    if problem == "multi_label_classification" and not ((labels >= 0) & (labels <= 1)).all():
        reach = f"from {labels.min():g} to {labels.max():g}"
        raise InputError(f"labels reach {reach}: a number from 0 to 1 for every class belongs there.")
    return problem, labels
