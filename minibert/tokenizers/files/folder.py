"""Tokenizers from and to folders: the files of `from_pretrained` and `save_pretrained`.

A folder may hold, of older and newer tools: tokenizer.json (everything in one file), the vocabulary files,
tokenizer_config.json (arguments and added tokens), special_tokens_map.json and added_tokens.json (the same,
before 2023). What stands first wins: keywords of the call, tokenizer_config.json, special_tokens_map.json,
tokenizer.json, the class's defaults. The flags of added tokens are tokenizer.json's where it has them.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from minibert.errors import TokenizerError, WeightFileError
from minibert.messages import quoted
from minibert.tokenizers.files.tokenizer_json import read_tokenizer_json
from minibert.tokenizers.files.vocabulary_files import read_json, write_text
from minibert.tokenizers.stages.added_tokens import AddedToken
from minibert.tokenizers.stages.special_tokens import ROLES, SpecialTokens
from minibert.tokenizers.stages.template import Template
from minibert.weights.find import HUB_OPTIONS, find_checkpoint

Added = list[tuple[AddedToken, int]]
SHARED_OPTIONS = (
    "profile", "model_max_length", "padding_side", "truncation_side", "clean_up_tokenization_spaces",
    "split_special_tokens",
)  # fmt: skip
EXTRA = ("extra_special_tokens", "additional_special_tokens")


class Family(Protocol):
    """What is asked of a tokenizer's class while its folder is read."""

    family: str

    def needed_files(self) -> list[str]:
        """The vocabulary files, tokenizer.json aside."""

    def find_vocabulary(self, folder: Path) -> dict[str, Path]:
        """The vocabulary files in a folder, as arguments of the class."""

    def own_options(self) -> list[str]:
        """The names of the class's own arguments."""


# ---------------------------------------------------------------- reading


def hub_options(options: dict[str, Any]) -> dict[str, Any]:
    """Takes out of a call's keywords those for the Hub, and drops those that mean nothing here.

    >>> options = {"revision": "main", "use_fast": True, "do_lower_case": False}
    >>> hub_options(options), options
    ({'revision': 'main'}, {'do_lower_case': False})
    """
    for ignored in ("use_fast", "trust_remote_code", "subfolder", "legacy"):
        options.pop(ignored, None)
    return {name: options.pop(name) for name in HUB_OPTIONS if name in options}


def find_folder(name: str | Path, **hub: Any) -> Path:
    """The folder of a path, of a tokenizer or checkpoint shipped with minibert, or of a name on the Hub."""
    try:
        return find_checkpoint(name, needs=VOCABULARY_FILES, **hub)
    except WeightFileError as error:
        raise TokenizerError(str(error)) from None


VOCABULARY_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.model", "spiece.model")


def read_folder(folder: Path, cls: Family, name: str) -> tuple[dict[str, Any], Template | None]:
    """The class's arguments, added tokens among them, and the template, from a folder's files; `name`: the class's."""
    config = _mapping(folder / "tokenizer_config.json")
    decoder = _added_tokens_decoder(config, folder)
    legacy = {} if decoder else _mapping(folder / "special_tokens_map.json")
    known = (*SHARED_OPTIONS, *EXTRA, *ROLES, *cls.own_options())
    settings = {**legacy, **config}
    empty = {role: None for role in ROLES if role in config and config[role] is None}
    settings = {name: settings[name] for name in known if settings.get(name) is not None} | empty
    vocabulary, added, template = _vocabulary(folder, cls, name)
    if "unk_token" in settings and "unk_token" in vocabulary:  # a role may have changed hands, the model's has not
        settings.setdefault("model_unk_token", vocabulary["unk_token"])
    flags = {token.content: token for token, _ in [*decoder, *added]}
    for role in ROLES:
        if isinstance(settings.get(role), dict):
            settings[role] = AddedToken.from_value(settings[role], special=True)
        if isinstance(settings.get(role), str) and settings[role] in flags:
            settings[role] = replace(flags[settings[role]], special=True)
    listed = {token.content for token, _ in added}
    added += [(token, id_) for token, id_ in decoder if token.content not in listed]
    for token, id_ in _mapping(folder / "added_tokens.json").items():
        if token not in flags:
            special = token in {str(settings.get(role)) for role in ROLES}
            added.append((AddedToken.from_value(token, special=special), _id(id_, token, folder)))
    for name in EXTRA:
        _check_kind(settings.get(name) or [], (list, dict), name, folder)
    settings = _extra_special_tokens(settings, flags)
    tokens = {id_: token for token, id_ in sorted(added, key=lambda pair: pair[1])}
    if len(tokens) < len(added):
        raise TokenizerError(f"{folder}: two added tokens have the same id: {_twice(added)}.")
    return {**vocabulary, **settings, "added_tokens_decoder": tokens}, template


