"""Which number of the output the page explains, and what every token contributes to it."""

from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError
from minibert.explorer.tokens import Reader
from minibert.inspection.attributions import PARTS, Attribution, Target, gradient_x_input, integrated_gradients


def own_target(output: Any, places: list[int]) -> Target:
    """The number that is explained where none was named: the largest logit, of a language model at the first place.

    Raises:
        InputError: the output has no logits.
    """
    for field in ("logits", "prediction_logits", "start_logits"):
        if field in output:
            logits = to_numpy(output[field])[0]
            if logits.ndim == 2 and places:
                return Target(field, (places[0], int(logits[places[0]].argmax())))
            return Target(field, tuple(int(i) for i in np.unravel_index(int(logits.argmax()), logits.shape)))
    raise InputError(
        "the model has no logits to take gradients of: name a number, gradients=('last_hidden_state', (0, 0))."
    )


def attribute(model: Any, target: Target, inputs: dict[str, Any], integrated: int, read: Reader) -> dict[str, Any]:
    """The attributions to a number, by what the page calls them.

    Args:
        inputs: one text.
        integrated: steps of integrated gradients, 0 for none.
        read: an id's token as text.
    """
    label = _in_words(model, target, read)
    found = {f"Gradient × input of {label}": gradient_x_input(model, target, **inputs)}
    if integrated:
        name = f"Integrated gradients of {label}, {integrated} steps"
        found[name] = integrated_gradients(model, target, steps=integrated, **inputs)
    return found


def _in_words(model: Any, target: Target, read: Reader) -> str:
    if len(target.place) == 2 and "logits" in target.field and getattr(model, "lm_head_module", None) is not None:
        return f"the logit of “{read(int(target.place[1]))}” at token {target.place[0]}"
    return f"{target.field}[{', '.join(map(str, target.place))}]"


def record(name: str, attribution: Attribution, tokens: int) -> dict[str, Any]:
    """An attribution of the page's one text as JSON has it.

    Raises:
        InputError: it is of a text with another number of tokens.
    """
    parts = {part: np.asarray(getattr(attribution, part))[0] for part in PARTS}
    for part, shares in parts.items():
        if shares.shape != (tokens,):
            raise InputError(f"the attribution {name!r} has {shares.shape} for {part}, but the text {tokens} tokens.")
    numbers: dict[str, Any] = {part: [_short(x) for x in shares] for part, shares in parts.items()}
    numbers["target"] = _short(attribution.target[0])
    for field in ("baseline", "gap"):  # of each kind of embedding that the model has
        numbers[field] = {part: _short(each[0]) for part, each in getattr(attribution, field).items()}
    return {"name": name, **numbers}


def _short(number: Any) -> float:
    """To five digits."""
    return float(f"{float(number):.5g}")
