"""One array of a pack: its name there, what kind of array it is, and what is known about it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# the kinds, as manifests and reports call them
INPUT, VALUE, GRADIENT, PARAMETER_GRADIENT = "input", "value", "gradient", "parameter gradient"
TRAINING_LOSS, TRAINED_PARAMETER, OPTIMISER_STATE = "training loss", "trained parameter", "optimiser state"

# what stands before the names of those that are no values
INPUT_PREFIX, SEED_PREFIX = "input/", "seed/"
GRADIENT_PREFIX, PARAMETER_GRADIENT_PREFIX = "grad/", "parameter_grad/"


class NamedArray(NamedTuple):
    """One array of a run.

    Attributes:
        name: in the pack; of a value its name in the trace, with a prefix for everything else.
        kind: VALUE, GRADIENT, INPUT and so on.
        array: the numbers, on the host.
        shape: in letters, "B T D"; "" where there are none.
        formula: how it is computed.
        aliases: other names of it.
    """

    name: str
    kind: str
    array: np.ndarray
    shape: str = ""
    formula: str = ""
    aliases: tuple[str, ...] = ()


Sink = Callable[[NamedArray], None]  # takes the arrays of a run, one after the other
