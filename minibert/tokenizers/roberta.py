"""RoBERTa's tokenizer: byte-level BPE. `<s> A </s>`, `<s> A </s></s> B </s>`; a blank belongs to the word after it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from minibert.errors import TokenizerError
from minibert.files.saving import saving
from minibert.tokenizers.files.folder import vocabulary_path
from minibert.tokenizers.files.vocabulary_files import (
    given_merges_txt,
    given_vocab_json,
    write_merges_txt,
    write_vocab_json,
)
from minibert.tokenizers.stages.added_tokens import swallowing_blanks
from minibert.tokenizers.stages.byte_bpe import ByteBPE
from minibert.tokenizers.stages.decoding import ByteLevelDecoder
from minibert.tokenizers.stages.normalizers import NoNormalizer
from minibert.tokenizers.stages.pipeline import Stages
from minibert.tokenizers.stages.post_processors import RobertaPostProcessor
from minibert.tokenizers.stages.pre_tokenizers import ByteLevelPreTokenizer, original_opening
from minibert.tokenizers.tokenizer import PreTrainedTokenizer, StageOption


class RobertaTokenizer(PreTrainedTokenizer):
    """Byte-level BPE as RoBERTa has it (Sennrich et al. 2016; over bytes, Radford et al. 2019, section 2.2).

    Args:
        vocab_file, merges_file: paths of vocab.json and merges.txt; or give `vocab` and `merges`, or `tokenizer_file`.
        vocab: a dict token -> id.
        merges: a list of pairs, the first learned first.
        tokenizer_file: path of a tokenizer.json.
        add_prefix_space: put a blank before the text, so that its first word is tokenized like any other.
        trim_offsets: leave blanks out of offsets.
        bos_token, eos_token, sep_token, cls_token, unk_token, pad_token, mask_token: the special tokens.
        errors: kept and saved again.
        options: those of `PreTrainedTokenizer`.

    Raises:
        TokenizerError: there is no vocabulary, or it is damaged or lacks a token that is needed.

    Example:
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
    add_prefix_space = StageOption()
    trim_offsets = StageOption()

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
        vocab = given_vocab_json(vocab, vocab_file)
        self.merges = given_merges_txt(merges, merges_file)
        self.add_prefix_space, self.trim_offsets = add_prefix_space, trim_offsets
        original = options.get("profile") == "original"
        stages = self.make_stages(ByteBPE(vocab, self.merges, str(unk_token) if original else None), original)
        roles = {
            "bos_token": bos_token, "eos_token": eos_token, "unk_token": unk_token, "sep_token": sep_token,
            "pad_token": pad_token, "cls_token": cls_token, "mask_token": swallowing_blanks(mask_token),
        }  # fmt: skip
        super().__init__(stages, roles, **options)
        self.errors = errors  # for tokenizer_config.json

    def make_stages(self, model: ByteBPE, original: bool) -> Stages:
        """The stages around the model, as the options say; `original`: by that profile's rules."""
        return Stages(
            NoNormalizer(),
            ByteLevelPreTokenizer(self.add_prefix_space and not original, self.trim_offsets),
            model,
            RobertaPostProcessor(self.trim_offsets, self.add_prefix_space),
            ByteLevelDecoder(cleans_up=original),
            opening=partial(original_opening, self.add_prefix_space) if original else None,
        )

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str, str]:
        """Write vocab.json and merges.txt into a folder; returns their paths."""
        vocab_path = vocabulary_path(save_directory, filename_prefix, "vocab.json")
        merges_path = vocabulary_path(save_directory, filename_prefix, "merges.txt")
        with saving(save_directory, TokenizerError) as save:
            write_vocab_json(self.vocab, save.staged / vocab_path.name)
            write_merges_txt(self.merges, save.staged / merges_path.name)
        return str(vocab_path), str(merges_path)


RobertaTokenizerFast = RobertaTokenizer
