"""From scores of starts and ends to answers: what question-answering does after the model.

Follows Chen et al. 2017 (DrQA): a span's score is the product of the probabilities of its start and its end.
"""

from typing import Any

import numpy as np

from minibert.functional.softmax import softmax
from minibert.tokenizers.stages.template import Encoding


def best_spans(
    start: np.ndarray, end: np.ndarray, allowed: np.ndarray, count: int, longest: int
) -> tuple[list[tuple[int, int, float]], float]:
    """Logits (T,) of starts and ends -> up to `count` spans (first, last, score), and the score of "no answer".

    Args:
        allowed: (T,), where an answer may begin and end; the first token stands for "no answer".
        longest: tokens of an answer at most.
    """
    starts = softmax(np.where(allowed, start, np.asarray(-10000.0, start.dtype)))
    ends = softmax(np.where(allowed, end, np.asarray(-10000.0, end.dtype)))
    no_answer = float(starts[0] * ends[0])
    starts[0] = ends[0] = 0.0
    scores = np.tril(np.triu(starts[:, None] * ends[None, :]), longest - 1)
    spans = []
    for place in _greatest(scores.ravel(), count):
        first, last = (int(i) for i in np.unravel_index(place, scores.shape))
        if allowed[first] and allowed[last]:
            spans.append((first, last, float(scores[first, last])))
    return spans, no_answer


def _greatest(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the greatest values, the greatest first."""
    if count == 1:
        return np.array([values.argmax()])
    if len(values) <= count:
        return np.argsort(-values)
    found = np.argpartition(-values, count)[:count]
    return found[np.argsort(-values[found])]


def span_characters(encoding: Encoding, first: int, last: int, align_to_words: bool) -> tuple[int, int]:
    """Tokens first..last -> where they start and end in the context, with whole words if asked for."""
    words = encoding.word_ids
    if align_to_words and words[first] is not None and words[last] is not None:
        first = _tokens_of_word(encoding, first)[0]
        last = _tokens_of_word(encoding, last)[-1]
    return encoding.offsets[first][0], encoding.offsets[last][1]


def _tokens_of_word(encoding: Encoding, token: int) -> list[int]:
    word, sequence = encoding.word_ids[token], encoding.sequence_ids[token]
    pairs = enumerate(zip(encoding.word_ids, encoding.sequence_ids, strict=True))
    return [i for i, (other, owner) in pairs if other == word and owner == sequence]


def merge_answers(found: list[tuple[float, int, int]], context: str) -> list[dict[str, Any]]:
    """Spans (score, start, end) -> answers; what reads the same, whatever its case, adds its scores up.

    >>> [(answer["answer"], answer["score"]) for answer in merge_answers([(0.5, 0, 1), (0.25, 2, 3)], "A a")]
    [('A', 0.75)]
    """
    answers: dict[str, dict[str, Any]] = {}
    for score, start, end in found:
        text = context[start:end]
        if text.lower() in answers:
            answers[text.lower()]["score"] += score
        else:
            answers[text.lower()] = {"score": score, "start": start, "end": end, "answer": text}
    return list(answers.values())
