"""Known mistakes of the loss: a mean that was taken otherwise."""

import math

import numpy as np

from minibert.functional.losses import IGNORE_INDEX
from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair


def wrong_loss(pair: TensorPair) -> Mistakes:
    """A mean that was taken otherwise."""
    labels = pair.golden_value("input/labels")
    if labels is None:
        return
    counted = int((labels != IGNORE_INDEX).sum())
    total = float(pair.golden) * counted
    if counted > 1:
        yield f"the loss is the sum over {counted} labels, not their mean", np.array(total)
    if 0 < counted < labels.size:
        yield f"the mean is over all labels, those of {IGNORE_INDEX} counted in", np.array(total / labels.size)
    yield "the logarithm is to the base 2", np.array(float(pair.golden) / math.log(2.0))
