"""From a model and a text to the data of a page, as plain JSON values."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError, TraceError
from minibert.explorer import attributions, predictions, values
from minibert.explorer.packing import Blob, code_probabilities
from minibert.explorer.tokens import Reader, Row, encode, reader
from minibert.inspection.attributions import Target
from minibert.trace import Trace

ATTENTION_BUDGET = 2_600_000  # bytes of codes; in base64 a third more
_PROBS = re.compile(r"encoder\.layer\.(\d+)\.attention\.self\.probs$")


class Options(NamedTuple):
    """What `explore` was asked for beyond a text."""

    pair: str | None = None
    layers: Any = None
    places: Any = None
    top: int = 8
    gradients: Any = False
    integrated: int = 0
    trace: Trace | None = None
    attributions: Mapping[str, Any] | None = None


def gather(model: Any, tokenizer: Any, text: str, options: Options) -> dict[str, Any]:
    """Everything that the page shows of one text.

    Raises:
        InputError: the text has too many tokens for the model or the page, or an option does not fit.
        TraceError: the given trace is of another text, or holds no attention.
    """
    if model.reads_choices:
        raise InputError(f"{type(model).__name__} reads several texts at once: explore its encoder instead.")
    if options.top < 1:
        raise InputError(f"top is {options.top}: at least one prediction belongs there.")
    row = encode(tokenizer, text, options.pair)
    layers = _choose_layers(options.layers, model.config.num_hidden_layers)
    _check_size(len(row.tokens), layers, model.config.num_attention_heads)
    places = predictions.choose_places(options.places, row.tokens)
    if options.places is not None and getattr(model, "lm_head_module", None) is None:
        raise InputError(f"{type(model).__name__} has no language-model head: it predicts nothing at places.")
    read = reader(tokenizer)
    trace, attributed = _run(model, row, options, places, read)
    data = {
        "model": _about(model, tokenizer),
        "tokens": row.tokens,
        "texts": row.texts,
        "layers": layers,
        "attention": _attention(trace, layers, len(row.tokens)),
        "walk": values.describe(trace, len(row.tokens), layers),
        "predictions": [],
        "attributions": [attributions.record(name, each, len(row.tokens)) for name, each in attributed.items()],
    }
    if getattr(model, "lm_head_module", None) is not None and places:
        base = getattr(model, "base_model", model)
        states = [trace[name] for name in (base.stack_input_name, *(layer.path for layer in base.encoder.layer))]
        data["predictions"] = predictions.describe(model, read, states, places, options.top)
    return data


def _choose_layers(layers: Any, count: int) -> list[int]:
    if layers is None:
        return list(range(count))
    chosen = sorted({int(layer) for layer in layers})
    if not chosen or chosen[0] < 0 or chosen[-1] >= count:
        raise InputError(f"layers is {list(layers)}: numbers from 0 to {count - 1} belong there.")
    return chosen


def _check_size(tokens: int, layers: list[int], heads: int) -> None:
    longest = int((ATTENTION_BUDGET / (len(layers) * heads)) ** 0.5)
    if tokens > longest:
        raise InputError(
            f"the text has {tokens} tokens, and a page with {len(layers)} layers of {heads} heads holds {longest}: "
            "shorten the text, or choose fewer layers."
        )


def _about(model: Any, tokenizer: Any) -> dict[str, Any]:
    config = model.config
    return {
        "class": type(model).__name__,
        "tokenizer": type(tokenizer).__name__,
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "width": config.hidden_size,
        "vocabulary": config.vocab_size,
        "parameters": int(sum(array.size for array in model.parameters.values())),
        "dtype": str(model.dtype),
        "lm": getattr(model, "lm_head_module", None) is not None,
    }


def _run(model: Any, row: Row, options: Options, places: list[int], read: Reader) -> tuple[Trace, dict[str, Any]]:
    """The trace that the page shows, with gradients if they are asked for, and attributions by name."""
    given = dict(options.attributions or {})
    asked = options.gradients
    if options.trace is not None:
        if asked is not False:
            raise InputError("a trace was given: run model.backward(trace) before, or leave gradients to explore.")
        return options.trace, given
    if not isinstance(asked, bool) and not (isinstance(asked, tuple) and len(asked) == 2):
        raise InputError(f"gradients is {asked!r}: True, or (field, index), such as ('logits', 2), belongs there.")
    trace = Trace()
    output = model(**row.inputs, trace=trace, return_dict=True)
    if asked is False:
        return trace, given
    target = attributions.own_target(output, places) if asked is True else Target.read(asked)
    found = attributions.attribute(model, target, row.inputs, options.integrated, read)
    model.backward(trace, target.seed(output, model.dtype))
    return trace, {**found, **given}


def _attention(trace: Trace, layers: list[int], tokens: int) -> dict[str, Any]:
    """The probabilities of the layers' self-attention, (layers, N, T, T), coded row by row."""
    found = {int(match[1]): name for name in trace if (match := _PROBS.search(name))}
    missing = [layer for layer in layers if layer not in found]
    if missing:
        raise TraceError(f"the trace holds no attention probabilities of layer {missing[0]}: keep '*.probs' too.")
    arrays = [to_numpy(trace[found[layer]])[0] for layer in layers]
    if arrays[0].shape[-1] != tokens:
        raise TraceError(f"the trace is of a text with {arrays[0].shape[-1]} tokens: this one has {tokens}.")
    probs = np.stack(arrays)
    bits = 16 if 2 * probs.size <= ATTENTION_BUDGET else 8
    codes, scales = code_probabilities(probs.reshape(-1, tokens), bits)
    blob, floats = Blob(codes.dtype), Blob("<f4")
    blob.add(codes)
    floats.add(scales)
    heads = probs.shape[1]
    return {"heads": heads, "bits": bits, "codes": blob.base64(), "scales": floats.base64()}
