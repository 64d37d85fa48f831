"""BERT's tokenizer: WordPiece over cleaned, cut text. `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`."""

import re
from collections.abc import Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from minibert.errors import TokenizerError
from minibert.tokenizers.base import CLEAN_UP, Token
from minibert.tokenizers.fast.chunks import ChunkCache, Located, LocatedCache, LocatedText, located, located_words
from minibert.tokenizers.files.folder import PreTrainedTokenizer
from minibert.tokenizers.files.vocabulary_files import read_vocab_txt, write_vocab_txt
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.normalizers import (
    BertNormalizerOptions,
    BertTranslator,
    NeedsPlainPath,
    bert_normalize,
    google_normalize,
)
from minibert.tokenizers.stages.pre_tokenizers import (
    BERT_ASCII_WORDS,
    bert_pre_tokenize,
    bert_word_pattern,
    is_bert_punctuation,
    is_google_punctuation,
)
from minibert.tokenizers.stages.template import Slot, Template
from minibert.tokenizers.stages.unicode_tables import BERT_TO_SPACE, WHITESPACE
from minibert.tokenizers.stages.wordpiece import MAX_WORD_LENGTH, WordPieceCache

_ASCII_REMOVED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]").search


class BertTokenizer(PreTrainedTokenizer):
    """WordPiece as BERT has it.

    `vocab_file`: path of a vocab.txt, one token a line; or give `vocab`, a dict token -> id, or
    `tokenizer_file`, path of a tokenizer.json.
    `do_lower_case`: lower-case the text, and strip accents unless `strip_accents` says otherwise.
    `tokenize_chinese_chars`: make a word of each ideograph. The other arguments: `PreTrainedTokenizer`.

    >>> vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able"]
    >>> tokenizer = BertTokenizer(vocab={token: i for i, token in enumerate(vocab)})
    >>> tokenizer("Unaffable!")["input_ids"]
    [2, 5, 6, 7, 1, 3]
    """

    family = "bert"
    class_in_config = "BertTokenizer"
    vocab_files_names: ClassVar[dict[str, str]] = {"vocab_file": "vocab.txt", "tokenizer_file": "tokenizer.json"}

    def __init__(
        self,
        vocab_file: Any = None,
        do_lower_case: bool = True,
        do_basic_tokenize: bool = True,
        never_split: Any = None,
        unk_token: Any = "[UNK]",
        sep_token: Any = "[SEP]",
        pad_token: Any = "[PAD]",
        cls_token: Any = "[CLS]",
        mask_token: Any = "[MASK]",
        tokenize_chinese_chars: bool = True,
        strip_accents: bool | None = None,
        clean_up_tokenization_spaces: bool | None = None,
        *,
        tokenizer_file: Any = None,
        vocab: Mapping[str, int] | None = None,
        clean_text: bool = True,
        wordpieces_prefix: str = "##",
        max_input_chars_per_word: int | None = None,
        decoder_cleanup: bool = True,
        **options: Any,
    ) -> None:
        if tokenizer_file is not None and vocab is None:
            vocab = self._read_file(tokenizer_file, options)["vocab"]
        if vocab is None:
            if vocab_file is None:
                raise TokenizerError("A BertTokenizer needs a vocabulary: give vocab_file= (a vocab.txt) or vocab=.")
            vocab = read_vocab_txt(Path(vocab_file))
        self.normalizer_options = BertNormalizerOptions(
            clean_text, tokenize_chinese_chars, strip_accents, do_lower_case
        )
        self.do_lower_case = do_lower_case
        self.strip_accents = strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.clean_text = clean_text
        self.wordpieces_prefix = wordpieces_prefix
        self.decoder_cleanup = decoder_cleanup
        self._translator = BertTranslator(self.normalizer_options)
        clean_up = True if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        super().__init__(vocab, clean_up_tokenization_spaces=clean_up, **options)
        google = self.profile == "original"
        self._is_punctuation = is_google_punctuation if google else is_bert_punctuation
        if max_input_chars_per_word is None:
            max_input_chars_per_word = 200 if google else MAX_WORD_LENGTH
        self.max_input_chars_per_word = max_input_chars_per_word
        if str(unk_token) not in self.vocab:
            raise TokenizerError(
                f"The vocabulary of {len(self.vocab)} tokens has no {str(unk_token)!r}, the unknown token."
            )
        self._model = WordPieceCache(self.vocab, str(unk_token), wordpieces_prefix, max_input_chars_per_word)
        self._chunks = ChunkCache(self, WHITESPACE if not clean_text else BERT_TO_SPACE)
        self._located_chunks = LocatedCache(self._locate_chunk)
        self._located_words = LocatedCache(self._locate_word)
        self._set_roles(
            unk_token=unk_token, sep_token=sep_token, pad_token=pad_token, cls_token=cls_token, mask_token=mask_token
        )

    # ------------------------------------------------------------ the stages

    def normalize(self, text: AlignedText) -> AlignedText:
        """Cleaning, CJK spacing, accents, case; see `normalizers.py`."""
        step = google_normalize if self.profile == "original" else bert_normalize
        return step(text, self.normalizer_options)

    def _normalized(self, text: str) -> str:
        if self.profile == "transformers":
            try:
                return text.translate(self._translator)
            except NeedsPlainPath:
                pass
        return super()._normalized(text)

    def _words(self, text: AlignedText) -> list[list[Token]]:
        return self._cut(text, bert_pre_tokenize(text.text, self._is_punctuation))

    def _cut(self, text: AlignedText, spans: list[Span]) -> list[list[Token]]:
        words = []
        for start, end in spans:
            cut = self._model.cut(text.text[start:end])
            if cut is None:
                words.append([Token(self._model.unknown[0], text.span(start, end))])
            else:
                words.append([Token(id_, text.span(start + a, start + b)) for id_, (a, b) in cut])
        return words

    def _piece_ids(self, text: str) -> list[int]:
        if self.profile == "original":
            return self._normalized_ids(self._normalized(text))
        known = self._model
        if not text.isascii():
            chunks = self._chunks
            return list(chain.from_iterable(map(chunks.__getitem__, chunks.split(text))))
        if self.normalizer_options.clean_text and not _ASCII_REMOVED(text):
            # lower case is all that is left to do: the pattern passes over blanks of any kind
            if self.normalizer_options.lowercase:
                text = text.lower()
            return list(chain.from_iterable(map(known.__getitem__, BERT_ASCII_WORDS.findall(text))))
        return self._normalized_ids(self._normalized(text))

    def _located(self, text: str, start: int, finish: bool, with_sizes: bool) -> LocatedText | None:
        if self.profile == "original":
            return None
        if text.isascii() and self.normalizer_options.clean_text and not _ASCII_REMOVED(text):
            # ASCII keeps its length: a word of the lower-cased text stands where it stood before
            text = text.lower() if self.normalizer_options.lowercase else text
            return self._located_words.locate(BERT_ASCII_WORDS.finditer(text), start, with_sizes)
        return self._located_chunks.locate(self._chunks.matches(text), start, with_sizes)

    def _locate_word(self, word: str) -> Located:
        cut = self._model.cut(word) or [(self._model.unknown[0], (0, len(word)))]
        return located([id_ for id_, _ in cut], [span for _, span in cut])

    def _locate_chunk(self, chunk: str) -> Located:
        try:
            written = list(map(self._translator.__getitem__, map(ord, chunk)))
        except NeedsPlainPath:
            return located_words(self._words(self.normalize(AlignedText.from_text(chunk))))
        source = [i for i, chars in enumerate(written) for _ in chars]  # of each normalised character
        ids: list[int] = []
        spans: list[Span] = []
        sizes: list[int] = []
        for match in bert_word_pattern().finditer("".join(written)):
            found, _, _, inside, _ = self._located_words[match[0]]
            at = match.start()
            ids += found
            places = [(at + before, at + before + spans_of.length - 1) for before, spans_of in inside]
            spans += [(source[first], source[last] + 1) for first, last in places]
            sizes.append(len(found))
        return located(ids, spans, sizes)

    def _normalized_ids(self, text: str) -> list[int]:
        if self.profile == "original":
            return super()._normalized_ids(text)
        pattern = BERT_ASCII_WORDS if text.isascii() and self.normalizer_options.clean_text else bert_word_pattern()
        known = self._model
        return list(chain.from_iterable(map(known.__getitem__, pattern.findall(text))))

    def _family_template(self) -> Template:
        cls, sep = self.required_id("cls_token"), self.required_id("sep_token")
        first = (Slot(cls, None, 0), Slot(None, 0, 0), Slot(sep, None, 0))
        return Template(first, (*first, Slot(None, 1, 1), Slot(sep, None, 1)))

    def _join(self, tokens: list[str]) -> str:
        if self.profile == "original":
            return " ".join(tokens).replace(" " + self.wordpieces_prefix, "").strip()
        glued = [self._glued(token) if i else token for i, token in enumerate(tokens)]
        return "".join(map(clean_token, glued) if self.decoder_cleanup else glued)

    def _glued(self, token: str) -> str:
        """A token that is not the first: a continuation without its prefix, others after a blank."""
        prefix = self.wordpieces_prefix
        return token[len(prefix) :] if token.startswith(prefix) else " " + token

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str]:
        """Write vocab.txt into a folder; returns its path in a tuple."""
        path = self._vocabulary_path(save_directory, filename_prefix, "vocab.txt")
        write_vocab_txt(self.vocab, path)
        return (str(path),)


@cache
def clean_token(token: str) -> str:
    """The clean-up that the compiled decoder does on every single token, whatever it is asked for.

    >>> clean_token(" ."), clean_token(" dog")
    ('.', ' dog')
    """
    for spaced, closed in (*CLEAN_UP, (" do not", " don't")):
        token = token.replace(spaced, closed)
    return token


BertTokenizerFast = BertTokenizer

__all__ = ["BertTokenizer", "BertTokenizerFast"]
