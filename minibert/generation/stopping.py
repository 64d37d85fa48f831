"""When a text is complete."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError


class Stopping:
    """Whether texts are complete: at the greatest length, at an end token, or where a criterion says so.

    Args:
        most: the greatest length, prompt included.
        eos: the ids that end a text.
        criteria: functions of ids (B, L) and scores that give True or False, or one of them for each text.
    """

    def __init__(self, most: int, eos: Sequence[int], criteria: Sequence[Callable[..., Any]] | None) -> None:
        self.most = most
        self.eos = list(eos)
        self.criteria = list(criteria or ())

    def __call__(self, ids: np.ndarray, scores: Any = None) -> np.ndarray:
        """ids (B, L) -> (B,), True for what is complete."""
        done = np.full(len(ids), ids.shape[1] >= self.most)
        done |= np.isin(ids[:, -1], self.eos)
        for criterion in self.criteria:
            done |= self._ask(criterion, ids, scores)
        return done

    @staticmethod
    def _ask(criterion: Callable[..., Any], ids: np.ndarray, scores: Any) -> np.ndarray:
        answer = to_numpy(criterion(ids, scores))
        if answer.dtype != np.bool_ or answer.shape not in ((), (len(ids),)):
            raise InputError(
                f"a stopping criterion gave {answer.dtype} values of shape {answer.shape}: "
                f"True or False, or {len(ids)} of them, belong there."
            )
        return answer
