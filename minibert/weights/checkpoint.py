"""A checkpoint folder as one mapping from tensor name to array, be it one file or shards with an index.

Everything that can be wrong is found when the folder is opened, before any tensor is read: the index is JSON
of the right form, its shards are plain files inside the folder, and index and shards name exactly the same
tensors. `model.safetensors` wins when both it and an index are there, as in transformers.

Pickles are never read: unpickling runs whatever code the file holds. The error says how to convert one.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from minibert.errors import WeightFileError
from minibert.files.json_file import read_json
from minibert.files.saving import settle
from minibert.messages import listed, quoted
from minibert.weights.safetensors import Array, SafetensorsFile, open_safetensors
from minibert.weights.shards import INDEX_FILE, SHARD_PATTERN, SINGLE_FILE

# endings of weight files that are not read, and what wrote them
_FOREIGN = {
    ".bin": "PyTorch",
    ".pt": "PyTorch",
    ".pth": "PyTorch",
    ".pkl": "PyTorch",
    ".ckpt": "PyTorch",
    ".h5": "TensorFlow",
    ".index": "TensorFlow",
    ".msgpack": "Flax",
}


class Checkpoint(Mapping[str, Array]):
    """The tensors of a checkpoint by name; each is read when it is asked for, as in `SafetensorsFile`."""

    def __init__(self, path: Path, files: list[SafetensorsFile]):
        """Not for users: `open_checkpoint` checks that no tensor stands in two of `files`."""
        self.path = path
        self.files = files
        self._file_of = {name: file for file in files for name in file}

    def __getitem__(self, name: str) -> Array:
        """The tensor as an array; float16 and bfloat16 as float32. A name it lacks is a KeyError."""
        return self._of(name)[name]

    def raw(self, name: str) -> Array:
        """The tensor as it is stored: float16 stays float16, bfloat16 comes as uint16 bits."""
        return self._of(name).raw(name)

    def shape(self, name: str) -> tuple[int, ...]:
        """The tensor's shape, without reading it."""
        return self._of(name).shape(name)

    def dtype(self, name: str) -> np.dtype[Any]:
        """The dtype that reading gives, without reading."""
        return self._of(name).dtype(name)

    def stored_dtype(self, name: str) -> str:
        """The dtype as the file spells it: "F32", "BF16", ..."""
        return self._of(name).stored_dtype(name)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """{name: shape} of all tensors."""
        return {name: file.shape(name) for name, file in self._file_of.items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._file_of)

    def __len__(self) -> int:
        return len(self._file_of)

    def __contains__(self, name: object) -> bool:
        return name in self._file_of

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, {len(self)} tensors in {len(self.files)} files)"

    def _of(self, name: str) -> SafetensorsFile:
        try:
            return self._file_of[name]
        except KeyError:
            raise KeyError(f"the checkpoint {self.path} has no tensor {quoted(name)}") from None


def open_checkpoint(folder: str | os.PathLike[str], *, mapped: bool = True) -> Checkpoint:
    """Open the weights in `folder`, or one .safetensors file; nothing is read but the headers.

    Args:
        folder: with model.safetensors, or with shards and their index.
        mapped: as of `open_safetensors`.

    Raises:
        WeightFileError: there are none, only pickles, or anything about them is wrong.

    Example:
        >>> from minibert.weights import find_checkpoint
        >>> checkpoint = open_checkpoint(find_checkpoint("tiny-bert"))
        >>> checkpoint["bert.embeddings.word_embeddings.weight"].shape
        (4000, 128)
    """
    path = Path(folder)
    if os.path.isfile(path):
        if path.suffix in _FOREIGN:
            raise WeightFileError(_refusal(path))
        return Checkpoint(path, [open_safetensors(path, mapped=mapped)])
    if not os.path.isdir(path):
        raise WeightFileError(f"{path}: there is no such folder.")
    settle(path)
    if (path / SINGLE_FILE).exists() or (path / SINGLE_FILE).is_symlink():
        return Checkpoint(path, [open_safetensors(path / SINGLE_FILE, mapped=mapped)])
    if (path / INDEX_FILE).exists() or (path / INDEX_FILE).is_symlink():
        return _open_sharded(path, mapped)
    raise WeightFileError(_nothing_to_read(path))


def _open_sharded(folder: Path, mapped: bool) -> Checkpoint:
    place = read_index(folder / INDEX_FILE)
    shards = {name: _checked_shard(folder, name) for name in sorted(set(place.values()))}
    files = {name: open_safetensors(shard, mapped=mapped) for name, shard in shards.items()}
    _check_index_against_shards(folder / INDEX_FILE, place, files)
    return Checkpoint(folder, list(files.values()))


def read_index(path: Path) -> dict[str, str]:
    """The index file -> {tensor name: shard file name}, the names checked to be plain. Raises
    WeightFileError."""
    index = read_json(path, "the shard index", error=WeightFileError)
    place = index.get("weight_map")
    if not isinstance(place, dict):
        raise WeightFileError(f"{path}: the shard index has no weight_map that says which file holds which tensor.")
    if not place:
        raise WeightFileError(f"{path}: the weight_map of the shard index is empty.")
    for tensor, name in place.items():
        if not isinstance(name, str):
            raise WeightFileError(f"{path}: the weight_map gives {quoted(name)} for {quoted(tensor)}, not a file name.")
        _check_plain_name(path, name)
    return place


