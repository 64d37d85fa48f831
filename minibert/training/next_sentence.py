"""Next-sentence prediction: does the second text follow the first, or is it from somewhere else?

Pairs are made as BERT's own data were (Devlin et al. 2018, section 3.1, task 2, and appendix A.2). Sentences of a
document are gathered until a target length, and cut at a random place into a first and a second part. Half of the
time the second part is taken from another document instead.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minibert.checks import check_number
from minibert.errors import InputError

IS_NEXT, IS_RANDOM = 0, 1  # labels, as in BERT's own data
NEXT_SHARE, SHORT_SHARE = 0.5, 0.1

Ids = list[int]  # of a sentence, or of a part
Document = list[Ids]


class SentencePair(NamedTuple):
    """Two parts, and whether the second follows the first (0) or is random (1)."""

    first: Ids
    second: Ids
    label: int


def sentence_pairs(
    documents: Sequence[Document],
    number: int,
    room: int,
    rng: np.random.Generator,
    next_share: float = NEXT_SHARE,
    short_share: float = SHORT_SHARE,
) -> Iterator[SentencePair]:
    """The pairs that begin in documents[number], from its first sentence to its last.

    Args:
        documents: at least two, each a list of sentences, each a list of ids.
        room: tokens of both parts together.
        rng: draws, and moves on.
        next_share: how often the second part really follows.
        short_share: how often a shorter target is drawn, so that short texts are seen too.

    >>> documents = [[[1, 1], [2, 2], [3, 3], [4, 4]], [[7, 7], [8, 8]]]
    >>> for pair in sentence_pairs(documents, 0, room=6, rng=np.random.default_rng(1)):
    ...     print(pair)
    SentencePair(first=[1, 1, 2, 2], second=[3, 3], label=0)
    SentencePair(first=[4, 4], second=[8, 8], label=1)
    """
    document, place = documents[number], 0
    while place < len(document):
        target = room if rng.random() >= short_share else int(rng.integers(2, room + 1))
        sentences = _gather(document[place:], target)
        cut = 1 if len(sentences) == 1 else int(rng.integers(1, len(sentences)))
        first = _joined(sentences[:cut])
        if cut < len(sentences) and rng.random() < next_share:
            second, label = _joined(sentences[cut:]), IS_NEXT
            place += len(sentences)
        else:
            second, label = _from_another_document(documents, number, target - len(first), rng), IS_RANDOM
            place += cut  # the sentences after the cut were not used, and begin the next pair
        yield SentencePair(*_truncated(first, second, room, rng), label)


def _gather(sentences: Document, target: int) -> Document:
    """The first sentences that have `target` tokens together, or all."""
    length = 0
    for count, sentence in enumerate(sentences, start=1):
        length += len(sentence)
        if length >= target:
            return sentences[:count]
    return sentences


def _joined(sentences: Document) -> Ids:
    return [token for sentence in sentences for token in sentence]


def _from_another_document(documents: Sequence[Document], number: int, target: int, rng: np.random.Generator) -> Ids:
    """A stretch of another document than documents[number], from a random sentence on, of about `target` tokens."""
    other = int(rng.integers(0, len(documents) - 1))
    document = documents[other + (other >= number)]
    return _joined(_gather(document[int(rng.integers(0, len(document))) :], target))


def _truncated(first: Ids, second: Ids, room: int, rng: np.random.Generator) -> tuple[Ids, Ids]:
    """The longer part loses tokens, at its front or its end by chance, until both fit."""
    first, second = list(first), list(second)
    while len(first) + len(second) > room:
        longer = first if len(first) > len(second) else second
        longer.pop(0 if rng.random() < 0.5 else -1)
    return first, second


class NextSentenceDataset(Sequence[dict[str, Any]]):
    """Features with input_ids, token_type_ids and next_sentence_label (0 follows, 1 is random).

    A sequence: `len(pairs)`, `pairs[i]`. Made as in Devlin et al. 2018, section 3.1, task 2, and appendix A.2.

    Args:
        documents: each a list of sentences (texts); at least two documents.
        tokenizer: with `tokenize`, `convert_tokens_to_ids`, `build_inputs_with_special_tokens` and
            `create_token_type_ids_from_sequences`.
        max_length: tokens of a pair, special ones included.
        next_probability: how often the second part really follows.
        short_probability: how often a shorter target is drawn, so that short texts are seen too.
        seed: of the generator; the same seed makes the same pairs.

    Raises:
        InputError: there are fewer than two documents with text, or max_length leaves no room for a pair.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> documents = [["a dog ran home.", "it slept."], ["birds sing.", "we listen."]]
        >>> pairs = NextSentenceDataset(documents, tokenizer, max_length=24, short_probability=0.0, seed=4)
        >>> for pair in pairs:
        ...     print(tokenizer.decode(pair["input_ids"]), pair["next_sentence_label"])
        [CLS] a dog ran home. [SEP] we listen. [SEP] 1
        [CLS] it slept. [SEP] we listen. [SEP] 1
        [CLS] birds sing. [SEP] we listen. [SEP] 0
    """

    def __init__(
        self,
        documents: Sequence[Sequence[str]],
        tokenizer: Any,
        max_length: int = 128,
        next_probability: float = NEXT_SHARE,
        short_probability: float = SHORT_SHARE,
        seed: int = 0,
    ) -> None:
        check_number("next_probability", next_probability, lower=0.0)
        check_number("short_probability", short_probability, lower=0.0)
        if any(isinstance(document, str) for document in documents):
            raise InputError("documents holds a text: each document is a list of sentences.")
        self.tokenizer = tokenizer
        self.documents = [ids for document in documents if (ids := self._document_ids(document))]
        if len(self.documents) < 2:
            raise InputError(
                f"{len(self.documents)} document(s) with text were given: a random second part comes from another "
                "one, so two are needed."
            )
        room = max_length - len(tokenizer.build_inputs_with_special_tokens([], []))
        if room < 2:
            raise InputError(f"max_length is {max_length}, which leaves {room} tokens beside the special ones.")
        rng = np.random.default_rng(seed)
        self.features = [
            self._feature(pair)
            for number in range(len(self.documents))
            for pair in sentence_pairs(self.documents, number, room, rng, next_probability, short_probability)
        ]

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: Any) -> Any:
        return self.features[index]

    def _document_ids(self, document: Sequence[str]) -> Document:
        rows = [self.tokenizer.convert_tokens_to_ids(self.tokenizer.tokenize(sentence)) for sentence in document]
        return [row for row in rows if row]

    def _feature(self, pair: SentencePair) -> dict[str, Any]:
        return {
            "input_ids": self.tokenizer.build_inputs_with_special_tokens(pair.first, pair.second),
            "token_type_ids": self.tokenizer.create_token_type_ids_from_sequences(pair.first, pair.second),
            "next_sentence_label": pair.label,
        }
