"""The stages in their order: one text -> its words, each as its tokens.

    text -> added tokens found -> normalised -> added tokens found again -> words -> pieces, with ids and spans

This is the plain road. It says what every other road must give.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from minibert.tokenizers.stages.added_tokens import AddedVocabulary, Match
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.normalizers import check_no_surrogates
from minibert.tokenizers.stages.post_processors import PostProcessor
from minibert.tokenizers.stages.stage import Decoder, Model, Normalizer, PreTokenizer, Token


@dataclass(frozen=True)
class Stages:
    """The stages of a tokenizer."""

    normalizer: Normalizer  # 1. text -> normalised text
    pre_tokenizer: PreTokenizer  # 2. -> words
    model: Model  # 3. -> pieces
    post_processor: PostProcessor  # 4. -> a row with special tokens
    decoder: Decoder  # and back to text
    opening: Callable[[str, bool], str] | None = None  # what is put before a whole text, for `original_opening`


class Part(NamedTuple):
    """A stretch of a text: an added token (`added` is its id), or ordinary text with its words.

    `source` is the text between two tokens found in raw text; `normalized`, what a second search found or left of it.
    """

    source: AlignedText
    normalized: AlignedText
    added: int | None
    words: list[AlignedText]


def text_words(
    text: str, stages: Stages, added: AddedVocabulary, split_special: bool = False, is_word: bool = False
) -> list[list[Token]]:
    """The words of a text, each as its tokens; an added token is a word of its own.

    `split_special`: special tokens in the text are ordinary text. `is_word`: the text is a word of a text that came as
    words. Raises InputError for lone surrogates.
    """
    words: list[list[Token]] = []
    for part in text_parts(text, stages, added, split_special, is_word):
        if part.added is None:
            words += stages.model.cut(part.words)
        else:
            words.append([Token(part.added, part.normalized.whole_span())])
    return words


def text_parts(
    text: str, stages: Stages, added: AddedVocabulary, split_special: bool = False, is_word: bool = False
) -> Iterator[Part]:
    """A text as its added tokens, and what stands between them as words. Arguments: `text_words`."""
    check_no_surrogates(text)
    source = AlignedText.from_text(text)
    if stages.opening is not None and (opening := stages.opening(text, is_word)):
        source = AlignedText(opening + text, [(0, 0)] * len(opening) + source.spans)
    for match in added.raw.split(source.text, split_special):
        part = source.part(match.start, match.end)
        if match.id is None:
            yield from normalized_parts(part, stages, added, split_special)
        else:
            yield Part(part, part, match.id, [])


def normalized_parts(
    source: AlignedText, stages: Stages, added: AddedVocabulary, split_special: bool = False
) -> Iterator[Part]:
    """Text between two added tokens: normalised, searched once more for added tokens, and cut into words."""
    normalized = stages.normalizer.normalize(source)
    nothing = Match(None, 0, 0)
    for match in list(added.normalized.split(normalized.text, split_special)) or [nothing]:
        part = normalized.part(match.start, match.end)
        words = stages.pre_tokenizer.split(part) if match.id is None else []
        yield Part(source, part, match.id, words)
