"""From what a user writes, `from_pretrained("here/or/there")`, to a folder on this machine.

Looked for in this order, first hit wins: an existing folder; a checkpoint shipped with minibert; Hugging
Face's local cache; a download through huggingface_hub, if it is installed and nobody forbids it. What looks
like a path is only ever a path: a misspelt folder never becomes a request to a server.

A cached snapshot is used as it is, without asking whether there is a newer one.

Source of the cache's layout: "Understand caching" in the huggingface_hub documentation.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from minibert.errors import WeightFileError
from minibert.files.saving import settle
from minibert.messages import listed, quoted, shown
from minibert.weights.checkpoint import read_index
from minibert.weights.shards import INDEX_FILE, SINGLE_FILE

# the arguments of `find_checkpoint` that every from_pretrained takes and hands on
HUB_OPTIONS = ("revision", "cache_dir", "local_files_only", "token", "force_download")

# what a download brings: nothing that runs code, no pickles
WEIGHT_FILES = [SINGLE_FILE, INDEX_FILE, "model-*-of-*.safetensors"]
OTHER_FILES = [
    "config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "sentencepiece.model",
    "spiece.model",
    "sentencepiece.bpe.model",
]

_NAME = r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?"
_REPOSITORY = re.compile(f"{_NAME}(/{_NAME})?")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_COMMIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_SHIPPED_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


def find_checkpoint(
    name_or_path: str | os.PathLike[str],
    *,
    revision: str | None = None,
    local_files_only: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    needs: Collection[str] | None = None,
    token: str | bool | None = None,
    force_download: bool = False,
) -> Path:
    """The folder that `name_or_path` stands for.

    Args:
        name_or_path: a folder, a name that ships with minibert, or a repository of the Hugging Face Hub.
        revision: a branch, tag or commit of a repository on the Hub ("main" by default); of a folder or a shipped name
            it has no meaning and is passed over.
        local_files_only: True forbids the download, and so does HF_HUB_OFFLINE=1 in the environment.
        cache_dir: the cache to use in place of HF_HUB_CACHE.
        needs: file names of which a cached snapshot must hold one (a tokenizer's, say); by default it must hold
            config.json and all weights. Of a shipped checkpoint they decide between the folder of its weights and that
            of its tokenizer. Other folders are taken as they are.
        token: opens private repositories: the token, or True for the one that `hf auth login` stored.
        force_download: True downloads a repository again, whatever the cache holds.

    Raises:
        WeightFileError: it is found nowhere; the sentence lists where it was looked for.

    Example:
        >>> (find_checkpoint("tiny-bert") / "config.json").exists()
        True
    """
    if isinstance(name_or_path, os.PathLike):
        return _existing_folder(Path(name_or_path))
    check_name(name_or_path)
    name = name_or_path
    if os.path.exists(name) or looks_like_path(name):
        return _existing_folder(Path(os.path.expanduser(name)))
    if shipped := shipped_folder(name, needs) or shipped_folder(name):
        return shipped
    cache, revision = hub_cache(cache_dir), _checked_revision(revision)
    cached = cached_snapshot(name, revision, cache)
    if cached and not force_download and _holds(cached, needs):
        return cached
    _refuse_what_begins_like_a_path(name)
    looked = _looked_for(name, revision, cache)
    if cached and force_download:
        looked += f" The cache has {cached}, but force_download=True asks for it anew."
    elif cached:
        lacking = f"any of {', '.join(needs)}" if needs else "config.json with safetensors weights"
        looked += f" The cache has {cached}, but without {lacking}."
    if not _is_repository(name):
        raise WeightFileError(f"{looked} As a name on the Hub it is not valid either.")
    _check_download_allowed(looked, local_files_only)
    patterns = OTHER_FILES + ([] if needs else WEIGHT_FILES)
    return _download(name, patterns, looked, revision=revision, cache_dir=cache, token=token,
                     force_download=force_download)  # fmt: skip


def check_name(name_or_path: Any) -> None:
    """Raise WeightFileError unless it can be a folder or the name of a checkpoint."""
    if isinstance(name_or_path, os.PathLike):
        return
    if not isinstance(name_or_path, str) or not name_or_path.strip() or "\0" in name_or_path:
        raise WeightFileError(f"{quoted(name_or_path)} is neither a folder nor the name of a checkpoint.")


def looks_like_path(name: str) -> bool:
    """Whether the text can only mean a place on this machine, existing or not.

    >>> [looks_like_path(name) for name in ("./bert", "/models/bert", "a/b/c", "~/bert", "C:\\\\bert")]
    [True, True, True, True, True]
    >>> [looks_like_path(name) for name in ("bert-base-uncased", "google/rembert")]
    [False, False]
    """
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith("/") or "\\" in name or ":" in name


def shipped_folder(name: str, needs: Collection[str] | None = None) -> Path | None:
    """The folder of a checkpoint that comes with minibert, or None.

    weights/NAME holds config.json and the weights, tokenizers/NAME the tokenizer: the first that holds one of the
    files in `needs` (config.json by default) is given.

    >>> shipped_folder("tiny-bert").name, shipped_folder("no-such-checkpoint")
    ('tiny-bert', None)
    """
    if not _SHIPPED_NAME.fullmatch(name):
        return None
    homes = _shipped_homes()
    for home in [*homes, *(home.with_name("tokenizers") for home in homes)]:
        if any(os.path.isfile(home / name / file) for file in needs or ["config.json"]):
            return home / name
    return None


def shipped_names() -> list[str]:
    """The names of all checkpoints that come with minibert.

    >>> "tiny-bert" in shipped_names()
    True
    """
    return sorted({config.parent.name for home in _shipped_homes() for config in home.glob("*/config.json")})


def _shipped_homes() -> list[Path]:
    """Where folders of weights stand, beside the folder `tokenizers`: in an installed wheel inside the package, in a
    checkout at the top beside pyproject.toml."""
    package = Path(__file__).resolve().parents[1]
    homes = [package / "shipped" / "weights"]
    if (package.parent / "pyproject.toml").is_file():
        homes.append(package.parent / "weights")
    return homes


def hub_cache(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """Hugging Face's cache folder: the argument, else HF_HUB_CACHE, else below HF_HOME, as huggingface_hub
    does."""
    if cache_dir is not None:
        return Path(cache_dir).expanduser()
    setting = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if not setting:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
        home = os.environ.get("HF_HOME") or os.path.join(base, "huggingface")
        setting = os.path.join(home, "hub")
    return Path(os.path.expandvars(os.path.expanduser(setting)))


def cached_snapshot(name: str, revision: str, cache: Path) -> Path | None:
    """The folder of that revision in the cache, or None. It may hold only a part of the repository."""
    if not _is_repository(name):
        return None
    home = cache / ("models--" + name.replace("/", "--"))
    commit = revision
    reference = home / "refs" / revision
    if os.path.isfile(reference):
        commit = reference.read_text(encoding="utf-8", errors="replace").strip()
    if not _COMMIT.fullmatch(commit):
        return None
    snapshot = home / "snapshots" / commit
    return snapshot if os.path.isdir(snapshot) else None


def _is_repository(name: str) -> bool:
    return bool(_REPOSITORY.fullmatch(name)) and ".." not in name and "--" not in name


def _holds(snapshot: Path, needs: Collection[str] | None) -> bool:
    """Whether one of the files is there; by default config.json and all weights."""
    if needs is not None:
        return any((snapshot / name).is_file() for name in needs)
    if not (snapshot / "config.json").is_file():
        return False
    if (snapshot / SINGLE_FILE).is_file():
        return True
    if not (snapshot / INDEX_FILE).is_file():
        return False
    return all((snapshot / shard).is_file() for shard in set(read_index(snapshot / INDEX_FILE).values()))


def _existing_folder(path: Path) -> Path:
    if os.path.isdir(path):
        settle(path)
        return path
    if os.path.isfile(path):
        raise WeightFileError(f"{path} is a file; give the folder that it stands in.")
    raise WeightFileError(f"{shown(path)}: there is no such folder. {_nearest(path)}")


def _nearest(path: Path) -> str:
    """The part of a path that exists, and what is in it: most often the answer to a typing mistake."""
    parent = next(folder for folder in path.absolute().parents if os.path.isdir(folder))
    try:
        names = sorted(entry.name for entry in parent.iterdir() if entry.is_dir() and entry.name[0] != ".")
    except OSError:
        return f"{parent} exists, but cannot be listed."
    return f"{parent} exists; folders in it: {listed(names)}."


def _refuse_what_begins_like_a_path(name: str) -> None:
    first = name.split("/")[0]
    if os.path.isdir(first):
        raise WeightFileError(
            f"{shown(name)}: there is no such folder, though {first} is here. {_nearest(Path(name))} "
            f"For a repository of that name on the Hub, run from another folder."
        )


def _checked_revision(revision: str | None) -> str:
    if revision is None:
        return "main"
    if not isinstance(revision, str) or not _REVISION.fullmatch(revision):
        raise WeightFileError(f"revision must be a branch, a tag or a commit, not {quoted(revision)}.")
    return revision


def _looked_for(name: str, revision: str, cache: Path) -> str:
    shipped = listed(shipped_names())
    at = "" if revision == "main" else f" at revision {quoted(revision)}"
    return (
        f"There is no checkpoint {quoted(name)}{at}. Looked for: a folder of that name in {Path.cwd()}; "
        f"shipped with minibert ({shipped}); in Hugging Face's cache {cache}."
    )


def _offline() -> bool:
    setting = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return setting.upper() in {"1", "ON", "YES", "TRUE"}


def _check_download_allowed(looked: str, local_files_only: bool) -> None:
    if local_files_only:
        raise WeightFileError(f"{looked} local_files_only=True forbids the download.")
    if _offline():
        raise WeightFileError(f"{looked} HF_HUB_OFFLINE is set, so nothing is downloaded.")


def _download(name: str, patterns: list[str], looked: str, **options: Any) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise WeightFileError(
            f"{looked} To download it, install huggingface_hub: pip install 'minibert-numpy[hub]'."
        ) from None
    try:
        folder = snapshot_download(name, allow_patterns=patterns, **options)
    except Exception as reason:  # whatever its HTTP library raises
        cause = (str(reason).strip().splitlines() or ["no reason given"])[0]
        raise WeightFileError(f"{looked} The download failed: {type(reason).__name__}: {cause}") from reason
    return Path(folder)
