"""The first stages of a pack: the text, and what the tokenizer made of it before there were numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minibert.errors import InputError
from minibert.tokenizers.stages.aligned_text import AlignedText


def text_section(tokenizer: Any, text: Any, text_pair: Any, ids: np.ndarray | None) -> dict[str, Any] | None:
    """What a pack says of its text: the text itself, normalised, its words (pre-tokens), its tokens.

    Args:
        tokenizer: minibert's, or None: then only the text is kept.
        text, text_pair: a text or a list of them; without a text there is no section.
        ids: (B, T) input_ids, whose tokens are listed with special tokens and padding.
    """
    if text is None:
        return None
    texts, pairs = _listed(text), None if text_pair is None else _listed(text_pair)
    section: dict[str, Any] = {"texts": texts}
    if pairs is not None:
        section["pairs"] = pairs
    if tokenizer is None:
        return section
    section["tokenizer"] = {"class": type(tokenizer).__name__, "vocab_size": len(tokenizer)}
    for name, each in (("texts", texts), ("pairs", pairs or [])):
        if each:
            section[f"normalized_{name}"] = [tokenizer.normalize(AlignedText.from_text(one)).text for one in each]
            section[f"words_of_{name}"] = [_words(tokenizer, one) for one in each]
    if ids is not None and ids.ndim == 2:
        section["tokens"] = [tokenizer.convert_ids_to_tokens(row) for row in ids.tolist()]
    return section


def _listed(text: Any) -> list[str]:
    texts = [text] if isinstance(text, str) else text
    if not isinstance(texts, Sequence) or not texts or not all(isinstance(each, str) for each in texts):
        raise InputError(f"text is {text!r}: a text or a list of texts belongs there.")
    return list(texts)


def _words(tokenizer: Any, text: str) -> list[list[Any]]:
    """Every pre-token as [what stands in the text, start, end, its tokens]."""
    found = []
    for word in tokenizer.words(text):
        if word:
            start, end = word[0].span[0], word[-1].span[1]
            found.append([text[start:end], start, end, [tokenizer.convert_ids_to_tokens(piece.id) for piece in word]])
    return found


def encode(tokenizer: Any, text: Any, text_pair: Any = None) -> Mapping[str, Any]:
    """The inputs that a tokenizer makes of texts: arrays, padded to the longest."""
    several = not isinstance(text, str)
    made = tokenizer(
        text if several else [text],
        None if text_pair is None else (text_pair if several else [text_pair]),
        padding=True,
        return_tensors="np",
    )
    return dict(made)
