"""Known mistakes of the embeddings: rows of the wrong positions or token types, terms left out of the sum."""

import math

import numpy as np

from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair

_OFFSETS = (2, -2, 1, -1, 3, -3)


def wrong_word_embeddings(pair: TensorPair) -> Mistakes:
    """Rows of the word table."""
    width = pair.golden.shape[-1]
    yield "word embeddings are scaled by √D, as in the original Transformer", pair.golden * math.sqrt(width)
    ids, table = pair.golden_value("input_ids"), pair.weight(f"{pair.name}.weight")
    if ids is None or table is None:
        return
    for shift in (1, -1):
        rows = np.clip(ids.astype(int) + shift, 0, len(table) - 1)
        yield f"token ids are off by {shift}: one vocabulary starts at 0 and the other at 1", table[rows]


def wrong_position_embeddings(pair: TensorPair, name: str) -> Mistakes:
    """Rows of the position table, (1 or B, T, D); `name` is the position embeddings'."""
    rows = pair.golden_value(name)
    if rows is None:
        return
    yield "position embeddings are missing: all zeros", np.zeros_like(rows)
    ids, table = pair.golden_value(f"{name[: -len('position_embeddings')]}position_ids"), pair.weight(f"{name}.weight")
    if ids is not None and table is not None:
        for offset in _OFFSETS:
            shifted = ids.astype(int) + offset
            if shifted.min() >= 0 and shifted.max() < len(table):
                yield _offset_words(offset), table[shifted]
        counted = np.arange(ids.shape[1])[None] if len(table) >= ids.shape[1] else ids.astype(int)
        yield "positions are counted from 0 over all tokens", np.broadcast_to(table[counted], rows.shape)
        yield "every token has position 0", np.broadcast_to(table[0], rows.shape)
        return
    yield from _shifted_rows(pair, rows)


def _shifted_rows(pair: TensorPair, rows: np.ndarray) -> Mistakes:
    """Without the table, only tokens whose row stands elsewhere in the golden rows can be compared."""
    tokens = rows.shape[1]
    yield "every token has the first position", np.broadcast_to(rows[:, :1], rows.shape)
    if pair.other.shape != rows.shape:
        return
    for offset in _OFFSETS:
        guess = pair.other.copy()  # the rows that cannot be known are left as they are
        if abs(offset) >= tokens - 1:
            continue
        if offset > 0:
            guess[:, : tokens - offset] = rows[:, offset:]
        else:
            guess[:, -offset:] = rows[:, : tokens + offset]
        yield _offset_words(offset), guess


def _offset_words(offset: int) -> str:
    words = f"positions are off by {offset}"
    return f"{words}, as with RoBERTa's offset (padding_idx + 1) taken for BERT's 0, or the reverse" if (
        abs(offset) == 2
    ) else words


def wrong_token_type_embeddings(pair: TensorPair, name: str) -> Mistakes:
    """Rows of the token type table, (B, T, D); `name` is the token type embeddings'."""
    rows, ids = pair.golden_value(name), pair.golden_value(f"{name[: -len('token_type_embeddings')]}token_type_ids")
    if rows is None or ids is None:
        return
    yield "token type embeddings are missing: all zeros", np.zeros_like(rows)
    table = pair.weight(f"{name}.weight")
    known = [rows[ids == kind][0] if (ids == kind).any() else None for kind in (0, 1)]
    zero = known[0] if table is None else table[0]
    one = known[1] if table is None or len(table) < 2 else table[1]
    if zero is not None:
        yield "token types are ignored: every token has type 0", np.broadcast_to(zero, rows.shape)
    if one is not None:
        yield "every token has type 1", np.broadcast_to(one, rows.shape)
    if zero is not None and one is not None:
        swapped = np.where((ids == 0)[..., None], one, zero)
        yield "token types are swapped: 0 for 1 and 1 for 0", swapped


def wrong_embedding_sum(pair: TensorPair, name: str) -> Mistakes:
    """The sum of the three, with one of them missing or wrong; `name` is the sum's."""
    path = name[: -len(".sum")]
    total = pair.golden_value(name)
    terms = {part: pair.golden_value(f"{path}.{part}_embeddings") for part in ("word", "position", "token_type")}
    if total is None:
        return
    for part, rows in terms.items():
        if rows is None:
            continue
        without = total - rows
        yield f"{part.replace('_', ' ')} embeddings are not added", without
        yield f"{part.replace('_', ' ')} embeddings are added twice", total + rows
        mistakes = {"position": wrong_position_embeddings, "token_type": wrong_token_type_embeddings}.get(part)
        if mistakes is not None and (part != "position" or pair.weights is not None):
            for words, wrong in mistakes(pair, f"{path}.{part}_embeddings"):
                yield words, None if wrong is None else without + wrong
    word = terms["word"]
    if word is not None:
        yield "word embeddings are scaled by √D", total + word * (math.sqrt(word.shape[-1]) - 1)
