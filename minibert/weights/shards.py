"""Writing a checkpoint's weights into a folder: one file, or shards with an index, as transformers lays them
out.

`model.safetensors` when everything fits into `max_shard_size`, else `model-00001-of-00003.safetensors` and so
on with `model.safetensors.index.json`, which says for each tensor which file holds it.

The new files take the places of the old ones together, see `minibert.files.saving`. With them go the files of an
earlier save, and only those that carry exactly these names.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minibert.errors import WeightFileError
from minibert.files.saving import saving
from minibert.messages import quoted
from minibert.weights.save import ToNumpy, array_bytes, prepare

SINGLE_FILE = "model.safetensors"
INDEX_FILE = "model.safetensors.index.json"
SHARD_PATTERN = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def parse_size(size: int | str) -> int:
    """Bytes as a number or text, decimal or binary units: "5GB" is 5 * 10**9, "2GiB" is 2 * 2**30.

    >>> parse_size("5GB"), parse_size("1.5 KiB"), parse_size(100)
    (5000000000, 1536, 100)
    """
    if isinstance(size, int) and not isinstance(size, bool) and size > 0:
        return size
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Z]+)\s*", size.upper())
        if match and match[2] in _UNITS and (count := int(float(match[1]) * _UNITS[match[2]])) > 0:
            return count
    raise WeightFileError(f'max_shard_size must be a number of bytes or a text like "5GB", not {quoted(size)}.')


def save_checkpoint(
    folder: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    *,
    max_shard_size: int | str = "5GB",
    metadata: Mapping[str, str] | None = None,
    to_numpy: ToNumpy | None = None,
) -> list[Path]:
    """Write {name: array} into `folder` (made if missing) and return the files that now hold it.

    `metadata` goes into each file, {"format": "pt"} by default, which transformers asks for. A tensor larger
    than `max_shard_size` gets a shard of its own. Raises WeightFileError before anything is written when a
    name, dtype or size cannot be.
    """
    folder = Path(folder)
    metadata = {"format": "pt"} if metadata is None else metadata
    groups = _split(arrays, parse_size(max_shard_size))
    names = _file_names(len(groups))
    pending = [prepare(folder / name, group, metadata) for name, group in zip(names, groups, strict=True)]
    with saving(folder) as save:
        for name, shard in zip(names, pending, strict=True):
            with save.open(name) as file:
                shard.write(file, to_numpy)
        if len(names) > 1:
            with save.open(INDEX_FILE) as file:
                file.write(_index(names, groups))
            names.append(INDEX_FILE)
        for name in _of_earlier_saves(save.folder):
            save.remove(name)
    return [folder / name for name in names]


def _split(arrays: Mapping[str, Any], limit: int) -> list[dict[str, Any]]:
    """Fill shards in the given order, each up to `limit` bytes; there is always at least one."""
    groups: list[dict[str, Any]] = [{}]
    filled = 0
    for name, array in arrays.items():
        size = array_bytes(array)
        if groups[-1] and filled + size > limit:
            groups.append({})
            filled = 0
        groups[-1][name] = array
        filled += size
    return groups


def _file_names(count: int) -> list[str]:
    if count == 1:
        return [SINGLE_FILE]
    if count > 99999:
        raise WeightFileError(f"max_shard_size would give {count} files; the names count to 99999.")
    return [f"model-{number:05}-of-{count:05}.safetensors" for number in range(1, count + 1)]


def _index(names: list[str], groups: list[dict[str, Any]]) -> bytes:
    place = {tensor: name for name, group in zip(names, groups, strict=True) for tensor in group}
    total = sum(array_bytes(array) for group in groups for array in group.values())
    index = {"metadata": {"total_size": total}, "weight_map": place}
    return (json.dumps(index, indent=2, sort_keys=True) + "\n").encode()


def _of_earlier_saves(folder: Path) -> list[str]:
    """The files that would be read instead of, or lie useless beside, new ones."""
    return [
        entry.name
        for entry in folder.iterdir()
        if entry.name in (SINGLE_FILE, INDEX_FILE) or SHARD_PATTERN.fullmatch(entry.name)
        if not entry.is_dir()
    ]
