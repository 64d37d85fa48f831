"""Logits to scores."""

import numpy as np

from minibert.functional.softmax import softmax
from minibert.pipelines.scores import host_logits


def test_scores_of_float16_are_computed_in_float32() -> None:
    probs = softmax(host_logits(np.zeros(3000, dtype=np.float16)))
    assert probs.dtype == np.float32
    assert abs(float(probs.sum()) - 1) < 1e-5
