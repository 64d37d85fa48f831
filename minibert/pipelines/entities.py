"""Scores of tokens to entities: the aggregation strategies of token-classification."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

STRATEGIES = ("none", "simple", "first", "average", "max")
Entity = dict[str, Any]


class Token(NamedTuple):
    """A token with the scores (C,) of its classes; start and end count characters of the text."""

    word: str
    scores: np.ndarray
    start: int
    end: int
    place: int
    continues_word: bool


def label_tokens(tokens: list[Token], labels: Mapping[int, str]) -> list[Entity]:
    """Every token with its likeliest class."""
    entities = []
    for token in tokens:
        best = int(token.scores.argmax())
        entities.append(
            {
                "entity": labels[best],
                "score": float(token.scores[best]),
                "index": token.place,
                "word": token.word,
                "start": token.start,
                "end": token.end,
            }
        )
    return entities


def merge_words(
    tokens: list[Token], strategy: str, labels: Mapping[int, str], join: Callable[[list[str]], str]
) -> list[Entity]:
    """Every word with the class that the strategy "first", "average" or "max" gives to all its tokens."""
    words: list[list[Token]] = []
    for token in tokens:
        if token.continues_word and words:
            words[-1].append(token)
        else:
            words.append([token])
    entities = []
    for word in words:
        scores = _word_scores(word, strategy)
        best = int(scores.argmax())
        entities.append(
            {
                "entity": labels[best],
                "score": float(scores[best]),
                "word": join([token.word for token in word]),
                "start": word[0].start,
                "end": word[-1].end,
            }
        )
    return entities


def _word_scores(word: list[Token], strategy: str) -> np.ndarray:
    if strategy == "first":
        return word[0].scores
    if strategy == "max":
        return max(word, key=lambda token: token.scores.max()).scores
    return np.mean([token.scores for token in word], axis=0)


def group(entities: list[Entity], join: Callable[[list[str]], str]) -> list[Entity]:
    """Neighbours of one class as one entity; a class that begins with "B-" starts a new one.

    >>> named = [{"entity": tag, "score": 1.0, "word": word, "start": i, "end": i + 1}
    ...          for i, (tag, word) in enumerate([("B-PER", "A"), ("I-PER", "B"), ("B-PER", "C"), ("O", "D")])]
    >>> [(entity["entity_group"], entity["word"]) for entity in group(named, "".join)]
    [('PER', 'AB'), ('PER', 'C'), ('O', 'D')]
    """
    groups: list[list[Entity]] = []
    for entity in entities:
        begins, tag = _split_tag(entity["entity"])
        if groups and not begins and _split_tag(groups[-1][-1]["entity"])[1] == tag:
            groups[-1].append(entity)
        else:
            groups.append([entity])
    return [
        {
            "entity_group": members[0]["entity"].split("-", 1)[-1],
            "score": float(np.mean([member["score"] for member in members])),
            "word": join([member["word"] for member in members]),
            "start": members[0]["start"],
            "end": members[-1]["end"],
        }
        for members in groups
    ]


def _split_tag(label: str) -> tuple[bool, str]:
    """Whether a label begins an entity, and the label without its "B-" or "I-"."""
    return label.startswith("B-"), label[2:] if label.startswith(("B-", "I-")) else label


def merge_overlapping(entities: list[Entity]) -> list[Entity]:
    """Entities of overlapping parts of a text: of two that overlap the longer stays, of equally long the surer."""
    merged: list[Entity] = []
    for entity in sorted(entities, key=lambda entity: entity["start"]):
        if merged and entity["start"] < merged[-1]["end"]:
            if _weight(entity) > _weight(merged[-1]):
                merged[-1] = entity
        else:
            merged.append(entity)
    return merged


def _weight(entity: Entity) -> tuple[int, float]:
    return entity["end"] - entity["start"], entity["score"]
