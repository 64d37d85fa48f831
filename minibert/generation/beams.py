"""Beam search: the K best texts so far are continued side by side.

The rules are those of transformers' vectorised search (4.50 and later), so that the tokens are the same:

* a step looks at the max(2, 1 + number of end tokens) · K best continuations, of which the best K that are not
  complete go on;
* a complete text counts if it is among the best K, with the sum of its logarithms divided by
  (new tokens) ** length_penalty; the K best of those are kept;
* with early_stopping=True a prompt is done when it has K complete texts; with False also when the best running text
  could not beat the worst of them at its present length; with "never" at the length that would be best for it.
"""

from typing import Any, NamedTuple

import numpy as np

from minibert.functional.softmax import log_softmax
from minibert.generation.decoder import Decoder
from minibert.generation.processors import Processor
from minibert.generation.stopping import Stopping

NEVER = np.float32(-1e9)  # the score of what must not be chosen


class Found(NamedTuple):
    """Texts (B, K, L), the best first: their scores (B, K) and their numbers of new tokens (B, K)."""

    texts: np.ndarray
    scores: np.ndarray
    lengths: np.ndarray


class BeamSearch:
    """One search over B prompts with K beams each.

    Args:
        beams: K.
        length_penalty: above 0 favours long texts, below 0 short ones.
        early_stopping: True, False or "never", see above.
        fill: what stands after the end of a text.
        rng: draws the continuations instead of taking the best; None takes the best.
    """

    def __init__(
        self,
        decoder: Decoder,
        chain: list[Processor],
        stopping: Stopping,
        *,
        beams: int,
        length_penalty: float,
        early_stopping: Any,
        fill: int,
        rng: np.random.Generator | None,
        kept: list[np.ndarray] | None,
    ) -> None:
        self.decoder, self.chain, self.stopping = decoder, chain, stopping
        self.beams, self.length_penalty, self.early_stopping = beams, length_penalty, early_stopping
        self.fill, self.rng, self.kept = fill, rng, kept
        self.width = max(2, 1 + len(stopping.eos)) * beams  # continuations that a step looks at

    def run(self, ids: np.ndarray) -> Found:
        """Continue ids (B, L)."""
        batch, self.prompt = ids.shape
        self.length = self.prompt
        self.running = np.full((batch, self.beams, self.stopping.most), self.fill, dtype=np.int64)
        self.running[:, :, : self.prompt] = ids[:, None]
        # at first all beams are the same text, so only the first counts
        self.scores = np.full((batch, self.beams), NEVER)
        self.scores[:, 0] = 0.0
        self.found = Found(self.running.copy(), np.full_like(self.scores, NEVER), np.zeros((batch, self.beams), int))
        self.complete = np.zeros((batch, self.beams), dtype=bool)
        self.improvable = np.ones((batch, 1), dtype=bool)
        logits = np.repeat(self.decoder.next_logits(ids), self.beams, axis=0)
        self.decoder.repeat(self.beams)
        while self.step(logits):
            logits = self.decoder.next_logits(self._flat(self.running[:, :, : self.length]))
        return self.found

    def step(self, logits: np.ndarray) -> bool:
        """One more token from the logits (B · K, V) of the running texts; whether to go on."""
        totals, parents, texts = self._continuations(logits)
        texts_so_far = self._flat(texts[:, :, : self.length + 1])
        ended = self.stopping(texts_so_far, None).reshape(len(totals), self.width)
        self._go_on(totals, parents, texts, ended)
        self._keep_complete(totals, texts, ended)
        self.length += 1
        self._look_ahead()
        enough = self.complete.all() and self.early_stopping is True
        return bool(self.improvable.any() and not enough and not ended.all())

    def _continuations(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best continuations: sums of logarithms (B, W), the beams they come from (B, W), texts (B, W, L)."""
        batch, vocabulary = len(self.running), logits.shape[1]
        scores = log_softmax(logits)
        texts_so_far = self._flat(self.running[:, :, : self.length])
        for process in self.chain:
            scores = process(texts_so_far, scores)
        if self.kept is not None:
            self.kept.append(scores)
        totals = (scores.reshape(batch, self.beams, vocabulary) + self.scores[:, :, None]).reshape(batch, -1)
        places = self._pick(totals)
        parents = places // vocabulary
        texts = np.take_along_axis(self.running, parents[:, :, None], axis=1)
        texts[:, :, self.length] = places % vocabulary
        return np.take_along_axis(totals, places, axis=1), parents, texts

    def _pick(self, totals: np.ndarray) -> np.ndarray:
        """The best W places of each row; drawn ones are W different places, by probability (Kool et al. 2019)."""
        if self.rng is not None:
            totals = totals + self.rng.gumbel(size=totals.shape)
        return _best(totals, self.width)

    def _go_on(self, totals: np.ndarray, parents: np.ndarray, texts: np.ndarray, ended: np.ndarray) -> None:
        """The best K continuations that have not ended become the running texts."""
        totals = totals + ended.astype(np.float32) * NEVER
        chosen = _best(totals, self.beams)
        self.running = np.take_along_axis(texts, chosen[:, :, None], axis=1)
        self.scores = np.take_along_axis(totals, chosen, axis=1)
        rows = np.take_along_axis(parents, chosen, axis=1) + np.arange(len(parents))[:, None] * self.beams
        self.decoder.reorder(rows.ravel())

    def _keep_complete(self, totals: np.ndarray, texts: np.ndarray, ended: np.ndarray) -> None:
        """Take up what has ended among the best K, if it is better than what is kept."""
        ended = ended & (np.arange(self.width) < self.beams)
        full = self.complete.all(axis=1, keepdims=True) & (self.early_stopping is True)
        scores = totals / np.float32((self.length + 1 - self.prompt) ** self.length_penalty)
        for shut in (full, ~self.improvable, ~ended):
            scores = scores + shut.astype(np.float32) * NEVER
        scores = np.concatenate([self.found.scores, scores], axis=1)
        lengths = np.full_like(ended, self.length + 1 - self.prompt, dtype=int)
        chosen = _best(scores, self.beams)
        self.found = Found(
            np.take_along_axis(np.concatenate([self.found.texts, texts], axis=1), chosen[:, :, None], axis=1),
            np.take_along_axis(scores, chosen, axis=1),
            np.take_along_axis(np.concatenate([self.found.lengths, lengths], axis=1), chosen, axis=1),
        )
        self.complete = np.take_along_axis(np.concatenate([self.complete, ended], axis=1), chosen, axis=1)

    def _look_ahead(self) -> None:
        """Whether the best running text could still beat the worst complete one."""
        length = self.length - self.prompt
        if self.early_stopping == "never" and self.length_penalty > 0:
            length = self.stopping.most - self.prompt
        possible = self.scores[:, :1] / np.float32(length**self.length_penalty)
        worst = np.where(self.complete, self.found.scores.min(axis=1, keepdims=True), NEVER)
        self.improvable &= (possible > worst).any(axis=1, keepdims=True)

    @staticmethod
    def _flat(texts: np.ndarray) -> np.ndarray:
        return texts.reshape(-1, texts.shape[-1])


def _best(scores: np.ndarray, count: int) -> np.ndarray:
    """scores (B, n) -> the places (B, count) of the greatest, the greatest first."""
    if count < scores.shape[1] // 8:
        some = np.sort(np.argpartition(-scores, count, axis=1)[:, :count], axis=1)
        order = np.argsort(-np.take_along_axis(scores, some, axis=1), axis=1, kind="stable")
        return np.take_along_axis(some, order, axis=1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]
