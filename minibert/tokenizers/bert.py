"""BERT's tokenizer: WordPiece over cleaned, cut text. `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from minibert.checks import check_count
from minibert.errors import TokenizerError
from minibert.messages import quoted
from minibert.tokenizers.files.folder import vocabulary_path
from minibert.tokenizers.files.vocabulary_files import given_vocab_txt, write_vocab_txt
from minibert.tokenizers.stages.decoding import OriginalWordPieceDecoder, WordPieceDecoder
from minibert.tokenizers.stages.normalizers import BertNormalizer, GoogleNormalizer
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import BertPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import BertPreTokenizer, is_bert_punctuation, is_google_punctuation
from minibert.tokenizers.stages.wordpiece import MAX_WORD_LENGTH, WordPiece
from minibert.tokenizers.tokenizer import PreTrainedTokenizer


class BertTokenizer(PreTrainedTokenizer):
    """WordPiece as BERT has it: of every word the longest piece that fits next (Wu et al. 2016, section 4.1).

    Args:
        vocab_file: path of a vocab.txt, one token a line, whose number is its id; or give `vocab` or `tokenizer_file`.
        vocab: a dict token -> id.
        tokenizer_file: path of a tokenizer.json.
        do_lower_case: lower-case the text, and strip accents unless `strip_accents` says otherwise.
        tokenize_chinese_chars: make a word of each ideograph.
        clean_text: drop control characters, and make every kind of blank a space.
        wordpieces_prefix: what marks a piece that continues a word.
        unk_token, sep_token, pad_token, cls_token, mask_token: the special tokens; the vocabulary must hold unk_token.
        bos_token, eos_token: further ones, as encoders that became decoders have them.
        model_unk_token: what an unknown word becomes, where that is not `unk_token`; the vocabulary must hold it then.
        max_input_chars_per_word: a longer word (in code points) becomes `unk_token`.
        do_basic_tokenize, never_split: accepted for the sake of transformers' calls.
        options: those of `PreTrainedTokenizer`.

    Raises:
        TokenizerError: there is no vocabulary, or it is damaged or lacks a token that is needed.

    Example:
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
        bos_token: Any = None,
        eos_token: Any = None,
        model_unk_token: str | None = None,
        **options: Any,
    ) -> None:
        if tokenizer_file is not None and vocab is None:
            vocab = self._read_file(tokenizer_file, options)["vocab"]
        ids = given_vocab_txt(vocab, vocab_file)
        google = options.get("profile") == "original"
        limit = (200 if google else MAX_WORD_LENGTH) if max_input_chars_per_word is None else max_input_chars_per_word
        unknown = str(unk_token) if model_unk_token is None else str(model_unk_token)
        model = _checked_wordpiece(ids, unknown, wordpieces_prefix, limit)
        normalizer = GoogleNormalizer if google else BertNormalizer
        stages = Stages(
            normalizer(clean_text, tokenize_chinese_chars, strip_accents, do_lower_case),
            BertPreTokenizer(is_google_punctuation if google else is_bert_punctuation),
            model,
            BertPostProcessor(),
            (OriginalWordPieceDecoder if google else WordPieceDecoder)(wordpieces_prefix, decoder_cleanup),
        )
        roles = {
            "bos_token": bos_token, "eos_token": eos_token, "unk_token": unk_token, "sep_token": sep_token,
            "pad_token": pad_token, "cls_token": cls_token, "mask_token": mask_token,
        }  # fmt: skip
        clean_up = True if clean_up_tokenization_spaces is None else clean_up_tokenization_spaces
        super().__init__(stages, roles, clean_up_tokenization_spaces=clean_up, **options)
        # tokenizer_config.json keeps these
        self._model_unk_token, self.decoder_cleanup = unknown, decoder_cleanup
        self.clean_text, self.do_lower_case, self.strip_accents = clean_text, do_lower_case, strip_accents
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.wordpieces_prefix, self.max_input_chars_per_word = wordpieces_prefix, model.max_length

    def _config(self) -> dict[str, Any]:
        unknown = self._model_unk_token
        return super()._config() | ({} if unknown == self.unk_token else {"model_unk_token": unknown})

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str]:
        """Write vocab.txt into a folder; returns its path in a tuple."""
        path = vocabulary_path(save_directory, filename_prefix, "vocab.txt")
        write_vocab_txt(self.vocab, path)
        return (str(path),)


def _checked_wordpiece(vocab: Mapping[str, int], unknown: str, prefix: Any, limit: Any) -> WordPiece:
    if not isinstance(prefix, str):
        raise TokenizerError(f"wordpieces_prefix is {quoted(prefix)}: a text belongs there.")
    return WordPiece(vocab, unknown, prefix, check_count("max_input_chars_per_word", limit))


BertTokenizerFast = BertTokenizer

__all__ = ["BertTokenizer", "BertTokenizerFast"]
