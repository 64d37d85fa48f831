"""From a model and a text to the data of a page, as plain JSON values."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError, TraceError
from minibert.explorer import predictions, values
from minibert.explorer.packing import Blob, code_probabilities
from minibert.explorer.tokens import Row, encode, readable
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
    if "MultipleChoice" in type(model).__name__:
        raise InputError(f"{type(model).__name__} reads several texts at once: explore its encoder instead.")
    if options.top < 1:
        raise InputError(f"top is {options.top}: at least one prediction belongs there.")
    row = encode(tokenizer, text, options.pair)
    layers = _choose_layers(options.layers, model.config.num_hidden_layers)
    _check_size(len(row.tokens), layers, model.config.num_attention_heads)
    places = predictions.choose_places(options.places, row.tokens)
    if options.places is not None and getattr(model, "lm_head_module", None) is None:
        raise InputError(f"{type(model).__name__} has no language-model head: it predicts nothing at places.")
    trace, attributions = _run(model, tokenizer, row, options, places)
    data = {
        "model": _about(model, tokenizer),
        "tokens": row.tokens,
        "texts": row.texts,
        "layers": layers,
        "attention": _attention(trace, layers, len(row.tokens)),
        "walk": values.describe(trace, len(row.tokens), layers),
        "predictions": [],
        "attributions": attributions,
    }
    if getattr(model, "lm_head_module", None) is not None and places:
        base = getattr(model, "base_model", model)
        states = [trace[name] for name in (base.stack_input_name, *(layer.path for layer in base.encoder.layer))]
        data["predictions"] = predictions.describe(model, _reader(tokenizer), states, places, options.top)
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


def _reader(tokenizer: Any) -> Any:
    """id -> readable token; a model may have more rows than the vocabulary has tokens."""

    def read(id_: int) -> str:
        try:
            return readable(tokenizer, tokenizer.convert_ids_to_tokens(id_))
        except InputError:
            return f"#{id_}"

    return read


# the pass and its gradients


def _run(
    model: Any, tokenizer: Any, row: Row, options: Options, places: list[int]
) -> tuple[Trace, list[dict[str, Any]]]:
    """The trace that the page shows, and attributions as records."""
    given = dict(options.attributions or {})
    trace = options.trace
    if trace is None:
        trace = Trace()
        asked = options.gradients
        if not isinstance(asked, bool) and not (isinstance(asked, tuple) and len(asked) == 2):
            raise InputError(f"gradients is {asked!r}: True, or (field, index), such as ('logits', 2), belongs there.")
        output = model(**row.inputs, trace=trace, return_dict=True)
        if asked is not False:
            target = _own_target(output, row, places) if asked is True else asked
            given = {
                **_attribute(model, _label(tokenizer, model, target), row, trace, output, target, options.integrated),
                **given,
            }
    elif options.gradients is not False:
        raise InputError("a trace was given: run model.backward(trace) before, or leave gradients to explore.")
    return trace, [_attribution(name, each, len(row.tokens)) for name, each in given.items()]


def _own_target(output: Any, row: Row, places: list[int]) -> tuple[str, Any]:
    """The number whose gradients are shown: the largest logit, of a language model at the first masked place."""
    for field in ("logits", "prediction_logits", "start_logits"):
        if field in output:
            logits = to_numpy(output[field])[0]
            if logits.ndim == 2 and places:
                return field, (places[0], int(logits[places[0]].argmax()))
            return field, tuple(int(i) for i in np.unravel_index(int(logits.argmax()), logits.shape))
    raise InputError(
        "the model has no logits to take gradients of: name a number, gradients=('last_hidden_state', (0, 0))."
    )


def _label(tokenizer: Any, model: Any, target: tuple[str, Any]) -> str:
    """A number of the output in words."""
    field, index = target
    index = index if isinstance(index, tuple) else (index,)
    if len(index) == 2 and "logits" in field and getattr(model, "lm_head_module", None) is not None:
        return f"the logit of “{_reader(tokenizer)(int(index[1]))}” at token {index[0]}"
    return f"{field}[{', '.join(map(str, index))}]"


def _attribute(
    model: Any, label: str, row: Row, trace: Trace, output: Any, target: Any, integrated: int
) -> dict[str, Any]:
    """Fill the trace's gradients from the target; gives the attributions to it."""
    from minibert.inspection.analysis import gradient_x_input, integrated_gradients

    field, index = target
    index = index if isinstance(index, tuple) else (index,)
    found = {f"Gradient × input of {label}": gradient_x_input(model, (field, index), **row.inputs)}
    if integrated:
        name = f"Integrated gradients of {label}, {integrated} steps"
        found[name] = integrated_gradients(model, (field, index), steps=integrated, **row.inputs)
    seed = np.zeros(output[field].shape, dtype=model.dtype)
    seed[(0, *index)] = 1.0
    model.backward(trace, {field: seed})
    return found


def _attribution(name: str, attribution: Any, tokens: int) -> dict[str, Any]:
    parts = {part: np.asarray(getattr(attribution, part))[0] for part in ("word", "position", "type")}
    for part, shares in parts.items():
        if shares.shape != (tokens,):
            raise InputError(f"the attribution {name!r} has {shares.shape} for {part}, but the text {tokens} tokens.")
    record: dict[str, Any] = {part: [float(f"{x:.5g}") for x in shares] for part, shares in parts.items()}
    record["target"] = float(f"{float(attribution.target[0]):.5g}")
    for number in ("baseline", "gap"):  # of each kind of embedding that the model has
        record[number] = {part: float(f"{float(each[0]):.5g}") for part, each in getattr(attribution, number).items()}
    return {"name": name, **record}


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
