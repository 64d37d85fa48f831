"""Collators for language models: texts are padded, and tokens hidden by the rules of `masking.py`.

The masks are drawn anew for every batch (dynamic masking, Liu et al. 2019, section 4.1), from one seeded generator.
With the same seed the batches are those of transformers' collators with return_tensors="np".
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from minibert.checks import check_number
from minibert.errors import InputError
from minibert.functional.losses import IGNORE_INDEX
from minibert.training.collators import DataCollatorWithPadding, Feature, check_features, pad_rows
from minibert.training.masking import (
    CHOSEN_SHARE,
    LEFT_ALONE,
    MASK_SHARE,
    RANDOM_SHARE,
    MaskedTokens,
    choose_tokens,
    mask_tokens,
)
from minibert.training.whole_words import (
    choose_words,
    spread_over_words,
    word_starts,
    words_by_offsets,
    words_by_pieces,
)


class Candidates(NamedTuple):
    """What tokens are chosen from, each (B, T)."""

    input_ids: np.ndarray
    excluded: np.ndarray  # True where nothing may be chosen
    words: np.ndarray | None  # the number of each token's word, -1 outside of words; None where tokens are chosen


class DataCollatorForLanguageModeling(DataCollatorWithPadding):
    """Pads texts and makes the labels of a language model (Devlin et al. 2018, section 3.1, task 1).

    Called with [{"input_ids": list, ...}, ...] it gives a batch of (B, T) int64 arrays. `labels` hold the token that
    stood there where one was chosen, -100 elsewhere.

    Args:
        tokenizer: with `pad`, `mask_token_id`, `get_special_tokens_mask` and a length.
        mlm: hide tokens (True), or label every token but padding for a causal model (False).
        whole_word_mask: choose words instead of tokens. They are told by a feature's `word_ids` or
            `offset_mapping`, or by the "##" of WordPiece tokens. The chosen tokens are replaced by the same
            three rules (transformers masks all of them).
        mlm_probability: the share of tokens (or words) that is chosen.
        mask_replace_prob, random_replace_prob: the shares of the chosen that become [MASK] or a random token; the rest
            stays as it is.
        pad_to_multiple_of: round the length up to a multiple of so many tokens.
        seed: of the generator; None draws a fresh one.

    A feature may have `labels`: a token whose label is -100 is never chosen, and a chosen one keeps its label.

    Raises:
        InputError: a share is outside 0 to 1, the tokenizer has no mask token, or a text has more or fewer labels than
            tokens.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=1.0, mask_replace_prob=1.0,
        ...                                            random_replace_prob=0.0)
        >>> batch = collator([tokenizer("a dog ran.")])  # every token is chosen, and every chosen one hidden
        >>> tokenizer.decode(batch["input_ids"][0])
        '[CLS] [MASK] [MASK] [MASK] [MASK] [SEP]'
        >>> batch["labels"][0, [0, -1]], tokenizer.decode(batch["labels"][0, 1:-1])
        (array([-100, -100]), 'a dog ran.')
    """

    uses = ("labels", "word_ids", "offset_mapping", "special_tokens_mask")

    def __init__(
        self,
        tokenizer: Any,
        mlm: bool = True,
        whole_word_mask: bool = False,
        mlm_probability: float = CHOSEN_SHARE,
        mask_replace_prob: float = MASK_SHARE,
        random_replace_prob: float = RANDOM_SHARE,
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
            excluded |= given == IGNORE_INDEX
        words = self._words(rows, batch["input_ids"], excluded) if self.whole_word_mask else None
        masked = self.mask_tokens(batch["input_ids"], excluded, words)
        batch["input_ids"], batch["labels"] = masked.input_ids, masked.labels
        if given is not None:
            batch["labels"] = np.where(masked.rules != LEFT_ALONE, given, IGNORE_INDEX)
        return batch, masked.rules

    def mask_tokens(self, input_ids: np.ndarray, excluded: np.ndarray, words: np.ndarray | None = None) -> MaskedTokens:
        """input_ids (B, T), excluded (B, T) True where nothing may be chosen, words (B, T) or None -> MaskedTokens.

        `words` numbers the words of each row, -1 outside of words: all tokens of a chosen word are chosen.
        """
        chosen = self.choose(Candidates(input_ids, excluded, words))
        return mask_tokens(
            input_ids,
            chosen,
            self.tokenizer.mask_token_id,
            len(self.tokenizer),
            self.rng,
            self.mask_replace_prob,
            self.random_replace_prob,
        )

    def choose(self, candidates: Candidates) -> np.ndarray:
        """(B, T) True where a token is chosen, each token or word on its own with mlm_probability."""
        words = candidates.words
        if words is None:
            return choose_tokens(~candidates.excluded, self.mlm_probability, self.rng)
        return spread_over_words(choose_tokens(word_starts(words), self.mlm_probability, self.rng), words)

    def _special_tokens(self, input_ids: np.ndarray) -> np.ndarray:
        rows = [
            self.tokenizer.get_special_tokens_mask(row, already_has_special_tokens=True) for row in input_ids.tolist()
        ]
        return np.asarray(rows, dtype=bool)

    def _causal_labels(self, batch: dict[str, np.ndarray]) -> np.ndarray:
        labels = batch["input_ids"].copy()
        if self.tokenizer.pad_token_id is not None:
            labels[labels == self.tokenizer.pad_token_id] = IGNORE_INDEX
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
            numbered = [words_by_offsets(row["offset_mapping"]) for row in rows]
        else:
            numbered = [words_by_pieces(self.tokenizer.convert_ids_to_tokens(row["input_ids"])) for row in rows]
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
    """Whole-word masking with a fixed number of tokens a text, as in BERT's own data.

    Words are shuffled and taken until round(mlm_probability · T) tokens, at least one and at most 512, are chosen. A
    word that would make them too many is passed over.

    Args:
        tokenizer, mlm, options: as of `DataCollatorForLanguageModeling`.
        mlm_probability: the share of a text's tokens that is chosen.

    Raises:
        InputError: as `DataCollatorForLanguageModeling`.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> encoding = tokenizer("the unbelievable dog")
        >>> batch = DataCollatorForWholeWordMask(tokenizer, mlm_probability=0.6, seed=5)([encoding])
        >>> hidden = batch["labels"][0] != -100
        >>> [token for token, chosen in zip(encoding.tokens(), hidden) if chosen]  # 0.6 of 10 tokens
        ['un', '##be', '##l', '##ie', '##v', '##able']
    """

    def __init__(self, tokenizer: Any, mlm: bool = True, mlm_probability: float = CHOSEN_SHARE, **options: Any) -> None:
        super().__init__(tokenizer, mlm, True, mlm_probability, **options)

    def choose(self, candidates: Candidates) -> np.ndarray:
        """(B, T) True at all tokens of the words that are chosen."""
        assert candidates.words is not None
        lengths = (candidates.input_ids != self.tokenizer.pad_token_id).sum(axis=1).tolist()
        return choose_words(candidates.words, lengths, self.mlm_probability, self.rng)
