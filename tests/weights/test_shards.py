"""Checkpoints in one file and in shards: where tensors go, what is removed and when."""

import contextlib
import json
import os

import numpy as np
import pytest

from minibert.errors import OutputError, WeightFileError
from minibert.weights import open_checkpoint, open_safetensors, save_checkpoint, shards

ARRAYS = {name: np.full(100, i, np.float32) for i, name in enumerate("abcde")}  # 400 bytes each
SHARDS = [f"model-{i:05}-of-00003.safetensors" for i in (1, 2, 3)]
INDEX = "model.safetensors.index.json"


def holds(folder, arrays):
    checkpoint = open_checkpoint(folder)
    return set(checkpoint) == set(arrays) and all(np.array_equal(checkpoint[n], arrays[n]) for n in arrays)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, 1), ("1B", 1), ("2KB", 2000), ("3 MB", 3 * 10**6), ("5GB", 5 * 10**9), ("1TB", 10**12),
        ("2KiB", 2048), ("1.5mib", 1572864), ("4GiB", 4 * 2**30), ("1TiB", 2**40), ("0.5 gb", 5 * 10**8),
    ],
)  # fmt: skip
def test_sizes(size, expected):
    assert shards.parse_size(size) == expected


@pytest.mark.parametrize("size", [0, -1, True, 1.5, None, "", "GB", "5", "5 XB", "-5GB", "0GB", "5GB!", "5 G B"])
def test_sizes_that_mean_nothing(size, tmp_path):
    with pytest.raises(WeightFileError) as caught:
        save_checkpoint(tmp_path / "new", ARRAYS, max_shard_size=size)
    expected = f'max_shard_size must be a number of bytes or a text like "5GB", not {size!r}.'
    assert str(caught.value) == expected
    assert not (tmp_path / "new").exists()


def test_one_file(tmp_path):
    assert save_checkpoint(tmp_path / "deep" / "er", ARRAYS) == [tmp_path / "deep" / "er" / "model.safetensors"]
    assert os.listdir(tmp_path / "deep" / "er") == ["model.safetensors"]
    assert holds(tmp_path / "deep" / "er", ARRAYS)
    assert open_safetensors(tmp_path / "deep" / "er" / "model.safetensors").metadata == {"format": "pt"}


def test_no_tensors_at_all(tmp_path):
    save_checkpoint(tmp_path, {})
    assert holds(tmp_path, {})


@pytest.mark.parametrize(
    ("limit", "counts"),
    [
        (399, [1, 1, 1, 1, 1]),
        (400, [1, 1, 1, 1, 1]),
        (799, [1, 1, 1, 1, 1]),
        (800, [2, 2, 1]),
        (1999, [4, 1]),
        (2000, [5]),
    ],
)
def test_shards_are_filled_in_order_up_to_the_limit(tmp_path, limit, counts):
    files = save_checkpoint(tmp_path, ARRAYS, max_shard_size=limit)
    files = [file for file in files if file.suffix == ".safetensors"]
    assert [len(open_safetensors(file)) for file in files] == counts
    assert [name for file in files for name in open_safetensors(file)] == list("abcde")
    assert holds(tmp_path, ARRAYS)


def test_the_index_is_that_of_transformers(tmp_path):
    files = save_checkpoint(tmp_path, ARRAYS, max_shard_size="0.8 KB", metadata={"format": "pt", "by": "us"})
    assert [file.name for file in files] == [*SHARDS, INDEX]
    assert json.loads((tmp_path / INDEX).read_text()) == {
        "metadata": {"total_size": 2000},
        "weight_map": {"a": SHARDS[0], "b": SHARDS[0], "c": SHARDS[1], "d": SHARDS[1], "e": SHARDS[2]},
    }
    text = (tmp_path / INDEX).read_text()
    assert text.startswith('{\n  "metadata": {\n    "total_size": 2000\n  },\n  "weight_map": {\n    "a": ')
    assert text.endswith("\n  }\n}\n")
    assert all(open_safetensors(file).metadata == {"format": "pt", "by": "us"} for file in files[:3])


def test_the_index_is_sorted_whatever_the_order_of_the_tensors(tmp_path):
    save_checkpoint(tmp_path, dict(reversed(ARRAYS.items())), max_shard_size=800)
    assert list(json.loads((tmp_path / INDEX).read_text())["weight_map"]) == list("abcde")


def test_a_tensor_larger_than_the_limit_gets_its_own_shard(tmp_path):
    arrays = {"a": np.ones(10), "large": np.ones(1000), "b": np.ones(10), "c": np.ones(10)}
    files = save_checkpoint(tmp_path, arrays, max_shard_size=160)
    assert [list(open_safetensors(file)) for file in files[:-1]] == [["a"], ["large"], ["b", "c"]]