def _check_plain_name(path: Path, name: str) -> None:
    """A shard's name must be one component, on every system: no folder, drive, parent or hidden zero byte."""
    plain = name == PurePosixPath(name).name == PureWindowsPath(name).name
    if not plain or name in (".", "..") or "\0" in name or ":" in name:
        raise WeightFileError(
            f"{path}: the weight_map points to {quoted(name)}; a shard must be a plain file name inside the "
            f"folder of the index. Such an index is forged or was edited."
        )
    if not name.endswith(".safetensors"):
        raise WeightFileError(f"{path}: the weight_map points to {quoted(name)}; only .safetensors files are read.")


def _checked_shard(folder: Path, name: str) -> Path:
    """The shard's path, which exists and is not a link to somewhere else."""
    shard = folder / name
    if not os.path.exists(shard):
        raise WeightFileError(
            f"{folder / INDEX_FILE} lists the shard {quoted(name)}, which is not in the folder. "
            f"The download is incomplete; fetch the missing file."
        )
    real, home = Path(os.path.realpath(shard)), Path(os.path.realpath(folder))
    if real.parent != home and not _is_cache_blob(home, real):
        raise WeightFileError(
            f"{shard} is a link to {real}, outside the checkpoint's folder. "
            f"If that is meant, put the file itself into the folder."
        )
    return shard


def _is_cache_blob(snapshot: Path, blob: Path) -> bool:
    """Hugging Face's cache: models--org--name/snapshots/<commit>/file is a link into its own blobs folder."""
    for folder in snapshot.parents:
        if folder.name == "snapshots" and folder.parent.name.startswith("models--"):
            return blob.parent == folder.parent / "blobs"
    return False


def _check_index_against_shards(path: Path, place: Mapping[str, str], files: Mapping[str, SafetensorsFile]) -> None:
    """Index and shards must name the same tensors, each in the same file."""
    for tensor, name in place.items():
        if tensor not in files[name]:
            holders = [other for other, file in files.items() if tensor in file]
            found = f"it is in {holders[0]}" if holders else "no shard holds it"
            raise WeightFileError(
                f"{path} says that tensor {quoted(tensor)} is in {name}, but {found}. "
                f"Index and shards are of different saves; fetch all of them again."
            )
    for name, file in files.items():
        for tensor in file:
            if tensor not in place:
                raise WeightFileError(
                    f"{path} does not list tensor {quoted(tensor)}, which is in {name}. "
                    f"Index and shards are of different saves; fetch all of them again."
                )
            if place[tensor] != name:
                raise WeightFileError(f"{path}: tensor {quoted(tensor)} is in two shards, {place[tensor]} and {name}.")


def _nothing_to_read(folder: Path) -> str:
    names = sorted(entry.name for entry in folder.iterdir())
    shards = [name for name in names if SHARD_PATTERN.fullmatch(name)]
    if shards:
        return (
            f"{folder} holds {len(shards)} shards ({shards[0]}, ...) but no {INDEX_FILE}. "
            f"An interrupted save or download; save or fetch the checkpoint again."
        )
    foreign = [folder / name for name in names if _is_foreign(name)]
    if foreign:
        return _refusal(foreign[0])
    others = [name for name in names if name.endswith(".safetensors")]
    if others:
        return f"{folder} holds {listed(others)}, but weights must be called {SINGLE_FILE}. Rename the file."
    return f"{folder} holds no weights: neither {SINGLE_FILE} nor {INDEX_FILE}, only {listed(names)}."


def _is_foreign(name: str) -> bool:
    path = Path(name)
    weights = path.stem.startswith(("pytorch_model", "tf_model", "flax_model", "model", "bert_model", "consolidated"))
    return path.suffix in _FOREIGN and weights


def _refusal(path: Path) -> str:
    """Why the file is not read, and the command that converts it where its framework is installed."""
    framework = _FOREIGN[path.suffix]
    folder = shlex.quote(str(path.parent))
    if framework == "PyTorch":
        script = (
            f"import torch, safetensors.torch as s; "
            f"w = torch.load({path.name!r}, map_location='cpu', weights_only=True); "
            f"s.save_file({{k: v.clone().contiguous() for k, v in w.items()}}, "
            f"'{SINGLE_FILE}', {{'format': 'pt'}})"
        )
        return (
            f"{path} is a pickle, and reading a pickle runs the code in it; only safetensors files are read. "
            f'Convert it once, in an environment with PyTorch: cd {folder} && python -c "{script}"'
        )
    argument = "from_tf" if framework == "TensorFlow" else "from_flax"
    script = (
        f"from transformers import AutoModelForPreTraining as M; "
        f"M.from_pretrained('.', {argument}=True).save_pretrained('.')"
    )
    return (
        f"{path} is a {framework} file; only safetensors files are read. Convert it once, in an environment "
        f'with transformers 4 and {framework}: cd {folder} && python -c "{script}"'
    )
