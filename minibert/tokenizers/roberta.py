"""RoBERTa's tokenizer: byte-level BPE. `<s> A </s>`, `<s> A </s></s> B </s>`; a blank belongs to the word after it."""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from minibert.errors import TokenizerError
from minibert.tokenizers.base import Token
from minibert.tokenizers.fast.chunks import Located, LocatedCache, LocatedText, located
from minibert.tokenizers.files.folder import PreTrainedTokenizer
from minibert.tokenizers.files.vocabulary_files import read_merges_txt, read_vocab_json, write_merges_txt
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.aligned_text import AlignedText, Span
from minibert.tokenizers.stages.byte_bpe import (
    ASCII_WORDS,
    BLANK_CHARS,
    BytePairCache,
    byte_level_pre_tokenize,
    byte_spans,
    fast_words,
    from_byte_chars,
)
from minibert.tokenizers.stages.normalizers import NeedsPlainPath, check_no_surrogates
from minibert.tokenizers.stages.template import BARE_ONE_TYPE, Slot, Template
from minibert.tokenizers.stages.template import Sequence as TokenSequence


class RobertaTokenizer(PreTrainedTokenizer):
    """Byte-level BPE as RoBERTa has it.

    `vocab_file`, `merges_file`: paths of vocab.json and merges.txt; or give `vocab`, a dict token -> id, and
    `merges`, a list of pairs, or `tokenizer_file`, path of a tokenizer.json. `add_prefix_space`: put a blank before
    the text, so that its first word is tokenized like any other. `trim_offsets`: leave blanks out of offsets.

    >>> vocab = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "l", "o", "w", "Ġ", "lo", "low", "Ġlow"]
    >>> merges = [("l", "o"), ("lo", "w"), ("Ġ", "low")]
    >>> tokenizer = RobertaTokenizer(vocab={token: i for i, token in enumerate(vocab)}, merges=merges)
    >>> tokenizer("low low")["input_ids"]
    [0, 10, 11, 2]
    """

    family = "roberta"
    class_in_config = "RobertaTokenizer"
    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "vocab.json", "merges_file": "merges.txt", "tokenizer_file": "tokenizer.json",
    }  # fmt: skip
    model_input_names: ClassVar[list[str]] = ["input_ids", "attention_mask"]
    bare_template = BARE_ONE_TYPE

    def __init__(
        self,
        vocab_file: Any = None,
        merges_file: Any = None,
        errors: str = "replace",
        bos_token: Any = "<s>",
        eos_token: Any = "</s>",
        sep_token: Any = "</s>",
        cls_token: Any = "<s>",
        unk_token: Any = "<unk>",
        pad_token: Any = "<pad>",
        mask_token: Any = "<mask>",
        add_prefix_space: bool = False,
        trim_offsets: bool = True,
        *,
        tokenizer_file: Any = None,
        vocab: Mapping[str, int] | None = None,
        merges: Sequence[tuple[str, str]] | None = None,
        **options: Any,
    ) -> None:
        if tokenizer_file is not None and vocab is None and merges is None:
            found = self._read_file(tokenizer_file, options)
            vocab, merges = found["vocab"], found["merges"]
        if vocab is None:
            if vocab_file is None:
                raise TokenizerError(
                    "A RobertaTokenizer needs a vocabulary: give vocab_file= (a vocab.json) or vocab=."
                )
            vocab = read_vocab_json(Path(vocab_file))
        if merges is None:
            if merges_file is None:
                raise TokenizerError(
                    "A RobertaTokenizer needs its merges: give merges_file= (a merges.txt) or merges=."
                )
            merges = read_merges_txt(Path(merges_file))
        self.merges = [(left, right) for left, right in merges]
        self.errors = errors
        self.add_prefix_space = add_prefix_space
        self.trim_offsets = trim_offsets
        super().__init__(vocab, **options)
        unknown = self.vocab.get(str(unk_token)) if self.profile == "original" else None
        self._model = BytePairCache(self.vocab, self.merges, unknown)
        self._token_blanks = _BlankCache(self.tokens_by_id)
        self._located_words = LocatedCache(self._locate_word)
        self._trimmed_words = LocatedCache(self._locate_trimmed)
        self._sizes = {id_: len(token) for id_, token in self.tokens_by_id.items()}
        if isinstance(mask_token, str):  # the mask token swallows the blank before it
            mask_token = AddedToken(mask_token, lstrip=True, normalized=False, special=True)
        self._set_roles(
            bos_token=bos_token, eos_token=eos_token, unk_token=unk_token, sep_token=sep_token,
            pad_token=pad_token, cls_token=cls_token, mask_token=mask_token,
        )  # fmt: skip

    # ------------------------------------------------------------ the stages

    def normalize(self, text: AlignedText) -> AlignedText:
        """RoBERTa takes text as it is; lone surrogates raise InputError."""
        check_no_surrogates(text.text)
        return text

    def _normalized(self, text: str) -> str:
        return text

    def _words(self, text: AlignedText) -> list[list[Token]]:
        text = self.with_prefix_space(text)
        return self._cut(text, byte_level_pre_tokenize(text.text))

    def with_prefix_space(self, text: AlignedText) -> AlignedText:
        """The text with a blank before it if the tokenizer adds one; the blank stands where the text begins."""
        return AlignedText(" " + text.text, text.spans[:1] + text.spans) if self._adds_space(text.text) else text

    @cached_property
    def merge_ranks(self) -> dict[tuple[str, str], int]:
        """pair -> its rank in merges.txt."""
        return {pair: rank for rank, pair in enumerate(self.merges)}

    def _cut(self, text: AlignedText, spans: list[Span]) -> list[list[Token]]:
        words = []
        for start, end in spans:
            word = text.text[start:end]
            ids = self._model.cut(word)
            parts = self._spans_of(word, ids)
            tokens = [Token(id_, text.span(start + a, start + b)) for id_, (a, b) in zip(ids, parts, strict=True)]
            words.append(tokens)
        return words

    def _spans_of(self, word: str, ids: Iterable[int]) -> list[Span]:
        """Where in a word the tokens stand that it was cut into."""
        return byte_spans(word, [self._sizes[id_] for id_ in ids])

    def _adds_space(self, text: str) -> bool:
        """Whether a part between special tokens gets a blank; the original adds one to the whole text instead."""
        return self.profile == "transformers" and self.add_prefix_space and text[:1] not in ("", " ")

    def _original_prefix(self, text: str, is_word: bool) -> str:
        """The blank that the original puts before a text: once, and only if no white space begins it."""
        wanted = self.profile == "original" and (self.add_prefix_space or is_word)
        return " " if wanted and text and not text[0].isspace() else ""

    def _ids(self, text: str, split_special: bool = False, is_word: bool = False) -> list[int]:
        return super()._ids(self._original_prefix(text, is_word) + text, split_special)

    def _quick_sequence(self, text: str, split_special: bool, only_spans: bool = False) -> TokenSequence | None:
        return None if self.profile == "original" else super()._quick_sequence(text, split_special, only_spans)

    def _text_words(self, text: str, split_special: bool = False, is_word: bool = False) -> list[list[Token]]:
        prefix = self._original_prefix(text, is_word)
        words = super()._text_words(prefix + text, split_special)
        if not prefix:
            return words
        return [[Token(id_, (max(a - 1, 0), max(b - 1, 0))) for id_, (a, b) in word] for word in words]

    def _split_sequence(self, text: Iterable[str], details: bool, split_special: bool = False) -> TokenSequence:
        if self.profile == "transformers":
            return super()._split_sequence(text, details, split_special)
        if not details:
            return TokenSequence([id_ for word in text for id_ in self._ids(word, split_special, True)])
        parts = [(i, self._text_words(word, split_special, True)) for i, word in enumerate(text)]
        tokens = [(i, token) for i, words in parts for word in words for token in word]
        return TokenSequence([t.id for _, t in tokens], [t.span for _, t in tokens], [i for i, _ in tokens])

    def _piece_ids(self, text: str) -> list[int]:
        if self._adds_space(text):
            text = " " + text
        pattern = ASCII_WORDS if text.isascii() else fast_words()
        try:
            return list(chain.from_iterable(map(self._model.__getitem__, pattern.findall(text))))
        except NeedsPlainPath:
            words = [text[start:end] for start, end in byte_level_pre_tokenize(text)]
            return [id_ for word in words for id_ in self._model.cut(word)]

    @property
    def _finishes_early(self) -> bool:  # type: ignore[override]
        return not self.add_prefix_space  # its blank depends on which token is the first after truncation

    def _located(self, text: str, start: int, finish: bool, with_sizes: bool) -> LocatedText | None:
        if self._adds_space(text):
            found = self._located(" " + text, start - 1, False, with_sizes)
            if found is not None:  # the blank has no place of its own
                found[1][:1] = [(start, max(end, start + 1)) for _, end in found[1][:1]]
            return found
        cache = self._trimmed_words if finish and self.trim_offsets else self._located_words
        words = (ASCII_WORDS if text.isascii() else fast_words()).findall(text)
        try:
            return cache.locate_all(words, start, with_sizes)
        except NeedsPlainPath:
            return None

    def _locate_word(self, word: str) -> Located:
        ids = self._model[word]
        return located(ids, self._spans_of(word, ids))

    def _locate_trimmed(self, word: str) -> Located:
        ids = self._model[word]
        blanks = map(self._token_blanks.__getitem__, ids)
        spans = self._spans_of(word, ids)
        return located(ids, [_trimmed(*span, *ends) for span, ends in zip(spans, blanks, strict=True)])

    def _normalized_ids(self, text: str) -> list[int]:
        return self._piece_ids(text)

    def _finish_offsets(self, sequence: TokenSequence, source: str | list[str]) -> None:
        """Blanks at a token's ends are left out of its span.

        A single blank that begins the text may be the added prefix space, which has no width of its own.
        """
        if not self.trim_offsets or sequence.offsets is None or sequence.finished:
            return
        blanks = self._token_blanks
        for i, (id_, (start, end)) in enumerate(zip(sequence.ids, sequence.offsets, strict=True)):
            lead, trail = blanks[id_]
            if id_ in self.added.by_id:  # it may have swallowed blanks that its name does not show
                text = source if isinstance(source, str) else source[(sequence.words or [0] * (i + 1))[i] or 0]
                lead, trail = _blanks(text[start:end])
            elif not lead and not trail:
                continue
            if lead == 1 and self.add_prefix_space and (i == 0 or start == 0):
                lead = 0
            sequence.offsets[i] = _trimmed(start, end, lead, trail)

    def _family_template(self) -> Template:
        cls, sep = self.required_id("cls_token"), self.required_id("sep_token")
        first = (Slot(cls, None, 0), Slot(None, 0, 0), Slot(sep, None, 0))
        return Template(first, (*first, Slot(sep, None, 0), Slot(None, 1, 0), Slot(sep, None, 0)))

    def _join(self, tokens: list[str]) -> str:
        return from_byte_chars(tokens)

    def _decode_ids(self, ids: list[int], skip_special: bool, clean_up: bool | None) -> str:
        clean_up = self.clean_up_tokenization_spaces if clean_up is None else clean_up
        if clean_up and self.profile == "transformers":
            warnings.warn(
                "clean_up_tokenization_spaces is ignored for byte-level BPE: it would corrupt text that had these "
                "blanks. Ask a tokenizer with profile='original' if you need it.",
                stacklevel=3,
            )
            clean_up = False
        return super()._decode_ids(ids, skip_special, clean_up)

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str, str]:
        """Write vocab.json and merges.txt into a folder; returns their paths."""
        vocab_path = self._vocabulary_path(save_directory, filename_prefix, "vocab.json")
        merges_path = self._vocabulary_path(save_directory, filename_prefix, "merges.txt")
        ordered = dict(sorted(self.vocab.items(), key=lambda item: item[1]))
        vocab_path.write_text(json.dumps(ordered, ensure_ascii=False) + "\n", encoding="utf-8")
        write_merges_txt(self.merges, merges_path)
        return str(vocab_path), str(merges_path)


def _trimmed(start: int, end: int, lead: int, trail: int) -> Span:
    """A span without `lead` blanks at its start and `trail` at its end, as the reference counts them."""
    start = min(start + lead, end)
    if trail and end >= trail:
        end = max(end - trail, start)
    return start, end


class _BlankCache(dict[int, tuple[int, int]]):
    """token id -> how many blanks the token begins and ends with."""

    def __init__(self, tokens: Mapping[int, str]) -> None:
        super().__init__()
        self._tokens = tokens

    def __missing__(self, id_: int) -> tuple[int, int]:
        self[id_] = found = _blanks(self._tokens.get(id_, ""))
        return found


def _blanks(token: str) -> tuple[int, int]:
    """How many blanks a token begins and ends with."""
    size = len(token)
    return size - len(token.lstrip(BLANK_CHARS)), size - len(token.rstrip(BLANK_CHARS))


RobertaTokenizerFast = RobertaTokenizer
