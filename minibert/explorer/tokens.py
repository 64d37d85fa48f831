"""What the page says of the tokens: their ids, where in the text they stand, and the steps that led to them."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from minibert.errors import InputError
from minibert.tokenizers.stages.aligned_text import AlignedText

Reader = Callable[[int], str]  # an id's token as people read it


class Row(NamedTuple):
    """One encoded text or pair: what the model gets, and what the page tells of it."""

    inputs: dict[str, list[list[int]]]
    tokens: list[dict[str, Any]]
    texts: list[dict[str, Any]]


def encode(tokenizer: Any, text: str, pair: str | None = None) -> Row:
    """Encode a text for the page.

    Raises:
        InputError: a text is no str, or nothing is left of it.
    """
    for each in (text, "" if pair is None else pair):
        if not isinstance(each, str):
            raise InputError(f"the explorer shows one text, a str, not {type(each).__name__}.")
    encoded = tokenizer(text, pair, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False)
    inputs = {name: [list(encoded[name])] for name in tokenizer.model_input_names if name in encoded}
    if not inputs["input_ids"][0]:
        raise InputError("the text has no tokens: there is nothing to show.")
    texts = [text] if pair is None else [text, pair]
    tokens = _tokens(tokenizer, encoded, texts)
    return Row(inputs, tokens, [_steps(tokenizer, each, tokens, which) for which, each in enumerate(texts)])


def _tokens(tokenizer: Any, encoded: Any, texts: list[str]) -> list[dict[str, Any]]:
    """One record a token; `text` is the part of the original that it stands for."""
    mask = getattr(tokenizer, "mask_token_id", None)
    names = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    types = encoded.get("token_type_ids", [0] * len(names))
    columns = zip(
        names,
        encoded["input_ids"],
        encoded["offset_mapping"],
        encoded.word_ids(),
        encoded.sequence_ids(),
        encoded["special_tokens_mask"],
        types,
        strict=True,
    )
    records = []
    for token, id_, (start, end), word, which, special, type_id in columns:
        records.append(
            {
                "token": token,
                "shown": readable(tokenizer, token, special or word is None),
                "id": id_,
                "start": start if which is not None else None,
                "end": end if which is not None else None,
                "text": texts[which][start:end] if which is not None else None,
                "word": word,
                "sequence": which,
                "special": bool(special),
                "mask": id_ == mask,
                "type": type_id,
            }
        )
    return records


def readable(tokenizer: Any, token: str, special: bool = False) -> str:
    """A token as people read it: byte-level tokens as their characters where the bytes make whole ones.

    The marks `##`, `Ġ` and `▁` stay. Bytes that are a part of a character stay as the vocabulary has them.
    """
    if special or getattr(tokenizer, "family", "") != "roberta":
        return token
    text = tokenizer.convert_tokens_to_string([token])
    if not text.strip() or "\ufffd" in text or not text.isprintable():
        return token
    return f"Ġ{text[1:]}" if text.startswith(" ") else text


def reader(tokenizer: Any) -> Reader:
    """What reads ids: a model may have more rows than the vocabulary has tokens, which have no name."""

    def read(id_: int) -> str:
        try:
            return readable(tokenizer, tokenizer.convert_ids_to_tokens(id_))
        except InputError:
            return f"#{id_}"

    return read


def _steps(tokenizer: Any, text: str, tokens: list[dict[str, Any]], which: int) -> dict[str, Any]:
    """A text's way to its tokens: itself cut at the tokens' edges, its normalised form, its words with their pieces."""
    own = [(i, token) for i, token in enumerate(tokens) if token["sequence"] == which]
    words: dict[int, list[int]] = {}
    for i, token in own:
        words.setdefault(token["word"], []).append(i)
    return {
        "text": text,
        "segments": _segments(text, [(i, token["start"], token["end"]) for i, token in own]),
        "normalized": _normalized(tokenizer, text),
        "words": list(words.values()),
    }


def _segments(text: str, spans: list[tuple[int, int, int]]) -> list[list[Any]]:
    """[part of the text, the tokens that cover it], all parts together the text.

    >>> _segments("a bc", [(1, 0, 1), (2, 2, 4), (3, 2, 4)])
    [['a', [1]], [' ', []], ['bc', [2, 3]]]
    """
    edges = sorted({0, len(text), *(edge for _, start, end in spans for edge in (start, end))})
    segments: list[list[Any]] = [[text[a:b], []] for a, b in pairwise(edges)]
    places = {edge: place for place, edge in enumerate(edges)}
    for i, start, end in spans:
        for place in range(places[start], places[end]):
            segments[place][1].append(i)
    return segments


def _normalized(tokenizer: Any, text: str) -> str:
    """The text after the tokenizer's first stage; special tokens that stand in it are left as they are."""
    parts = []
    for match in tokenizer.added.raw.split(text, False):
        part = text[match.start : match.end]
        if match.id is None:
            part = tokenizer.normalize(AlignedText.from_text(part, match.start)).text
        parts.append(part)
    return "".join(parts)
