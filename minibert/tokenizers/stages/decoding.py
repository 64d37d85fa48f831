"""The way back: tokens joined to a text, by each family's own rules, and English blanks closed.

Sources: the decoders of Hugging Face's tokenizers; google-research/bert; SentencePiece's `Decode`.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from minibert.errors import InputError
from minibert.tokenizers.stages.byte_bpe import bytes_to_unicode
from minibert.tokenizers.stages.pieces import SPACE, Piece, PieceType, SentencePieceModel, byte_of_piece
from minibert.tokenizers.stages.pre_tokenizers import metaspace_json

CLEAN_UP = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
    (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip


def clean_up_tokenization(text: str) -> str:
    """Close the blanks that English writes nowhere: before . ? ! , and inside contractions.

    >>> clean_up_tokenization("do n't stop , it 's rock ' n ' roll !")
    "don't stop, it's rock'n'roll!"
    """
    for spaced, closed in CLEAN_UP:
        text = text.replace(spaced, closed)
    return text


# ---------------------------------------------------------------- BERT


@cache
def clean_token(token: str) -> str:
    """The clean-up that the compiled decoder does on every single token, whatever it is asked for.

    >>> clean_token(" ."), clean_token(" dog")
    ('.', ' dog')
    """
    return clean_up_tokenization(token).replace(" do not", " don't")


class WordPieceDecoder:
    """Blanks between words, none before a continuation.

    `cleanup`: close the blanks before . , ! ? and contractions in each token, as the compiled tokenizers do.

    >>> WordPieceDecoder().join(["un", "##able", ",", "he"])
    'unable, he'
    """

    cleans_up = True

    def __init__(self, prefix: str = "##", cleanup: bool = True) -> None:
        self.prefix = prefix
        self.cleanup = cleanup

    def join(self, tokens: list[str]) -> str:
        """The tokens as text."""
        glued = [self._glued(token) if i else token for i, token in enumerate(tokens)]
        return "".join(map(clean_token, glued) if self.cleanup else glued)

    def _glued(self, token: str) -> str:
        """A token that is not the first: a continuation without its prefix, others after a blank."""
        return token[len(self.prefix) :] if token.startswith(self.prefix) else " " + token

    def to_json(self) -> dict[str, Any]:
        """The section "decoder" of a tokenizer.json."""
        return {"type": "WordPiece", "prefix": self.prefix, "cleanup": self.cleanup}


class OriginalWordPieceDecoder(WordPieceDecoder):
    """As google-research/bert has it: nothing is cleaned up unless somebody asks.

    >>> OriginalWordPieceDecoder().join(["un", "##able", ",", "he"])
    'unable , he'
    """

    def join(self, tokens: list[str]) -> str:
        """The tokens as text."""
        return " ".join(tokens).replace(" " + self.prefix, "").strip()


# ---------------------------------------------------------------- RoBERTa

_CHAR_BYTES = {char: byte for byte, char in bytes_to_unicode().items()}


def from_byte_chars(tokens: Iterable[str]) -> str:
    """Byte-level tokens as text; bytes that are no UTF-8 become U+FFFD. Foreign characters stay as they are.

    >>> from_byte_chars(["ĠnÃ", "©", "<s>"])
    ' né<s>'
    """
    data = bytearray()
    for token in tokens:
        try:
            data += bytes([_CHAR_BYTES[char] for char in token])
        except KeyError:
            data += token.encode()
    return data.decode("utf-8", errors="replace")


class ByteLevelDecoder:
    """The bytes of all tokens, read as UTF-8.

    `cleans_up`: closing blanks would corrupt text that had them, so the compiled tokenizers do not; the original does.

    >>> ByteLevelDecoder().join(["a", "Ġn", "Ã", "©"])
    'a né'
    """

    def __init__(self, cleans_up: bool = False) -> None:
        self.cleans_up = cleans_up

    def join(self, tokens: list[str]) -> str:
        """The tokens as text."""
        return from_byte_chars(tokens)

    def to_json(self) -> dict[str, Any]:
        """The section "decoder" of a tokenizer.json."""
        return {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}


# ---------------------------------------------------------------- RemBERT


def decode_bytes(raw: bytes | bytearray) -> str:
    """Bytes as UTF-8; each byte that is not part of a character becomes U+FFFD.

    >>> decode_bytes(bytes.fromhex("e282ac e282"))
    '€��'
    """
    text, at = [], 0
    while at < len(raw):
        for size in (1, 2, 3, 4):
            try:
                text.append(raw[at : at + size].decode("utf-8"))
            except UnicodeDecodeError:
                continue
            at += size
            break
        else:
            text.append("\ufffd")
            at += 1
    return "".join(text)


def sentencepiece_decode(model: SentencePieceModel, ids: Sequence[int]) -> str:
    """The text of these ids, as SentencePiece decodes them.

    ▁ becomes a blank, control tokens vanish, the unknown token becomes the model's surface for it
    (" ⁇ "), runs of byte tokens are read as UTF-8 with U+FFFD for what is not, and blanks at the start go.
    Raises InputError for an id outside the vocabulary.

    >>> pieces = (Piece("<unk>", 0.0, PieceType.UNKNOWN), Piece("▁ab", -1.0), Piece("c", -2.0))
    >>> sentencepiece_decode(SentencePieceModel(pieces), [1, 2, 1])
    'abc ab'
    """
    options = model.normalizer
    strips = options.add_dummy_prefix or options.remove_extra_whitespaces
    written: list[str] = []
    raw = bytearray()
    at_start = True  # blanks at the start are dropped until something is written
    for id_ in ids:
        piece = _piece(model, id_)
        if piece.type == PieceType.BYTE:
            raw.append(byte_of_piece(piece.text))
            continue
        written.append(decode_bytes(raw))
        raw.clear()
        at_start = at_start and not any(written)
        if piece.type == PieceType.CONTROL:
            continue
        text = piece.text
        if at_start and strips and text.startswith(SPACE):
            text = text[1:]
            at_start = options.remove_extra_whitespaces
        written.append(model.unk_surface if piece.type == PieceType.UNKNOWN else text.replace(SPACE, " "))
    return "".join(written) + decode_bytes(raw)


def _piece(model: SentencePieceModel, id_: int) -> Piece:
    if not 0 <= id_ < len(model.pieces):
        raise InputError(f"The id {id_} is not in the vocabulary, which has {len(model.pieces)} pieces.")
    return model.pieces[id_]


class SentencePieceDecoder:
    """ "▁" becomes a blank, except in the first token; runs of byte tokens are read as UTF-8.

    >>> model = SentencePieceModel((Piece("<unk>", 0.0, PieceType.UNKNOWN), Piece("▁ab", -1.0)))
    >>> SentencePieceDecoder(model).join(["▁ab", "▁ab", "<unk>"])
    'ab ab<unk>'
    """

    cleans_up = True

    def __init__(self, model: SentencePieceModel) -> None:
        self.model = model

    def join(self, tokens: list[str]) -> str:
        """The tokens as text."""
        written: list[str] = []
        raw = bytearray()
        for i, token in enumerate([*tokens, ""]):
            byte = byte_of_piece(token) if self.model.byte_fallback else -1
            if byte >= 0:
                raw.append(byte)
                continue
            written.append(decode_bytes(raw))
            raw.clear()
            written.append(token.replace(SPACE, " " if i else ""))
        return "".join(written)

    def to_json(self) -> dict[str, Any]:
        """The section "decoder" of a tokenizer.json."""
        return metaspace_json(self.model.normalizer.add_dummy_prefix)


class OriginalSentencePieceDecoder(SentencePieceDecoder):
    """SentencePiece's own decoding; tokens outside its model stand between, with blanks around."""

    def join(self, tokens: list[str]) -> str:
        """The tokens as text."""
        parts: list[str] = []
        known = self.model.ids
        for inside, group in groupby(tokens, key=known.__contains__):
            run = list(group)
            parts += [sentencepiece_decode(self.model, [known[token] for token in run])] if inside else run
        return " ".join(part for part in parts if part)
