"""Labels of words and of stretches of text, brought to tokens.

A tokenizer splits words; `word_ids()` says which word a token is of, `offset_mapping` which characters it
covers (`return_offsets_mapping=True`), `sequence_ids()` whether it stands in the first or second text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from minibert.errors import InputError
from minibert.functional.losses import IGNORE_INDEX


def align_labels_with_words(
    word_ids: Sequence[int | None], word_labels: Sequence[int], label_all_tokens: bool = False
) -> list[int]:
    """One label a token: a word's label on its first token, and -100 on the others and on special tokens.

    Args:
        word_ids: of every token, None for special tokens: `encoding.word_ids()`.
        word_labels: one a word.
        label_all_tokens: put the label on every token of the word (Devlin et al. 2018, section 5.3, use the first).

    Raises:
        InputError: a token is of a word that has no label.

    Example:
        >>> align_labels_with_words([None, 0, 0, 1, None], [7, 8])
        [-100, 7, -100, 8, -100]
        >>> align_labels_with_words([None, 0, 0, 1, None], [7, 8], label_all_tokens=True)
        [-100, 7, 7, 8, -100]
    """
    labels, before = [], None
    for word in word_ids:
        if word is None:
            labels.append(IGNORE_INDEX)
        elif not 0 <= word < len(word_labels):
            raise InputError(f"a token is of word {word}, but there are labels of {len(word_labels)} words only.")
        else:
            labels.append(int(word_labels[word]) if label_all_tokens or word != before else IGNORE_INDEX)
        before = word
    return labels


def align_span_with_tokens(
    offset_mapping: Sequence[tuple[int, int]],
    start: int,
    end: int,
    sequence_ids: Sequence[int | None] | None = None,
    sequence: int = 1,
    outside: int = 0,
) -> tuple[int, int]:
    """The first and last token of the characters start..end (end not included), or (outside, outside).

    Args:
        offset_mapping: (start, end) of every token in its text, in characters; (0, 0) for special tokens.
        start, end: the answer's place in its text, in characters.
        sequence_ids: 0, 1 or None a token, where a question and its text stand in one encoding.
        sequence: which of the two texts holds the answer.
        outside: the place that says "not in this text", by custom that of [CLS] (Devlin et al. 2018, section 4.3).

    Raises:
        InputError: the span is empty or negative, or there are not as many sequence ids as offsets.

    Example:
        >>> align_span_with_tokens([(0, 0), (0, 3), (4, 6), (6, 9), (0, 0)], 4, 9)
        (2, 3)
    """
    if not 0 <= start < end:
        raise InputError(f"the span from {start} to {end} is empty or negative: 0 <= start < end belongs there.")
    if sequence_ids is not None and len(sequence_ids) != len(offset_mapping):
        raise InputError(
            f"there are {len(offset_mapping)} offsets and {len(sequence_ids)} sequence ids: one each a token."
        )
    covered = [
        i
        for i, (first, last) in enumerate(offset_mapping)
        if first < last and first < end and last > start and (sequence_ids is None or sequence_ids[i] == sequence)
    ]
    if not covered or offset_mapping[covered[0]][0] > start or offset_mapping[covered[-1]][1] < end:
        return outside, outside  # cut off, wholly or in part
    return covered[0], covered[-1]


def encode_for_classification(
    tokenizer: Any,
    texts: Sequence[str],
    labels: Sequence[Any] | None = None,
    text_pairs: Sequence[str] | None = None,
    label2id: Mapping[Any, int] | None = None,
    max_length: int | None = None,
) -> list[dict[str, Any]]:
    """Features of a sequence classifier: texts (and their pairs) as ids, truncated to max_length, with `labels`.

    Args:
        tokenizer: any of minibert's, or one that is called like them.
        texts, text_pairs: one text a feature, and one second text if there are any.
        labels: one a text, numbers or names.
        label2id: from labels as they come ("positive") to numbers; None where they are numbers.
        max_length: in tokens, special ones included; None for no limit.

    Returns:
        A feature a text: {"input_ids": list, ..., "labels": number}, as a collator takes them.

    Raises:
        InputError: there are not as many labels or pairs as texts, or label2id lacks a label.

    Example:
        >>> import minibert as mb
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> names = {"neg": 0, "pos": 1}
        >>> features = encode_for_classification(tokenizer, ["Good!", "So bad."], ["pos", "neg"], label2id=names)
        >>> [feature["labels"] for feature in features], list(features[0])
        ([1, 0], ['input_ids', 'token_type_ids', 'attention_mask', 'labels'])
    """
    for name, values in (("labels", labels), ("text_pairs", text_pairs)):
        if values is not None and len(values) != len(texts):
            raise InputError(f"there are {len(texts)} texts and {len(values)} {name}: one each a text.")
    encoded = tokenizer(
        list(texts),
        None if text_pairs is None else list(text_pairs),
        truncation=max_length is not None,
        max_length=max_length,
    )
    features = [{name: encoded[name][i] for name in encoded} for i in range(len(texts))]
    for i, feature in enumerate(features if labels is not None else []):
        assert labels is not None
        label = labels[i]
        if label2id is not None:
            if label not in label2id:
                raise InputError(
                    f"labels[{i}] is {label!r}, which label2id does not have: {', '.join(map(str, label2id))}."
                )
            label = label2id[label]
        feature["labels"] = label
    return features
