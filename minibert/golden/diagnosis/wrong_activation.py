"""Known mistakes of the activations: another one, none, or tanh-GELU where erf-GELU belongs."""

import math

import numpy as np

from minibert.functional.activations import ACTIVATIONS
from minibert.functional.numbers import erf
from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair

_LIKELY = ("gelu_new", "gelu", "quick_gelu", "relu", "silu", "tanh", "sigmoid", "linear", "gelu_10", "relu6")


def wrong_activation(pair: TensorPair) -> Mistakes:
    """Another function of the same dense output."""
    dense = pair.value_fed(_dense_of(pair))
    if dense is None:
        return
    act = str(pair.config.get("hidden_act", "gelu"))
    if pair.entry.formula.startswith("tanh"):
        yield "the tanh is missing", dense
        yield "tanh was applied twice", np.tanh(np.tanh(dense))
        return
    yield from wrong_activations(act, dense)


def wrong_activations(act: str, dense: np.ndarray) -> Mistakes:
    """What stands for the activation of that name."""
    yield "the activation is missing", dense
    for words, value in _wrong_gelu(dense) if act == "gelu" else ():
        yield words, value
    for other in _LIKELY:
        if other in ACTIVATIONS and other != act:
            value = ACTIVATIONS[other].forward(dense)
            yield _activation_words(act, other), np.asarray(value)


def _wrong_gelu(dense: np.ndarray) -> Mistakes:
    """x Φ(x), Φ(x) = (1 + erf(x / √2)) / 2, with a part left out."""
    cdf = (1 + erf(dense / math.sqrt(2))) / 2
    yield "Φ(x) alone for x Φ(x): GELU multiplies it with x", cdf
    yield "erf without √2: Φ(x) is (1 + erf(x / √2)) / 2", dense * (1 + erf(dense)) / 2
    yield "the half is missing: Φ(x) is (1 + erf(x / √2)) / 2", 2 * dense * cdf
    yield "the 1 is missing: Φ(x) is (1 + erf(x / √2)) / 2", dense * (cdf - 0.5)


def _dense_of(pair: TensorPair) -> str:
    """The value that the activation was applied to."""
    own = f"{pair.name}.dense"
    return own if own in pair.pack else f"{pair.parent}.dense"


def _activation_words(golden: str, other: str) -> str:
    if golden == "gelu" and other == "gelu_new":
        return "tanh-GELU for erf-GELU: the approximation stands where the exact function belongs"
    if golden.startswith("gelu_") and other == "gelu":
        return "erf-GELU for tanh-GELU: the exact function stands where the approximation belongs"
    return f"another activation: {other} for {golden}"
