"""Opening a folder: which files count, hostile indexes, links, and what is refused with advice."""

import json
import os
import pickle
import random
import shlex
import subprocess
import sys

import numpy as np
import pytest

from minibert.errors import WeightFileError
from minibert.weights import open_checkpoint, save_checkpoint, save_safetensors

INDEX = "model.safetensors.index.json"
ONE, TWO = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def folder(tmp_path):
    """A sound checkpoint of two shards: `a` and `b` in the first, `c` in the second."""
    folder = tmp_path / "checkpoint"
    arrays = {"a": np.arange(4, dtype=np.float32), "b": np.ones(4, np.float32), "c": np.zeros(8, np.float16)}
    save_checkpoint(folder, arrays, max_shard_size=32)
    assert sorted(os.listdir(folder)) == [ONE, TWO, INDEX]
    return folder


def refusal(folder):
    with pytest.raises(WeightFileError) as caught:
        open_checkpoint(folder)
    return str(caught.value).replace(str(folder), "FOLDER")


def write_index(folder, value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    (folder / INDEX).write_bytes(content)


def test_shards_read_as_one_mapping(folder):
    checkpoint = open_checkpoint(folder)
    assert list(checkpoint) == ["a", "b", "c"]
    assert len(checkpoint) == 3
    assert "c" in checkpoint
    assert "d" not in checkpoint
    assert checkpoint["a"].tolist() == [0, 1, 2, 3]
    assert checkpoint["c"].dtype == checkpoint.dtype("c") == np.float32
    assert checkpoint.raw("c").dtype == np.float16
    assert checkpoint.stored_dtype("c") == "F16"
    assert checkpoint.shape("c") == (8,)
    assert checkpoint.shapes == {"a": (4,), "b": (4,), "c": (8,)}
    assert repr(checkpoint) == f"Checkpoint({str(folder)!r}, 3 tensors in 2 files)"
    with pytest.raises(KeyError, match="has no tensor 'd'"):
        checkpoint["d"]
    assert checkpoint.get("d") is None


def test_one_file_and_a_file_by_its_own_name(tmp_path):
    save_safetensors(tmp_path / "model.safetensors", {"w": np.ones(2)})
    save_safetensors(tmp_path / "other.safetensors", {"v": np.ones(2)})
    assert list(open_checkpoint(tmp_path)) == ["w"]
    assert list(open_checkpoint(str(tmp_path / "other.safetensors"))) == ["v"]


@pytest.mark.parametrize("mapped", [True, False])
def test_mapped_or_in_memory(folder, mapped):
    array = open_checkpoint(folder, mapped=mapped)["a"]
    assert array.tolist() == [0, 1, 2, 3]
    assert not array.flags.writeable


def test_the_single_file_wins_over_an_index_even_a_broken_one(folder):
    save_safetensors(folder / "model.safetensors", {"w": np.ones(2)})
    write_index(folder, b"not JSON")
    (folder / "pytorch_model.bin").write_bytes(b"\x80")
    assert list(open_checkpoint(folder)) == ["w"]


def test_a_damaged_single_file_is_not_passed_over_for_the_index(folder):
    (folder / "model.safetensors").write_bytes(b"")
    assert refusal(folder).startswith("FOLDER/model.safetensors is 0 bytes long")


GOOD_MAP = {"a": ONE, "b": ONE, "c": TWO}

# name of the case: (the index, the error's text)
INDEXES = {
    "empty": (
        b"",
        "FOLDER/INDEX: the shard index is empty, but must be a JSON object. Fetch the file again.",
    ),
    "cut short": (
        b'{"weight_map": {"a": "model-0000',
        "FOLDER/INDEX: the shard index is not JSON: Unterminated",
    ),
    "not UTF-8": (
        b'{"\xfe": 1}',
        "FOLDER/INDEX: the shard index is not UTF-8 text: byte 0xfe at position 2.",
    ),
    "a list": ([], "FOLDER/INDEX: the shard index must be a JSON object {...}, but is a list."),
    "a web page": (
        b"<html></html>",
        "FOLDER/INDEX: the shard index is not JSON: Expecting value, at line 1, ",
    ),
    "a key twice": (
        b'{"weight_map": {"a": "x.safetensors", "a": "y.safetensors"}}',
        "FOLDER/INDEX: the shard index gives the key 'a' twice; only one of the two can be meant.",
    ),
    "nested without end": (
        b"[" * 100_000,
        "FOLDER/INDEX: the shard index is nested too deeply to be what it",
    ),
    "no weight_map": (
        {"metadata": {}},
        "FOLDER/INDEX: the shard index has no weight_map that says which file holds which tensor.",
    ),
    "weight_map a list": ({"weight_map": ["a"]}, "FOLDER/INDEX: the shard index has no weight_map that says"),
    "weight_map empty": ({"weight_map": {}}, "FOLDER/INDEX: the weight_map of the shard index is empty."),
    "a number for a file": (
        {"weight_map": {**GOOD_MAP, "c": 2}},
        "FOLDER/INDEX: the weight_map gives 2 for 'c', not a file name.",
    ),
    "null for a file": (
        {"weight_map": {"c": None}},
        "FOLDER/INDEX: the weight_map gives None for 'c', not a file",
    ),
    "a parent folder": (
        {"weight_map": {**GOOD_MAP, "c": "../outside.safetensors"}},
        "FOLDER/INDEX: the weight_map points to '../outside.safetensors'; a shard must be a plain file name "
        "inside the folder of the index. Such an index is forged or was edited.",
    ),
    "an absolute path": (
        {"weight_map": {"c": "/etc/passwd.safetensors"}},
        "FOLDER/INDEX: the weight_map points to '/etc/passwd.safetensors'; a shard must be a plain file name",
    ),
    "a path of Windows": (
        {"weight_map": {"c": "..\\outside.safetensors"}},
        "FOLDER/INDEX: the weight_map points to '..\\\\outside.safetensors'; a shard must be a plain file",
    ),
    "a drive of Windows": (
        {"weight_map": {"c": "C:outside.safetensors"}},
        "FOLDER/INDEX: the weight_map points to 'C:outside.safetensors'; a shard must be a plain file name",
    ),
    "a hidden stream of Windows": (
        {"weight_map": {"c": "model:c.safetensors"}},
        "FOLDER/INDEX: the weight_map points to 'model:c.safetensors'; a shard must be a plain file name",
    ),
    "a folder below": (
        {"weight_map": {"c": "sub/x.safetensors"}},
        "FOLDER/INDEX: the weight_map points to 'sub/x.safetensors'; a shard must be a plain file name",
    ),
    "the folder itself": (
        {"weight_map": {"c": "."}},
        "FOLDER/INDEX: the weight_map points to '.'; a shard must",
    ),
    "the parent itself": (
        {"weight_map": {"c": ".."}},
        "FOLDER/INDEX: the weight_map points to '..'; a shard must",
    ),
    "an empty name": (
        {"weight_map": {"c": ""}},
        "FOLDER/INDEX: the weight_map points to ''; only .safetensors files are read.",
    ),
    "a zero byte": (
        {"weight_map": {"c": "x\0.safetensors"}},
        "FOLDER/INDEX: the weight_map points to 'x\\x00.safetensors'; a shard must be a plain file name",
    ),
    "a pickle": (
        {"weight_map": {**GOOD_MAP, "c": "pytorch_model-00002-of-00002.bin"}},
        "FOLDER/INDEX: the weight_map points to 'pytorch_model-00002-of-00002.bin'; only .safetensors",
    ),
    "a shard that is not there": (
        {"weight_map": {**GOOD_MAP, "c": "model-00003-of-00003.safetensors"}},
        "FOLDER/INDEX lists the shard 'model-00003-of-00003.safetensors', which is not in the folder. The "
        "download is incomplete; fetch the missing file.",
    ),
    "a tensor no shard has": (
        {"weight_map": {**GOOD_MAP, "d": TWO}},
        f"FOLDER/INDEX says that tensor 'd' is in {TWO}, but no shard holds it. Index and shards are of "
        "different saves; fetch all of them again.",
    ),
    "a tensor in another shard": (
        {"weight_map": {**GOOD_MAP, "b": TWO}},
        f"FOLDER/INDEX says that tensor 'b' is in {TWO}, but it is in {ONE}. Index and shards are of",
    ),
    "a tensor not listed": (
        {"weight_map": {"a": ONE, "c": TWO}},
        f"FOLDER/INDEX does not list tensor 'b', which is in {ONE}. Index and shards are of different "
        "saves; fetch all of them again.",
    ),
    "an endless name": (
        {"weight_map": {"c": "x" * 10_000 + "/y"}},
        "FOLDER/INDEX: the weight_map points to '" + "x" * 76 + "...; a shard must be a plain file name",
    ),
}


@pytest.mark.parametrize("case", INDEXES)
def test_a_bad_index_is_refused_for_its_own_reason(folder, case):
    index, expected = INDEXES[case]
    write_index(folder, index)
    assert refusal(folder).replace(INDEX, "INDEX").startswith(expected)


def test_a_tensor_in_two_shards(folder):
    save_safetensors(folder / TWO, {"c": np.zeros(8, np.float16), "a": np.zeros(4, np.float32)})
    assert refusal(folder) == f"FOLDER/{INDEX}: tensor 'a' is in two shards, {ONE} and {TWO}."


def test_a_damaged_shard_is_named(folder):
    content = (folder / TWO).read_bytes()
    (folder / TWO).write_bytes(content[:-1])
    assert refusal(folder).startswith(f"FOLDER/{TWO}: tensor 'c' claims bytes 0..16, but the data part holds 15 ")


def test_a_large_index_is_refused_unread(folder, monkeypatch):
    os.truncate(folder / INDEX, 200_000_000)
    assert refusal(folder).startswith(
        f"FOLDER/{INDEX}: the shard index is 200,000,000 bytes long; at most 100,000,000 are read."
    )


def test_a_shard_may_be_called_anything_plain(folder):
    os.rename(folder / TWO, folder / "zweiter Teil (2).safetensors")
    write_index(folder, {"weight_map": {**GOOD_MAP, "c": "zweiter Teil (2).safetensors"}})
    assert set(open_checkpoint(folder)) == {"a", "b", "c"}


def test_a_shard_that_links_outside_is_refused(folder, tmp_path):
    outside = tmp_path / "outside.safetensors"
    os.rename(folder / TWO, outside)
    (folder / TWO).symlink_to(outside)
    assert refusal(folder) == (
        f"FOLDER/{TWO} is a link to {outside}, outside the checkpoint's folder. "
        f"If that is meant, put the file itself into the folder."
    )


def test_a_shard_that_links_to_a_neighbour_is_read(folder):
    os.rename(folder / TWO, folder / "real.safetensors")
    (folder / TWO).symlink_to("real.safetensors")
    assert set(open_checkpoint(folder)) == {"a", "b", "c"}


def test_a_shard_that_links_nowhere(folder):
    os.remove(folder / TWO)
    (folder / TWO).symlink_to("gone.safetensors")
    assert refusal(folder).startswith(f"FOLDER/{INDEX} lists the shard '{TWO}', which is not in the folder.")


def test_a_single_file_that_links_nowhere(tmp_path):
    (tmp_path / "model.safetensors").symlink_to("gone.safetensors")
    assert refusal(tmp_path) == "FOLDER/model.safetensors: there is no such file."


def as_cache(folder, tmp_path, blobs="blobs"):
    """The folder's files in Hugging Face's layout: links from a snapshot into the repository's blobs."""
    repository = tmp_path / "hub" / "models--org--name"
    snapshot = repository / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (repository / blobs).mkdir(parents=True)
    for number, name in enumerate(sorted(os.listdir(folder))):
        os.rename(folder / name, repository / blobs / f"{number:064}")
        (snapshot / name).symlink_to(os.path.join("..", "..", blobs, f"{number:064}"))
    return snapshot


def test_the_links_of_the_cache_are_followed(folder, tmp_path):
    snapshot = as_cache(folder, tmp_path)
    assert set(open_checkpoint(snapshot)) == {"a", "b", "c"}
    (tmp_path / "shortcut").symlink_to(snapshot)
    assert set(open_checkpoint(tmp_path / "shortcut")) == {"a", "b", "c"}


def test_other_links_of_a_snapshot_are_not(folder, tmp_path):
    assert "is a link to" in refusal(as_cache(folder, tmp_path, blobs="elsewhere"))


def test_a_folder_that_only_looks_like_the_cache(folder, tmp_path):
    (tmp_path / "blobs").mkdir()
    os.rename(folder / TWO, tmp_path / "blobs" / "x")
    snapshot = tmp_path / "snapshots" / "1"
    os.makedirs(snapshot)
    for name in (ONE, INDEX):
        os.rename(folder / name, snapshot / name)
    (snapshot / TWO).symlink_to(tmp_path / "blobs" / "x")
    assert "is a link to" in refusal(snapshot)


FOREIGN = {
    "pytorch_model.bin": "FOLDER/pytorch_model.bin is a pickle, and reading a pickle runs the code in it;",
    "pytorch_model-00001-of-00002.bin": "FOLDER/pytorch_model-00001-of-00002.bin is a pickle, and reading",
    "model.pt": "FOLDER/model.pt is a pickle, and reading a pickle runs the code in it; only safetensors",
    "model.ckpt": "FOLDER/model.ckpt is a pickle, and reading a pickle runs the code in it; only safetensors",
    "tf_model.h5": "FOLDER/tf_model.h5 is a TensorFlow file; only safetensors files are read. Convert it",
    "bert_model.ckpt.index": "FOLDER/bert_model.ckpt.index is a TensorFlow file; only safetensors files are",
    "flax_model.msgpack": "FOLDER/flax_model.msgpack is a Flax file; only safetensors files are read.",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_files_of_other_formats_are_refused_with_the_way_out(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x02.")
    (tmp_path / "config.json").write_bytes(b"{}")
    (tmp_path / "training_args.bin").write_bytes(b"\x80\x02.")
    assert refusal(tmp_path).startswith(FOREIGN[name])
    with pytest.raises(WeightFileError) as caught:  # and by its own name
        open_checkpoint(tmp_path / name)
    assert str(caught.value).replace(str(tmp_path), "FOLDER").startswith(FOREIGN[name])


class Malicious:
    def __reduce__(self):
        return os.mkdir, ("the-pickle-was-run",)


def test_a_pickle_is_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("pytorch_model.bin", "model.safetensors"):
        (tmp_path / name).write_bytes(pickle.dumps({"w": Malicious()}))
        assert "pickle" in refusal(tmp_path)
        os.remove(tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_the_commands_for_tensorflow_and_flax(tmp_path):
    for name, argument in (("tf_model.h5", "from_tf"), ("flax_model.msgpack", "from_flax")):
        (tmp_path / name).write_bytes(b"")
        assert refusal(tmp_path).endswith(
            'cd FOLDER && python -c "from transformers import AutoModelForPreTraining as M; '
            f"M.from_pretrained('.', {argument}=True).save_pretrained('.')\""
        )
        os.remove(tmp_path / name)


@pytest.mark.reference
def test_the_command_for_pickles_works(tmp_path):
    torch = pytest.importorskip("torch")
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    weight = torch.arange(6.0).reshape(2, 3)
    torch.save({"w": weight, "tied": weight, "t": weight.T}, folder / "pytorch_model.bin")
    with pytest.raises(WeightFileError) as caught:
        open_checkpoint(folder)
    command = str(caught.value).partition("in an environment with PyTorch: ")[2]
    command = command.replace("python -c", f"{shlex.quote(sys.executable)} -c")
    subprocess.run(command, shell=True, check=True, executable="/bin/sh")
    checkpoint = open_checkpoint(folder)
    assert checkpoint["w"].tolist() == checkpoint["tied"].tolist() == weight.tolist()
    assert checkpoint["t"].tolist() == weight.T.tolist()


def test_shards_without_an_index(folder):
    os.remove(folder / INDEX)
    assert refusal(folder) == (
        f"FOLDER holds 2 shards ({ONE}, ...) but no {INDEX}. "
        "An interrupted save or download; save or fetch the checkpoint again."
    )


def test_weights_under_another_name(tmp_path):
    save_safetensors(tmp_path / "bert.safetensors", {})
    assert refusal(tmp_path) == (
        "FOLDER holds bert.safetensors, but weights must be called model.safetensors. Rename the file."
    )


def test_a_folder_without_weights(tmp_path):
    for number in range(10):
        (tmp_path / f"file{number}.txt").write_text("")
    assert refusal(tmp_path) == (
        f"FOLDER holds no weights: neither model.safetensors nor {INDEX}, only file0.txt, file1.txt, "
        "file2.txt, file3.txt, file4.txt, file5.txt, file6.txt, file7.txt and 2 more."
    )


def test_an_empty_folder(tmp_path):
    assert refusal(tmp_path) == f"FOLDER holds no weights: neither model.safetensors nor {INDEX}, only nothing."


@pytest.mark.parametrize("name", ["missing", "with\0zero"])
def test_no_folder(tmp_path, name):
    assert refusal(tmp_path / name) == "FOLDER: there is no such folder."


def test_an_index_that_links_nowhere(tmp_path):
    (tmp_path / INDEX).symlink_to("gone.json")
    assert refusal(tmp_path).startswith(f"FOLDER/{INDEX}: there is no such file, but the shard index is needed.")


@pytest.mark.parametrize("name", ["training_args.bin", "optimizer.pt", "model.txt", "model_args.json"])
def test_files_that_are_no_weights_are_not_taken_for_pickles(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert refusal(tmp_path) == f"FOLDER holds no weights: neither model.safetensors nor {INDEX}, only {name}."


@pytest.mark.parametrize(("count", "end"), [(8, "7.txt."), (9, "7.txt and 1 more.")])
def test_up_to_eight_files_are_listed(tmp_path, count, end):
    for number in range(count):
        (tmp_path / f"{number}.txt").write_text("")
    assert refusal(tmp_path).endswith(end)


def test_a_repository_s_other_folders_are_not_snapshots(folder, tmp_path):
    repository = tmp_path / "models--org--name"
    (repository / "blobs").mkdir(parents=True)
    other = repository / "other" / "1"
    other.parent.mkdir()
    os.rename(folder, other)
    os.rename(other / TWO, repository / "blobs" / "x")
    (other / TWO).symlink_to(repository / "blobs" / "x")
    assert "is a link to" in refusal(other)


def test_checkpoints_are_mapped_unless_told_otherwise(folder, monkeypatch):
    monkeypatch.setattr(np, "fromfile", lambda *arguments: pytest.fail("read the file"))
    open_checkpoint(folder)
    open_checkpoint(folder / ONE)
    with pytest.raises(pytest.fail.Exception):
        open_checkpoint(folder, mapped=False)


def test_random_damage_to_the_index_gives_our_error_or_a_sound_checkpoint(folder):
    rng = random.Random(0)
    content = (folder / INDEX).read_bytes()
    accepted = 0
    for number in range(2000):
        damaged = bytearray(content)
        for _ in range(rng.choice([1, 1, 2])):
            place = rng.randrange(len(damaged))
            if rng.random() < 0.3:
                del damaged[place : place + rng.choice([1, 5])]
            else:
                damaged[place] = rng.choice(b'{}[]",:./\\\0\xff0123abc') if rng.random() < 0.5 else rng.randrange(256)
        (folder / INDEX).write_bytes(damaged)
        checkpoint, reason = checkpoint_or_reason(folder)
        if checkpoint is None:
            assert reason.startswith(str(folder)), number
        else:
            accepted += 1
            assert list(checkpoint) == ["a", "b", "c"], number
    assert 10 < accepted < 1000  # blanks and the total size may change


def checkpoint_or_reason(folder):
    try:
        return open_checkpoint(folder), ""
    except WeightFileError as reason:
        return None, str(reason)
