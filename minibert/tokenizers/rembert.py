"""RemBERT's tokenizer: SentencePiece's Unigram. `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`; "▁" is the blank.

Ids are those of SentencePiece itself, the model's original, in both profiles: today's compiled RemBERT
tokenizer differs from it on ordinary text (`profiles.py`).
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from minibert.tokenizers.files.folder import vocabulary_path
from minibert.tokenizers.files.sentencepiece_model import given_sentencepiece_model, write_sentencepiece_model
from minibert.tokenizers.stages.added_tokens import AddedToken, swallowing_blanks
from minibert.tokenizers.stages.decoding import OriginalSentencePieceDecoder, SentencePieceDecoder
from minibert.tokenizers.stages.pieces import PieceType, SentencePieceModel
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import BertPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import SentencePiecePreTokenizer
from minibert.tokenizers.stages.unigram import Unigram
from minibert.tokenizers.stages.unigram_normalizer import RemBertNormalizer
from minibert.tokenizers.tokenizer import PreTrainedTokenizer, StageOption


class RemBertTokenizer(PreTrainedTokenizer):
    """SentencePiece Unigram as RemBERT has it: the likeliest way to cut a text (Kudo 2018, section 3.2).

    Args:
        vocab_file: path of a SentencePiece .model; or give `model` or `tokenizer_file`.
        model: a `SentencePieceModel`.
        tokenizer_file: path of a tokenizer.json.
        do_lower_case: lower-case before anything else.
        keep_accents: False decomposes (NFKD) and drops marks first.
        bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token: the special tokens.
        remove_space: kept and saved again; the model itself says how it treats blanks.
        options: those of `PreTrainedTokenizer`.

    Special tokens that the model has no piece for get the ids after its last one.

    Raises:
        TokenizerError: there is no model, or it is damaged.

    Example:
        >>> from minibert.tokenizers.stages.pieces import Piece
        >>> controls = [Piece(name, 0, PieceType.CONTROL) for name in ("[CLS]", "[SEP]", "[MASK]", "[PAD]")]
        >>> pieces = (Piece("[UNK]", 0, PieceType.UNKNOWN), *controls, Piece("▁low", -2.0), Piece("er", -3.0))
        >>> RemBertTokenizer(model=SentencePieceModel(pieces))("low lower")["input_ids"]
        [1, 5, 5, 6, 2]
    """

    family = "rembert"
    # transformers 5's RemBertTokenizer would replace the pipeline in tokenizer.json by one with a wrong unknown id
    class_in_config = "PreTrainedTokenizerFast"
    vocab_files_names: ClassVar[dict[str, str]] = {
        "vocab_file": "sentencepiece.model",
        "tokenizer_file": "tokenizer.json",
    }
    do_lower_case = StageOption()
    keep_accents = StageOption()

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
        model = given_sentencepiece_model(model, vocab_file)
        self.model, self.do_lower_case, self.keep_accents = model, do_lower_case, keep_accents
        stages = self.make_stages(Unigram(model), options.get("profile") == "original")
        roles = {
            "bos_token": bos_token, "eos_token": eos_token, "unk_token": unk_token, "sep_token": sep_token,
            "pad_token": pad_token, "cls_token": cls_token, "mask_token": swallowing_blanks(mask_token),
        }  # fmt: skip
        super().__init__(stages, roles, tokens=dict(enumerate(model.texts)), **options)
        self.remove_space = remove_space  # for tokenizer_config.json

    def make_stages(self, model: Unigram, original: bool) -> Stages:
        """The stages around the model, as the options say; `original`: by that profile's rules."""
        return Stages(
            RemBertNormalizer(self.model, self.do_lower_case, self.keep_accents),
            SentencePiecePreTokenizer(self.model.normalizer.add_dummy_prefix),
            model,
            BertPostProcessor(),
            OriginalSentencePieceDecoder(self.model) if original else SentencePieceDecoder(self.model),
        )

    @property
    def vocab_size(self) -> int:
        """The number of the model's pieces."""
        return len(self.model.pieces)

    @classmethod
    def find_vocabulary(cls, folder: Path) -> dict[str, Path]:
        """The SentencePiece model in a folder, under either of its usual names."""
        paths = (folder / name for name in ("sentencepiece.model", "spiece.model"))
        return next(({"vocab_file": path} for path in paths if path.exists()), {})

    def saved_tokens(self) -> dict[int, AddedToken]:
        """Added tokens are searched in raw text; the model's user-defined symbols are tokens of that kind too."""
        tokens = dict(self.added.by_id)
        for id_, piece in enumerate(self.model.pieces):
            if piece.type == PieceType.USER_DEFINED:
                tokens.setdefault(id_, AddedToken(piece.text))
        return {id_: replace(token, normalized=False) for id_, token in sorted(tokens.items())}

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str]:
        """Write sentencepiece.model into a folder; returns its path in a tuple."""
        path = vocabulary_path(save_directory, filename_prefix, "sentencepiece.model")
        write_sentencepiece_model(self.model, path)
        return (str(path),)


RemBertTokenizerFast = RemBertTokenizer
