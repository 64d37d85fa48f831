"""The inputs of the ladder's cases: texts for a tokenizer, ids from a fixed seed without one."""

from typing import Any

import numpy as np

from minibert.golden.recording.text import encode
from minibert.models.files import PreTrainedModel

_SENTENCE = "The dog that the cat chased ran home, and slept."
_PAIR = ("Where did the dog run?", "It ran home and slept there.")
_BATCH = ["A cat.", "The dog that the cat chased ran home.", "Birds sing at dawn."]
_MOST_IDS = 30000  # of a larger vocabulary the first are drawn from
Inputs = dict[str, Any]


class CaseInputs:
    """Draws the inputs of one ladder, which are the same each time they are drawn in the same order.

    Args:
        model: whose vocabulary, positions and token types the inputs must fit.
        tokenizer: makes the inputs of the sentence, the pair and the batch, where there is one.

    Attributes:
        longest: tokens of the longest text that the model has positions for.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: Any) -> None:
        config = model.config
        self.tokenizer = tokenizer
        self.pad = int(config.pad_token_id or 0)
        self.longest = config.max_position_embeddings - (self.pad + 1 if config.model_type == "roberta" else 0)
        self.several_types = config.type_vocab_size > 1
        self._free = [i for i in range(min(config.vocab_size, _MOST_IDS)) if i != self.pad]
        self._rng = np.random.default_rng(5)

    def _ids(self, *shape: int) -> np.ndarray:
        """Token ids that are not padding."""
        return self._rng.choice(self._free, size=shape)

    def one_text(self, tokens: int) -> Inputs:
        """One text of this many tokens, or of the model's longest if that is less."""
        ids = self._ids(1, min(tokens, self.longest))
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)}

    def padded(self, lengths: list[int]) -> Inputs:
        """Texts of these lengths, the shorter ones with padding behind them."""
        lengths = [min(length, self.longest) for length in lengths]
        ids = np.full((len(lengths), max(lengths)), self.pad)
        for row, length in zip(ids, lengths, strict=True):
            row[:length] = self._ids(length)
        return {"input_ids": ids, "attention_mask": (ids != self.pad).astype(np.int64)}

    def sentence(self) -> tuple[Inputs, str | None]:
        """A sentence; and the text, if it was made of one."""
        drawn = self.one_text(9)
        if self.tokenizer is None:
            return drawn, None
        return dict(encode(self.tokenizer, _SENTENCE)), _SENTENCE

    def pair(self) -> tuple[Inputs, str | None, str | None]:
        """Two texts joined; and the texts, if it was made of any."""
        drawn = self.one_text(10)
        if self.tokenizer is not None:
            return dict(encode(self.tokenizer, *_PAIR)), *_PAIR
        if self.several_types:
            tokens = drawn["input_ids"].shape[1]
            drawn["token_type_ids"] = (np.arange(tokens)[None] >= tokens // 2).astype(np.int64)
        return drawn, None, None

    def batch(self) -> tuple[Inputs, list[str] | None]:
        """Three texts of different lengths; and the texts, if it was made of any."""
        if self.tokenizer is None:
            return self.padded([3, 8, 5]), None
        return dict(encode(self.tokenizer, _BATCH)), _BATCH

    def masked_row(self) -> Inputs:
        """Two texts, the second masked wholly."""
        inputs = self.padded([4, 4])
        inputs["attention_mask"] = inputs["attention_mask"] * np.array([[1], [0]])
        return inputs


def as_choices(inputs: Inputs) -> Inputs:
    """(B, T) -> (B, 2, T): every text with another one as its second choice."""
    return {name: np.stack([array, array[::-1]], axis=1) for name, array in inputs.items()}
