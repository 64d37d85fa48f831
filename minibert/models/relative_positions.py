"""Relative positions in attention: a vector for every distance between two tokens, which adds to their score.

`relative_key` is Shaw et al. 2018, section 3.2; `relative_key_query` is Huang et al. 2020, method 4.
"""

from minibert import functional as F
from minibert.backend import Array
from minibert.models.module import Module
from minibert.models.parameters import Parameter, Parameters
from minibert.trace import Backward, Run


class RelativePositions(Module):
    """score[t, s] = query[t] · table[t - s], with `relative_key_query` also + key[s] · table[t - s].

    Parameter: weight (2 P - 1, K), a row for every distance from -(P - 1) to P - 1.
    """

    weight = Parameter()

    def __init__(self, path: str, parameters: Parameters, positions: int, width: int, of_keys: bool) -> None:
        super().__init__(path, parameters)
        self.positions, self.of_keys = positions, of_keys
        self.formula = "query distanceᵀ + key distanceᵀ" if of_keys else "query distanceᵀ"
        self.declare("weight", (2 * positions - 1, width), "normal")

    def forward(self, query: Array, key: Array, cached: bool, run: Run) -> Array:
        """query (B, N, T, K), key (B, N, S, K) -> what adds to the scores (B, N, T, S)."""
        distance = self._distance(query.shape[2], key.shape[2], cached)
        run.save(self.path, distance)
        scores = F.relative_scores(query, self.weight, distance)
        if self.of_keys:
            scores += F.relative_scores(key, self.weight, distance.T).swapaxes(-1, -2)
        return scores

    def backward(self, dscores: Array, query: Array, key: Array, back: Backward) -> tuple[Array, Array | None]:
        """dscores (B, N, T, S) -> dquery (B, N, T, K), dkey (B, N, S, K) or None. forward: a sum of two terms."""
        distance = back.saved(self.path)
        dquery, dtable = F.relative_scores_backward(dscores, query, self.weight, distance)
        back.add(self.names["weight"], dtable)
        if not self.of_keys:
            return dquery, None
        by_key = dscores.swapaxes(-1, -2)  # (B, N, S, T)
        if distance.shape[0] == 1:  # all queries shared one row of distances
            by_key = by_key.sum(axis=-1, keepdims=True)
        dkey, dtable = F.relative_scores_backward(by_key, key, self.weight, distance.T)
        back.add(self.names["weight"], dtable)
        return dquery, dkey

    def _distance(self, tokens: int, keys: int, cached: bool) -> Array:
        """Row of the table for every query and key: t - s + P - 1, (T, S).

        With a cache every query counts as the last token, (1, S): that is how the reference has it, which
        makes it exact for one new token at a time and shifts the earlier ones of a longer call.
        """
        xp = self.parameters.xp
        places = xp.full((1, 1), keys - 1) if cached else xp.arange(tokens)[:, None]
        return places - xp.arange(keys)[None, :] + self.positions - 1
