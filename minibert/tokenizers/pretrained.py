"""Tokenizers from and to folders: `from_pretrained` and `save_pretrained`."""

import json
from pathlib import Path
from typing import Any, TypeVar

from minibert.errors import TokenizerError
from minibert.tokenizers.from_ids import IdTokenizer
from minibert.tokenizers.vocabulary_files import read_text

T = TypeVar("T", bound="PreTrainedTokenizer")


class PreTrainedTokenizer(IdTokenizer):
    """A tokenizer that can be read from a folder and written to one."""

    vocab_files_names: dict[str, str] = {}

    def _set_roles(self, **roles: Any) -> None:
        for role, token in roles.items():
            self._set_role(role, token)

    @classmethod
    def from_pretrained(cls: type[T], folder: str | Path, **options: Any) -> T:
        """The tokenizer whose files stand in a folder; keywords override what its files say."""
        folder = Path(folder)
        config = folder / "tokenizer_config.json"
        settings = json.loads(read_text(config)) if config.exists() else {}
        known = ("do_lower_case", "strip_accents", "tokenize_chinese_chars", "model_max_length", "padding_side")
        settings = {name: value for name, value in settings.items() if name in known}
        return cls(folder / cls.vocab_files_names["vocab_file"], **{**settings, **options})

    def _vocabulary_path(self, folder: str | Path, prefix: str | None, name: str) -> Path:
        folder = Path(folder)
        if not folder.is_dir():
            raise TokenizerError(f"{folder} is not a folder, so the vocabulary cannot be written there.")
        return folder / (f"{prefix}-{name}" if prefix else name)