def test_too_many_shards():
    with pytest.raises(WeightFileError, match=r"^max_shard_size would give 100000 files; the names count to 99999\.$"):
        shards._file_names(100_000)
    assert shards._file_names(99_999)[-1] == "model-99999-of-99999.safetensors"


OTHERS = [
    "config.json", "model.safetensors.bak", "my-model.safetensors", "model-1-of-3.safetensors",
    "model-00001-of-00003.safetensors.txt", "xmodel-00001-of-00003.safetensors",
    "model-00001-of-000031.safetensors",
    "adapter_model.safetensors", "model.fp16.safetensors", "pytorch_model.bin",
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), [(400, 800), (800, 400), (800, 10**6), (10**6, 800), (10**6, 10**6)])
def test_files_of_an_earlier_save_go_and_others_stay(tmp_path, first, second):
    for name in OTHERS:
        (tmp_path / name).write_text("mine")
    (tmp_path / "model-00009-of-00009.safetensors").mkdir()  # a folder is not ours either
    save_checkpoint(tmp_path, ARRAYS, max_shard_size=first)
    newer = {name: array + 1 for name, array in ARRAYS.items()}
    written = save_checkpoint(tmp_path, newer, max_shard_size=second)
    expected = {*OTHERS, "model-00009-of-00009.safetensors", *(file.name for file in written)}
    assert set(os.listdir(tmp_path)) == expected
    assert all((tmp_path / name).read_text() == "mine" for name in OTHERS)
    assert holds(tmp_path, newer)


def stop_at_rename(monkeypatch, number):
    """Let the renames up to this number happen, then fail as a crash would."""
    replace, done = os.replace, []

    def rename(source, target):
        if len(done) == number:
            raise KeyboardInterrupt
        done.append(target)
        replace(source, target)

    monkeypatch.setattr("os.replace", rename)


@pytest.mark.parametrize("renames", range(9))
@pytest.mark.parametrize("first", [400, 800, 10**6], ids=["five shards before", "the same names", "one file before"])
def test_stopping_at_any_rename_never_mixes(tmp_path, monkeypatch, first, renames):
    save_checkpoint(tmp_path, ARRAYS, max_shard_size=first)
    newer = {name: array + 1 for name, array in ARRAYS.items()}
    stop_at_rename(monkeypatch, renames)
    with contextlib.suppress(KeyboardInterrupt):
        save_checkpoint(tmp_path, newer, max_shard_size=800)
    monkeypatch.undo()
    assert holds(tmp_path, newer)  # all that is left are renames: whoever opens the folder does them
    assert sorted(os.listdir(tmp_path)) == sorted([*SHARDS, INDEX])


def test_a_full_disk_while_writing_shards_leaves_the_old_ones(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, ARRAYS, max_shard_size=800)

    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(tmp_path, {n: a + 1 for n, a in ARRAYS.items()}, max_shard_size=800)
    assert holds(tmp_path, ARRAYS)
    assert sorted(os.listdir(tmp_path)) == sorted([*SHARDS, INDEX])


@pytest.mark.parametrize("refused", [SHARDS[0], SHARDS[2], "model.safetensors"])
def test_a_file_that_cannot_be_replaced_or_removed_leaves_the_old_checkpoint(tmp_path, monkeypatch, refused):
    save_checkpoint(tmp_path, ARRAYS, max_shard_size=10**6 if refused == "model.safetensors" else 800)
    before = sorted(os.listdir(tmp_path))
    replace = os.replace

    def refuse(source, target):
        if source == tmp_path / refused:
            raise PermissionError(13, "Permission denied", str(source))
        replace(source, target)

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OutputError) as caught:
        save_checkpoint(tmp_path, {n: a + 1 for n, a in ARRAYS.items()}, max_shard_size=800)
    place = tmp_path / refused
    assert str(caught.value) == f"{place} cannot be written: Permission denied; what stood there is unchanged."
    assert sorted(os.listdir(tmp_path)) == before
    assert holds(tmp_path, ARRAYS)


def test_a_bad_tensor_in_the_last_shard_stops_everything_before_it_begins(tmp_path):
    with pytest.raises(WeightFileError, match="dtype complex128"):
        save_checkpoint(tmp_path / "new", {**ARRAYS, "z": np.ones(9, complex)}, max_shard_size=400)
    assert not (tmp_path / "new").exists()


@pytest.mark.reference
def test_transformers_reads_our_shards_and_we_read_its(tmp_path):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.BertModel(config)
    model.save_pretrained(tmp_path / "theirs", max_shard_size="5KB")
    theirs = open_checkpoint(tmp_path / "theirs")
    assert len(theirs.files) > 2
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    assert set(theirs) == set(state)
    config.save_pretrained(tmp_path / "ours")
    save_checkpoint(tmp_path / "ours", dict(theirs), max_shard_size="5KB")
    again = transformers.BertModel.from_pretrained(tmp_path / "ours")
    assert all(again.state_dict()[name].numpy().tobytes() == array.tobytes() for name, array in state.items())
