"""Pairs of texts for next-sentence prediction, made as BERT's own data were (Devlin et al. 2018, appendix A.2).

A document is a list of sentences. Sentences are gathered until a target length, cut at a random place into a
first and a second part, and half of the time the second is taken from another document instead.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minibert.checks import check_number
from minibert.errors import InputError

Ids = list[int]


class NextSentenceDataset(Sequence[dict[str, Any]]):
    """Features with input_ids, token_type_ids and next_sentence_label (0 follows, 1 is random).

    Args:
        documents: each a list of sentences; at least two documents.
        tokenizer: with `tokenize`, `convert_tokens_to_ids`, `build_inputs_with_special_tokens` and
            `create_token_type_ids_from_sequences`.
        max_length: tokens of a pair, special ones included.
        next_probability: how often the second part really follows.
        short_probability: how often a shorter target is drawn, so that short texts are seen too.
        seed: of the generator; the same seed makes the same pairs.
    """

    def __init__(
        self,
        documents: Sequence[Sequence[str]],
        tokenizer: Any,
        max_length: int = 128,
        next_probability: float = 0.5,
        short_probability: float = 0.1,
        seed: int = 0,
    ) -> None:
        check_number("next_probability", next_probability, lower=0.0)
        check_number("short_probability", short_probability, lower=0.0)
        if any(isinstance(document, str) for document in documents):
            raise InputError("documents holds a text: each document is a list of sentences.")
        self.tokenizer, self.next_probability, self.short_probability = tokenizer, next_probability, short_probability
        self.documents = [ids for document in documents if (ids := self._document_ids(document))]
        if len(self.documents) < 2:
            raise InputError(
                f"{len(self.documents)} document(s) with text were given: a random second part comes from another "
                "one, so two are needed."
            )
        self.room = max_length - len(tokenizer.build_inputs_with_special_tokens([], []))
        if self.room < 2:
            raise InputError(f"max_length is {max_length}, which leaves {self.room} tokens beside the special ones.")
        self.rng = np.random.default_rng(seed)
        self.features = [feature for number in range(len(self.documents)) for feature in self._features_of(number)]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: Any) -> Any:
        return self.features[index]

    def _document_ids(self, document: Sequence[str]) -> list[Ids]:
        rows = [self.tokenizer.convert_tokens_to_ids(self.tokenizer.tokenize(sentence)) for sentence in document]
        return [row for row in rows if row]

    def _features_of(self, number: int) -> Iterator[dict[str, Any]]:
        """The pairs that begin in this document, in its order."""
        document, place = self.documents[number], 0
        while place < len(document):
            target = self.room
            if self.rng.random() < self.short_probability:
                target = int(self.rng.integers(2, self.room + 1))
            end, length = place, 0
            while end < len(document) and length < target:
                length += len(document[end])
                end += 1
            chunk = document[place:end]
            cut = 1 if len(chunk) == 1 else int(self.rng.integers(1, len(chunk)))
            first = [token for sentence in chunk[:cut] for token in sentence]
            if cut < len(chunk) and self.rng.random() < self.next_probability:
                second, label = [token for sentence in chunk[cut:] for token in sentence], 0
            else:
                second, label = self._random_second(number, target - len(first)), 1
                end = place + cut  # what was not used is gathered again
            yield self._feature(first, second, label)
            place = end

    def _random_second(self, number: int, target: int) -> Ids:
        """A stretch of another document, about `target` tokens."""
        other = int(self.rng.integers(0, len(self.documents) - 1))
        document = self.documents[other + (other >= number)]
        second: Ids = []
        for sentence in document[int(self.rng.integers(0, len(document))) :]:
            second += sentence
            if len(second) >= target:
                break
        return second

    def _feature(self, first: Ids, second: Ids, label: int) -> dict[str, Any]:
        first, second = self._truncated(first, second)
        return {
            "input_ids": self.tokenizer.build_inputs_with_special_tokens(first, second),
            "token_type_ids": self.tokenizer.create_token_type_ids_from_sequences(first, second),
            "next_sentence_label": label,
        }

    def _truncated(self, first: Ids, second: Ids) -> tuple[Ids, Ids]:
        """The longer part loses tokens, at its front or its end by chance, until both fit."""
        first, second = list(first), list(second)
        while len(first) + len(second) > self.room:
            longer = first if len(first) > len(second) else second
            longer.pop(0 if self.rng.random() < 0.5 else -1)
        return first, second
