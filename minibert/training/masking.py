"""Masking for language models: which tokens are hidden, and how, from one seeded generator.

Devlin et al. 2018, section 3.1, task 1: of 15 % of the tokens, 80 % become [MASK], 10 % a random token and 10 %
stay. The masks are drawn anew for every batch (dynamic masking, Liu et al. 2019, section 4.1). With the same
seed the batches are those of transformers' collators with return_tensors="np".
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minibert.checks import check_number
from minibert.errors import InputError
from minibert.training.collators import IGNORED, DataCollatorWithPadding, Feature, check_features, pad_rows

# what was done to a token, in `MaskedTokens.rules`
LEFT_ALONE, MASKED, RANDOM, KEPT = 0, 1, 2, 3
RULES = ("left alone", "masked", "random", "kept")


class MaskedTokens(NamedTuple):
    """What masking gives, each (B, T)."""

    input_ids: np.ndarray
    labels: np.ndarray  # the token where it was chosen, -100 elsewhere
    rules: np.ndarray  # 0 left alone; chosen and 1 masked, 2 replaced by a random token, 3 kept as it was


class DataCollatorForLanguageModeling(DataCollatorWithPadding):
    """Pads texts and makes the labels of a language model.

    Args:
        tokenizer: with `pad`, `mask_token_id`, `get_special_tokens_mask` and a length.
        mlm: hide tokens (True), or label every token but padding for a causal model (False).
        whole_word_mask: choose words instead of tokens. They are told by a feature's `word_ids` or
            `offset_mapping`, or by the "##" of WordPiece tokens. The chosen tokens are replaced by the same
            three rules (transformers masks all of them).
        mlm_probability: how many tokens (or words) are chosen.
        mask_replace_prob, random_replace_prob: how many of them become [MASK] or a random token.
        pad_to_multiple_of: round the length up.
        seed: of the generator; None draws a fresh one.

    A feature may have `labels`: a token whose label is -100 is never chosen, and a chosen one keeps its label.
    """

    uses = ("labels", "word_ids", "offset_mapping", "special_tokens_mask")

    def __init__(
        self,
        tokenizer: Any,
        mlm: bool = True,
        whole_word_mask: bool = False,
        mlm_probability: float = 0.15,
        mask_replace_prob: float = 0.8,
        random_replace_prob: float = 0.1,
        pad_to_multiple_of: int | None = None,
        return_tensors: str = "np",
        seed: int | None = None,
    ) -> None:
        super().__init__(tokenizer, True, None, pad_to_multiple_of, return_tensors)
        if whole_word_mask and not mlm:
            raise InputError("whole_word_mask=True needs mlm=True: a causal model hides nothing.")
        if mlm and getattr(tokenizer, "mask_token_id", None) is None:
            raise InputError("the tokenizer has no mask token, which mlm=True needs: use mlm=False for a causal model.")
        for name, value in (("mlm_probability", mlm_probability), ("mask_replace_prob", mask_replace_prob),
                            ("random_replace_prob", random_replace_prob)):  # fmt: skip
            check_number(name, value, lower=0.0)
            if value > 1.0:
                raise InputError(f"{name} is {value!r}: a probability, at most 1, belongs there.")
        if mask_replace_prob + random_replace_prob > 1.0:
            raise InputError(
                f"mask_replace_prob {mask_replace_prob} and random_replace_prob {random_replace_prob} "
                "are together above 1."
            )
        self.mlm, self.whole_word_mask, self.mlm_probability = mlm, whole_word_mask, mlm_probability
        self.mask_replace_prob, self.random_replace_prob = mask_replace_prob, random_replace_prob
        self.rng = np.random.default_rng(seed)

    def __call__(self, features: Sequence[Feature]) -> dict[str, np.ndarray]:
        """[{"input_ids": list, ...}, ...] -> {"input_ids", "attention_mask", ..., "labels"}, each (B, T)."""
        return self.collate_with_rules(features)[0]

    def collate_with_rules(self, features: Sequence[Feature]) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The batch, and which rule hit each token: rules (B, T), see `MaskedTokens`."""
        rows = check_features(features)
        batch = super().__call__(rows)
        special = batch.pop("special_tokens_mask", None)
        given = self._given_labels(rows, batch)
        if not self.mlm:
            batch["labels"] = self._causal_labels(batch) if given is None else given
            return batch, np.zeros(batch["input_ids"].shape, dtype=np.int8)
        excluded = self._special_tokens(batch["input_ids"]) if special is None else special.astype(bool)
        if given is not None:
            excluded |= given == IGNORED
        words = self._words(rows, batch["input_ids"], excluded) if self.whole_word_mask else None
        masked = self.mask_tokens(batch["input_ids"], excluded, words)
        batch["input_ids"], batch["labels"] = masked.input_ids, masked.labels
        if given is not None:
            batch["labels"] = np.where(masked.rules != LEFT_ALONE, given, IGNORED)
        return batch, masked.rules

    def mask_tokens(self, input_ids: np.ndarray, excluded: np.ndarray, words: np.ndarray | None = None) -> MaskedTokens:
        """input_ids (B, T), excluded (B, T) True where nothing may be chosen, words (B, T) or None -> MaskedTokens.

        `words` numbers the words of each row, -1 outside of words: all tokens of a chosen word are chosen.
        """
        chosen = self._choose(input_ids, excluded, words)
        labels = np.where(chosen, input_ids, IGNORED)
        rules = np.where(chosen, KEPT, LEFT_ALONE).astype(np.int8)
        shape, ids = input_ids.shape, input_ids.copy()
        masked = self.rng.binomial(1, self.mask_replace_prob, size=shape).astype(bool) & chosen
        ids[masked], rules[masked] = self.tokenizer.mask_token_id, MASKED
        if self.mask_replace_prob < 1.0 and self.random_replace_prob > 0.0:
            left = min(1.0, self.random_replace_prob / (1.0 - self.mask_replace_prob))
            random = self.rng.binomial(1, left, size=shape).astype(bool) & chosen & ~masked
            count = np.count_nonzero(random)
            ids[random] = self.rng.integers(0, len(self.tokenizer), size=count, dtype=np.int64)
            rules[random] = RANDOM
        return MaskedTokens(ids, labels, rules)

    def _choose(self, input_ids: np.ndarray, excluded: np.ndarray, words: np.ndarray | None) -> np.ndarray:
        """(B, T) True where a token is chosen, each token or word on its own with mlm_probability."""
        starts = ~excluded if words is None else _word_starts(words)
        chosen = self.rng.binomial(1, np.where(starts, self.mlm_probability, 0.0)).astype(bool)
        return chosen if words is None else _spread(chosen, words)

    def _special_tokens(self, input_ids: np.ndarray) -> np.ndarray:
        rows = [
            self.tokenizer.get_special_tokens_mask(row, already_has_special_tokens=True) for row in input_ids.tolist()
        ]
        return np.asarray(rows, dtype=bool)

    def _causal_labels(self, batch: dict[str, np.ndarray]) -> np.ndarray:
        labels = batch["input_ids"].copy()
        if self.tokenizer.pad_token_id is not None:
            labels[labels == self.tokenizer.pad_token_id] = IGNORED
        return labels

    def _given_labels(self, rows: list[dict[str, Any]], batch: dict[str, np.ndarray]) -> np.ndarray | None:
        if "labels" not in rows[0]:
            return None
        for i, row in enumerate(rows):
            if len(row["labels"]) != len(row["input_ids"]):
                raise InputError(f"features[{i}] has {len(row['input_ids'])} tokens and {len(row['labels'])} labels.")
        return self._padded_labels([row["labels"] for row in rows], batch["input_ids"].shape[1])

    def _words(self, rows: list[dict[str, Any]], input_ids: np.ndarray, excluded: np.ndarray) -> np.ndarray:
        """(B, T) the number of each token's word, -1 for a token in no word or that may not be chosen."""
        side = getattr(self.tokenizer, "padding_side", "right")
        if "word_ids" in rows[0]:
            numbered = [[-1 if word is None else word for word in row["word_ids"]] for row in rows]
        elif "offset_mapping" in rows[0]:
            numbered = [_words_by_offsets(row["offset_mapping"]) for row in rows]
        else:
            numbered = [_words_by_pieces(self.tokenizer.convert_ids_to_tokens(row["input_ids"])) for row in rows]
        words = pad_rows(numbered, input_ids.shape[1], -1, side)
        words[excluded] = -1
        return words

    # the generator's state, so that a run can be resumed

    def state_dict(self) -> dict[str, Any]:
        """The state of the generator."""
        return {"rng": self.rng.bit_generator.state}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on drawing where another collator stood."""
        self.rng.bit_generator.state = state_dict["rng"]


class DataCollatorForWholeWordMask(DataCollatorForLanguageModeling):
    """Whole-word masking with a fixed number of tokens a text, as in BERT's own data: words are shuffled and taken
    until round(mlm_probability · T) tokens, at least one and at most 512, are chosen."""

    def __init__(self, tokenizer: Any, mlm: bool = True, mlm_probability: float = 0.15, **options: Any) -> None:
        super().__init__(tokenizer, mlm, True, mlm_probability, **options)

    def _choose(self, input_ids: np.ndarray, excluded: np.ndarray, words: np.ndarray | None) -> np.ndarray:
        assert words is not None
        chosen = np.zeros(input_ids.shape, dtype=bool)
        padding = input_ids == self.tokenizer.pad_token_id
        for i, row in enumerate(words):
            groups = [np.flatnonzero(row == word).tolist() for word in dict.fromkeys(row[row >= 0].tolist())]
            self.rng.shuffle(groups)
            left = min(512, max(1, round(int((~padding[i]).sum()) * self.mlm_probability)))
            for group in groups:
                if len(group) <= left:
                    chosen[i, group] = True
                    left -= len(group)
        return chosen


def _word_starts(words: np.ndarray) -> np.ndarray:
    """True at the first token of every word: words (B, T) -> (B, T)."""
    before = np.concatenate((np.full_like(words[:, :1], -1), words[:, :-1]), axis=1)
    return (words >= 0) & (words != before)


def _spread(chosen: np.ndarray, words: np.ndarray) -> np.ndarray:
    """From the chosen first tokens to all tokens of their words."""
    spread = np.zeros_like(chosen)
    for i, row in enumerate(words):
        spread[i] = np.isin(row, row[chosen[i]]) & (row >= 0)
    return spread


def _words_by_offsets(offsets: Sequence[Sequence[int]]) -> list[int]:
    """Number words by places in the text: a token that begins where the last one ended goes on with its word.

    >>> _words_by_offsets([(0, 0), (0, 3), (3, 5), (6, 8), (0, 0)])
    [-1, 0, 0, 1, -1]
    """
    words, word, end = [], -1, -1
    for start, stop in offsets:
        if start == stop:  # a special token
            words.append(-1)
            end = -1
            continue
        word += start != end
        words.append(word)
        end = stop
    return words


def _words_by_pieces(tokens: Sequence[str]) -> list[int]:
    """Number words by WordPiece's sign: a token with "##" goes on with the word before it.

    >>> _words_by_pieces(["[CLS]", "un", "##aff", "##able", "man"])
    [0, 1, 1, 1, 2]
    """
    words, word = [], -1
    for token in tokens:
        word += not token.startswith("##") or word < 0
        words.append(word)
    return words
