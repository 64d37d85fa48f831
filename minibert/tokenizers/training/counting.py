"""What the trainers share: counting the words of the texts, and checking what they were asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minibert.errors import InputError, TokenizerError


def progress_bar(items: Any, *, label: str, shown: bool, total: int | None = None) -> Any:
    """`items` with a progress bar around it, if one is to be shown."""
    from tqdm import tqdm

    return tqdm(items, desc=label, total=total, disable=not shown, leave=False)


def count_words(texts: Iterable[str], cut: Callable[[str], Iterable[str]], *, progress: bool = False) -> dict[str, int]:
    """How often each word stands in the texts, in the order of first appearance.

    texts: any iterable of str. cut: gives the words of a text. Raises InputError if an item is not a str.

    >>> count_words(["a b a", "b"], str.split)
    {'a': 2, 'b': 2}
    """
    if isinstance(texts, str):
        raise InputError("The trainers take an iterable of texts, not one str; put it into a list.")
    counts: Counter[str] = Counter()
    for number, text in enumerate(progress_bar(texts, label="Count words", shown=progress)):
        if not isinstance(text, str):
            raise InputError(f"Text {number} for the trainer is a {type(text).__name__}, not a str.")
        counts.update(cut(text))
    return dict(counts)


def check_request(vocab_size: int, special_tokens: Sequence[str], words: int) -> None:
    """Refuse, with TokenizerError, what no training can give."""
    if vocab_size < 1:
        raise TokenizerError(f"vocab_size is {vocab_size}; it must be at least 1.")
    for token in special_tokens:
        if not token:
            raise TokenizerError("A special token is empty.")
        if special_tokens.count(token) > 1:
            raise TokenizerError(f"The special token {token!r} is given twice.")
    if not words:
        raise TokenizerError("The texts hold no words, so there is nothing to learn a vocabulary from.")