def _twice(added: Added) -> str:
    owners: dict[int, str] = {}
    for token, id_ in added:
        if id_ in owners:
            return f"{quoted(owners[id_])} and {quoted(token.content)} have {id_}"
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


def _check_kind(value: Any, kinds: tuple[type, ...], name: str, folder: Path) -> Any:
    if not isinstance(value, kinds):
        wanted = "a mapping" if kinds == (dict,) else "a list"
        raise TokenizerError(f"{folder}: {name} is {quoted(value)}: {wanted} belongs there.")
    return value


def _added_tokens_decoder(config: dict[str, Any], folder: Path) -> Added:
    entries = _check_kind(config.get("added_tokens_decoder") or {}, (dict,), "added_tokens_decoder", folder)
    return [(AddedToken.from_value(value), _id(id_, value, folder)) for id_, value in entries.items()]


def _id(value: Any, token: Any, folder: Path) -> int:
    try:
        id_ = int(value)
    except (TypeError, ValueError, OverflowError):
        id_ = -1
    if not 0 <= id_ < 2**31:
        raise TokenizerError(
            f"{folder}: the added token {quoted(token)} has the id {quoted(value)}; ids are ints of 0 or more."
        )
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


def _vocabulary(folder: Path, cls: Family, name: str) -> tuple[dict[str, Any], Added, Template | None]:
    """The vocabulary: from tokenizer.json if it is there, except that a SentencePiece model says more."""
    files = cls.find_vocabulary(folder)
    path = folder / "tokenizer.json"
    if path.exists() and not (files and cls.family == "rembert"):
        found = read_tokenizer_json(path)
        check_family(found.family, cls.family, name, path)
        return found.options, found.added, found.template
    if not files:
        raise TokenizerError(
            f"{folder}: there is neither a tokenizer.json nor {' and '.join(cls.needed_files())}; "
            f"the folder holds {_some_names(folder.iterdir())}."
        )
    return dict(files), [], None


def check_family(found: str, family: str, name: str, path: Path) -> None:
    """Refuse, with TokenizerError, a file of another family."""
    if found != family:
        raise TokenizerError(f"{path}: this is a tokenizer of the {found} family, not for a {name}.")


def _some_names(entries: Iterable[Path]) -> str:
    names = sorted(entry.name for entry in entries)
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "") or "nothing"


# ---------------------------------------------------------------- writing


# of these a save writes some; those of an earlier save must not stay beside them
OPTIONAL_FILES = ("added_tokens.json", "tokenizer.json")


def check_folder(path: str | Path) -> None:
    """Raise TokenizerError if something is in the place of a folder to save into."""
    if os.path.exists(path) and not os.path.isdir(path):
        raise TokenizerError(f"{path} is a file, so a tokenizer cannot be saved into it.")


def prefixed(folder: Path, prefix: str | None, name: str) -> Path:
    """The path of a file in a folder.

    >>> prefixed(Path("a"), "my", "vocab.txt").name
    'my-vocab.txt'
    """
    return folder / (f"{prefix}-{name}" if prefix else name)


def vocabulary_path(folder: str | Path, prefix: str | None, name: str) -> Path:
    """The path of a vocabulary file in a folder. Raises TokenizerError if there is no such folder."""
    folder = Path(folder)
    if not folder.is_dir():
        raise TokenizerError(f"{folder} is not a folder, so the vocabulary cannot be written there.")
    return prefixed(folder, prefix, name)


def write_json_files(contents: dict[str, Any], folder: Path, prefix: str | None) -> list[Path]:
    """Write {name: content} as JSON files into a folder; gives their paths."""
    paths = []
    for name, content in contents.items():
        paths.append(prefixed(folder, prefix, name))
        text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True)
        write_text(paths[-1], text + "\n")
    return paths


def special_tokens_map(special: SpecialTokens) -> dict[str, Any]:
    """The content of special_tokens_map.json: the token of each role with its flags, and those without a role."""
    roles = {role: token.to_dict() for role, token in special.filled().items()}
    for entry in roles.values():
        del entry["special"]
    return {**roles, **({"additional_special_tokens": special.extra} if special.extra else {})}
