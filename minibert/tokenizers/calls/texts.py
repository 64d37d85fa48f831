"""What people hand to a tokenizer's call, checked and brought into one form.

A text is a str, or a list of words; a call takes one text, a pair, or a batch of either.
"""

from typing import Any

from minibert.errors import InputError

# (text, pair or None); each a str, or a list of words
Text = tuple[str | list[str], str | list[str] | None]


def read_texts(text: Any, pair: Any, split: bool) -> tuple[list[Text], bool]:
    """The texts as a list, and whether they came as a batch.

    >>> read_texts("a b", None, False)
    ([('a b', None)], False)
    >>> read_texts(["a", ("b", "c")], None, False)
    ([('a', None), ('b', 'c')], True)
    >>> read_texts(["a", "b"], None, True)
    ([(['a', 'b'], None)], False)
    """
    if split and isinstance(text, str):
        raise InputError("With is_split_into_words=True `text` must be a list of words, not a str.")
    if not isinstance(text, str | list | tuple):
        raise _wrong_type(text, split)
    batched = isinstance(text, list | tuple) and (not split or (bool(text) and isinstance(text[0], list | tuple)))
    if not batched:
        return [(_one(text, split), _optional(pair, split))], False
    if pair is None:
        return [_batch_item(item, split) for item in text], True
    if not isinstance(pair, list | tuple):
        raise InputError(
            "When tokenizing batches of text, `text_pair` must be a list or tuple with the same length as `text`, "
            f"not {type(pair).__name__}."
        )
    if len(text) != len(pair):
        raise InputError(
            f"batch length of `text`: {len(text)} does not match batch length of `text_pair`: {len(pair)}."
        )
    return [(_one(a, split), _one(b, split)) for a, b in zip(text, pair, strict=True)], True


def _batch_item(item: Any, split: bool) -> Text:
    """An element of a batch: a text, or a pair as a list or tuple of two texts."""
    if isinstance(item, str) and not split:
        return item, None
    if isinstance(item, list | tuple) and len(item) == 2 and (not split or not isinstance(item[0], str)):
        return _one(item[0], split), _one(item[1], split)
    return _one(item, split), None


def _optional(pair: Any, split: bool) -> str | list[str] | None:
    """The second text; an empty one counts as none, as in transformers 5."""
    return _one(pair, split) if pair is not None and (not isinstance(pair, str | list | tuple) or pair) else None


def _one(text: Any, split: bool) -> str | list[str]:
    if not split:
        if isinstance(text, str):
            return text
        raise _wrong_type(text, split)
    if isinstance(text, list | tuple) and all(isinstance(word, str) for word in text):
        return list(text)
    raise _wrong_type(text, split)


def _wrong_type(text: Any, split: bool) -> InputError:
    wanted = (
        "a list of words (one text) or a list of such lists (a batch), because is_split_into_words=True"
        if split
        else "of type `str` (single example), `list[str]` (batch) or a list of pairs of str"
    )
    hint = "; decode the bytes first, for example with .decode('utf-8')" if isinstance(text, bytes) else ""
    found = f"{type(text).__name__} {text!r}" if isinstance(text, int | float) else type(text).__name__
    return InputError(f"text input must be {wanted}, not {found}{hint}.")
