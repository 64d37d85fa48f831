"""Tokenizers from and to folders: `from_pretrained` and `save_pretrained`.

A folder may hold, of older and newer tools: tokenizer.json (everything in one file), the vocabulary files,
tokenizer_config.json (arguments and added tokens), special_tokens_map.json and added_tokens.json (the same,
before 2023). What stands first wins: keywords of the call, tokenizer_config.json, special_tokens_map.json,
tokenizer.json, the class's defaults. The flags of added tokens are tokenizer.json's where it has them.
"""

import inspect
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from minibert.errors import TokenizerError, WeightFileError
from minibert.tokenizers.calls.from_ids import IdTokenizer
from minibert.tokenizers.files.vocabulary_files import read_json
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.special_tokens import ROLES
from minibert.tokenizers.stages.template import Template
from minibert.weights.find import HUB_OPTIONS, find_checkpoint

T = TypeVar("T", bound="PreTrainedTokenizer")
Added = list[tuple[AddedToken, int]]
SHARED_OPTIONS = (
    "profile", "model_max_length", "padding_side", "truncation_side", "clean_up_tokenization_spaces",
    "split_special_tokens",
)  # fmt: skip
EXTRA = ("extra_special_tokens", "additional_special_tokens")


class PreTrainedTokenizer(IdTokenizer):
    """A tokenizer that can be read from a folder and written to one."""

    vocab_files_names: ClassVar[dict[str, str]] = {}
    family = ""
    class_in_config = ""  # the class that transformers shall load the files with

    # ------------------------------------------------------------ reading

    @classmethod
    def from_pretrained(cls: type[T], pretrained_model_name_or_path: str | Path, **options: Any) -> T:
        """The tokenizer whose files stand in a folder, ship with minibert, or lie on the Hugging Face Hub.

        Keywords override what the files say. Of a name on the Hub: revision, cache_dir, local_files_only, token,
        force_download, see `minibert.weights.find_checkpoint`. `use_fast` is passed over: there is one tokenizer.
        Raises TokenizerError when a file is missing, damaged, or asks for something unsupported.
        """
        hub = {name: options.pop(name) for name in HUB_OPTIONS if name in options}
        for ignored in ("use_fast", "trust_remote_code", "subfolder", "legacy"):
            options.pop(ignored, None)
        folder = find_folder(pretrained_model_name_or_path, **hub)
        settings, added, template = read_folder(folder, cls)
        tokens = {id_: token for token, id_ in added}
        if len(tokens) < len(added):
            raise TokenizerError(f"{folder}: two added tokens have the same id: {_twice(added)}.")
        settings = {**settings, "added_tokens_decoder": tokens, "name_or_path": str(pretrained_model_name_or_path)}
        tokenizer = cls(**{**settings, **options})
        if template is not None and template.pair and not set(options) & set(ROLES):
            tokenizer._own_template = template
        return tokenizer

    @classmethod
    def _read_file(cls, tokenizer_file: str | Path, options: dict[str, Any]) -> dict[str, Any]:
        """The vocabulary in a tokenizer.json as arguments of the class; its added tokens go to the options.

        What else the file says gives way to the class's own arguments, as in transformers.
        """
        from minibert.tokenizers.files.tokenizer_json import read_tokenizer_json

        found = read_tokenizer_json(Path(tokenizer_file))
        _check_family(cls, found.family, Path(tokenizer_file))
        options.setdefault("added_tokens_decoder", {id_: token for token, id_ in found.added})
        return found.options

    @classmethod
    def needed_files(cls) -> list[str]:
        """The vocabulary files of the family, tokenizer.json aside."""
        return [name for key, name in cls.vocab_files_names.items() if key != "tokenizer_file"]

    @classmethod
    def find_vocabulary(cls, folder: Path) -> dict[str, Path]:
        """The family's vocabulary files in a folder as arguments of the class; empty unless all are there."""
        files = {key: folder / name for key, name in cls.vocab_files_names.items() if key != "tokenizer_file"}
        return files if all(path.exists() for path in files.values()) else {}

    # ------------------------------------------------------------ writing

    def save_pretrained(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write all files that transformers 4 and 5 read into a folder (made if missing); returns their paths."""
        from minibert.tokenizers.files.tokenizer_json_writer import write_tokenizer_json

        folder = Path(save_directory)
        if folder.exists() and not folder.is_dir():
            raise TokenizerError(f"{folder} is a file, so a tokenizer cannot be saved into it.")
        folder.mkdir(parents=True, exist_ok=True)
        written = [Path(path) for path in self.save_vocabulary(folder, filename_prefix)]

        def path(name: str) -> Path:
            return folder / (f"{filename_prefix}-{name}" if filename_prefix else name)

        beyond = {token: id_ for token, id_ in self.added.ids.items() if token not in self.vocab}
        contents: dict[str, Any] = {
            "tokenizer_config.json": self._config(),
            "special_tokens_map.json": self._special_tokens_map(),
        }
        if beyond:
            contents["added_tokens.json"] = beyond
        for name, content in contents.items():
            written.append(path(name))
            text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True)
            path(name).write_text(text + "\n", encoding="utf-8", newline="\n")
        if self.profile == "transformers":  # the compiled tokenizers know no other
            write_tokenizer_json(self, path("tokenizer.json"))
            written.append(path("tokenizer.json"))
        return tuple(str(item) for item in written)

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write the vocabulary files alone into a folder; returns their paths."""
        raise NotImplementedError

    def _config(self) -> dict[str, Any]:
        """tokenizer_config.json: the arguments, and every added token by id."""
        config: dict[str, Any] = {name: getattr(self, name) for name in self._own_options() if hasattr(self, name)}
        config |= {role: token.content for role, token in self._roles.items() if token}
        flags = {str(id_): token.to_dict() for id_, token in self.saved_tokens().items()}
        config |= {
            "added_tokens_decoder": flags,
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
            "model_max_length": self.model_max_length,
            "tokenizer_class": self.class_in_config,
        }
        if self.class_in_config != type(self).__name__:
            config["model_input_names"] = self.model_input_names
        if self._extra:
            config["additional_special_tokens"] = self.extra_special_tokens
        for name, default in (("padding_side", "right"), ("truncation_side", "right"), ("profile", "transformers")):
            if getattr(self, name) != default:
                config[name] = getattr(self, name)
        return config

    def _special_tokens_map(self) -> dict[str, Any]:
        roles = {role: token.to_dict() for role, token in self._roles.items() if token}
        for entry in roles.values():
            del entry["special"]
        return {**roles, **({"additional_special_tokens": self.extra_special_tokens} if self._extra else {})}

    @classmethod
    def _own_options(cls) -> list[str]:
        """The names of the class's own arguments that tokenizer_config.json keeps."""
        files = {"vocab_file", "merges_file", "tokenizer_file"}
        left_out = {"self", "vocab", "merges", "model", "options", *files, *ROLES}
        return [name for name in inspect.signature(cls.__init__).parameters if name not in left_out]

    def _vocabulary_path(self, folder: str | Path, prefix: str | None, name: str) -> Path:
        folder = Path(folder)
        if not folder.is_dir():
            raise TokenizerError(f"{folder} is not a folder, so the vocabulary cannot be written there.")
        return folder / (f"{prefix}-{name}" if prefix else name)


# ---------------------------------------------------------------- a folder's files


def find_folder(name: str | Path, **hub: Any) -> Path:
    """The folder of a path, of a tokenizer or checkpoint shipped with minibert, or of a name on the Hub."""
    try:
        return find_checkpoint(name, needs=VOCABULARY_FILES, **hub)
    except WeightFileError as error:
        raise TokenizerError(str(error)) from None


VOCABULARY_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.model", "spiece.model")


def read_folder(folder: Path, cls: type[PreTrainedTokenizer]) -> tuple[dict[str, Any], Added, Template | None]:
    """The class's arguments, the added tokens and their ids, and the template, from a folder's files."""
    config = _mapping(folder / "tokenizer_config.json")
    decoder = _added_tokens_decoder(config, folder)
    legacy = {} if decoder else _mapping(folder / "special_tokens_map.json")
    known = (*SHARED_OPTIONS, *EXTRA, *ROLES, *cls._own_options())
    settings = {**legacy, **config}
    settings = {name: settings[name] for name in known if settings.get(name) is not None}
    vocabulary, added, template = _vocabulary(folder, cls)
    flags = {token.content: token for token, _ in [*decoder, *added]}
    for role in ROLES:
        if isinstance(settings.get(role), str) and settings[role] in flags:
            settings[role] = replace(flags[settings[role]], special=True)
    listed = {token.content for token, _ in added}
    added += [(token, id_) for token, id_ in decoder if token.content not in listed]
    for token, id_ in _mapping(folder / "added_tokens.json").items():
        if token not in flags:
            special = token in {str(settings.get(role)) for role in ROLES}
            added.append((AddedToken.from_value(token, special=special), _id(id_, token, folder)))
    settings = _extra_special_tokens(settings, flags)
    return {**vocabulary, **settings}, sorted(added, key=lambda pair: pair[1]), template


def _twice(added: Added) -> str:
    owners: dict[int, str] = {}
    for token, id_ in added:
        if id_ in owners:
            return f"{owners[id_]!r} and {token.content!r} have {id_}"
        owners[id_] = token.content
    return ""


def _mapping(path: Path) -> dict[str, Any]:
    """A JSON file's object; empty if the file is missing."""
    if not path.exists():
        return {}
    data = read_json(path)
    if not isinstance(data, dict):
        raise TokenizerError(f"{path}: the file must hold a JSON object, not {type(data).__name__}.")
    return data


def _added_tokens_decoder(config: dict[str, Any], folder: Path) -> Added:
    entries = config.get("added_tokens_decoder") or {}
    return [(AddedToken.from_value(value), _id(id_, value, folder)) for id_, value in entries.items()]


def _id(value: Any, token: Any, folder: Path) -> int:
    try:
        id_ = int(value)
    except (TypeError, ValueError):
        id_ = -1
    if id_ < 0:
        raise TokenizerError(f"{folder}: the added token {token!r} has the id {value!r}; ids are ints of 0 or more.")
    return id_


def _extra_special_tokens(settings: dict[str, Any], flags: dict[str, AddedToken]) -> dict[str, Any]:
    """One list of the special tokens without a role, with the flags they have elsewhere in the folder.

    transformers 4 also writes a mapping name -> token.
    """
    tokens: list[Any] = []
    for name in EXTRA:
        value = settings.pop(name, None) or []
        tokens += list(value.values()) if isinstance(value, dict) else list(value)
    read = {str(token): token for token in (AddedToken.from_value(token, special=True) for token in tokens)}
    if read:
        settings["extra_special_tokens"] = [
            replace(flags.get(name, token), special=True) for name, token in read.items()
        ]
    return settings


def _vocabulary(folder: Path, cls: type[PreTrainedTokenizer]) -> tuple[dict[str, Any], Added, Template | None]:
    """The vocabulary: from tokenizer.json if it is there, except that a SentencePiece model says more."""
    from minibert.tokenizers.files.tokenizer_json import read_tokenizer_json

    files = cls.find_vocabulary(folder)
    path = folder / "tokenizer.json"
    if path.exists() and not (files and cls.family == "rembert"):
        found = read_tokenizer_json(path)
        _check_family(cls, found.family, path)
        return found.options, found.added, found.template
    if not files:
        raise TokenizerError(
            f"{folder}: there is neither a tokenizer.json nor {' and '.join(cls.needed_files())}; "
            f"the folder holds {_some_names(folder.iterdir())}."
        )
    return dict(files), [], None


def _check_family(cls: type[PreTrainedTokenizer], family: str, path: Path) -> None:
    if family != cls.family:
        raise TokenizerError(f"{path}: this is a tokenizer of the {family} family, not for a {cls.__name__}.")


def _some_names(entries: Iterable[Path]) -> str:
    names = sorted(entry.name for entry in entries)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"
