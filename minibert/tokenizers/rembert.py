"""RemBERT's tokenizer: SentencePiece's Unigram. `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`; "▁" is the blank.

Ids are those of SentencePiece itself, the model's original, in both profiles: today's compiled RemBERT
tokenizer differs from it on ordinary text (`profiles.py`).
"""

import unicodedata
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from minibert.errors import TokenizerError
from minibert.tokenizers.base import Token
from minibert.tokenizers.fast.chunks import LocatedText
from minibert.tokenizers.fast.unigram_model import Unigram, decode_bytes
from minibert.tokenizers.files.folder import PreTrainedTokenizer
from minibert.tokenizers.files.sentencepiece_model import (
    SPACE,
    PieceType,
    SentencePieceModel,
    byte_of_piece,
    read_sentencepiece_model,
)
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.aligned_text import AlignedText
from minibert.tokenizers.stages.normalizers import lower_char
from minibert.tokenizers.stages.template import Slot, Template


class RemBertTokenizer(PreTrainedTokenizer):
    """SentencePiece Unigram as RemBERT has it.

    `vocab_file`: path of a SentencePiece .model; or give `model`, a `SentencePieceModel`, or
    `tokenizer_file`, path of a tokenizer.json.
    `do_lower_case`: lower-case before anything else; `keep_accents=False`: decompose (NFKD) and drop marks
    first. `remove_space` is accepted and kept, and changes nothing: the model itself says how it treats blanks.
    Special tokens that the model has no piece for get the ids after its last one.
    """

    family = "rembert"
    # transformers 5's RemBertTokenizer would replace the pipeline in tokenizer.json by one with a wrong unknown id
    class_in_config = "PreTrainedTokenizerFast"
    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "sentencepiece.model",
        "tokenizer_file": "tokenizer.json",
    }

    def __init__(
        self,
        vocab_file: Any = None,
        do_lower_case: bool = False,
        remove_space: bool = True,
        keep_accents: bool = True,
        bos_token: Any = "[CLS]",
        eos_token: Any = "[SEP]",
        unk_token: Any = "[UNK]",
        sep_token: Any = "[SEP]",
        pad_token: Any = "[PAD]",
        cls_token: Any = "[CLS]",
        mask_token: Any = "[MASK]",
        *,
        tokenizer_file: Any = None,
        model: SentencePieceModel | None = None,
        **options: Any,
    ) -> None:
        if tokenizer_file is not None and model is None:
            model = self._read_file(tokenizer_file, options)["model"]
        if model is None:
            if vocab_file is None:
                raise TokenizerError(
                    "A RemBertTokenizer needs a vocabulary: give vocab_file= (a SentencePiece .model) or model=."
                )
            model = read_sentencepiece_model(vocab_file)
        self.unigram = Unigram(model)
        self.do_lower_case = do_lower_case
        self.remove_space = remove_space
        self.keep_accents = keep_accents
        super().__init__(model.ids, **options)
        self.tokens_by_id = dict(enumerate(model.texts))
        if isinstance(mask_token, str):  # the mask token swallows the blank before it
            mask_token = AddedToken(mask_token, lstrip=True, normalized=False, special=True)
        self._set_roles(
            bos_token=bos_token, eos_token=eos_token, unk_token=unk_token, sep_token=sep_token,
            pad_token=pad_token, cls_token=cls_token, mask_token=mask_token,
        )  # fmt: skip

    @property
    def vocab_size(self) -> int:
        """The number of the model's pieces."""
        return len(self.unigram.model.pieces)

    @classmethod
    def find_vocabulary(cls, folder: Path) -> dict[str, Path]:
        """The SentencePiece model in a folder, under either of its usual names."""
        paths = (folder / name for name in ("sentencepiece.model", "spiece.model"))
        return next(({"vocab_file": path} for path in paths if path.exists()), {})

    # ------------------------------------------------------------ the stages

    def prepare(self, text: AlignedText) -> AlignedText:
        """What the options ask for, before SentencePiece's own normalisation."""
        if not self.keep_accents:
            text = drop_marks(text)
        if self.do_lower_case:
            text = text.replace_each(lower_char)
        return text

    def normalize(self, text: AlignedText) -> AlignedText:
        """The options' steps, then the model's map, blanks and dummy prefix."""
        return self.unigram.normalize(self.prepare(text))

    def _surface_for_search(self, content: str) -> str | None:
        return None  # SentencePiece knows no added tokens: all of them are found in the text as it is

    def saved_tokens(self) -> dict[int, AddedToken]:
        """Added tokens are searched in raw text; the model's user-defined symbols are tokens of that kind too."""
        tokens = dict(self.added.by_id)
        for id_, piece in enumerate(self.unigram.model.pieces):
            if piece.type == PieceType.USER_DEFINED:
                tokens.setdefault(id_, AddedToken(piece.text))
        return {id_: replace(token, normalized=False) for id_, token in sorted(tokens.items())}

    def _part_words(self, text: AlignedText, split_special: bool) -> list[list[Token]]:
        encoding = self.unigram.encode_with_offsets(self.prepare(text))
        tokens = zip(encoding.words, map(Token, encoding.ids, encoding.offsets), strict=True)
        return [[token for _, token in word] for _, word in groupby(tokens, key=lambda pair: pair[0])]

    def _located(self, text: str, start: int, finish: bool, with_sizes: bool) -> LocatedText | None:
        if self.do_lower_case or not self.keep_accents:
            return None
        return self.unigram.locate(text, start, with_sizes)

    def _piece_ids(self, text: str) -> list[int]:
        if self.do_lower_case or not self.keep_accents:
            text = self.prepare(AlignedText.from_text(text)).text
        return self.unigram.encode(text)

    def _family_template(self) -> Template:
        cls, sep = self.required_id("cls_token"), self.required_id("sep_token")
        first = (Slot(cls, None, 0), Slot(None, 0, 0), Slot(sep, None, 0))
        return Template(first, (*first, Slot(None, 1, 1), Slot(sep, None, 1)))

    # ------------------------------------------------------------ back to text

    def _join(self, tokens: list[str]) -> str:
        """ "▁" becomes a blank, except in the first token; runs of byte tokens are read as UTF-8."""
        if self.profile == "original":
            return self._join_as_sentencepiece(tokens)
        written: list[str] = []
        raw = bytearray()
        for i, token in enumerate([*tokens, ""]):
            byte = byte_of_piece(token) if self.unigram.model.byte_fallback else -1
            if byte >= 0:
                raw.append(byte)
                continue
            written.append(decode_bytes(raw))
            raw.clear()
            written.append(token.replace(SPACE, " " if i else ""))
        return "".join(written)

    def _join_as_sentencepiece(self, tokens: list[str]) -> str:
        """SentencePiece's own decoding; tokens outside its model stand between, with blanks around."""
        parts: list[str] = []
        known = self.unigram.model.ids
        for inside, group in groupby(tokens, key=known.__contains__):
            run = list(group)
            parts += [self.unigram.decode([known[token] for token in run])] if inside else run
        return " ".join(part for part in parts if part)

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str]:
        """Write sentencepiece.model into a folder; returns its path in a tuple."""
        path = self._vocabulary_path(save_directory, filename_prefix, "sentencepiece.model")
        model = self.unigram.model
        path.write_bytes(model.to_bytes() if model.source is None else model.source)
        return (str(path),)


def drop_marks(text: AlignedText) -> AlignedText:
    """Compatibility decomposition (NFKD), then all combining marks go.

    >>> drop_marks(AlignedText.from_text("éﬁ")).text
    'efi'
    """
    units = [
        (char, span)
        for source, span in zip(text.text, text.spans, strict=True)
        for char in unicodedata.normalize("NFKD", source)
        if not unicodedata.category(char).startswith("M")
    ]
    return AlignedText("".join(char for char, _ in units), [span for _, span in units])


RemBertTokenizerFast = RemBertTokenizer
