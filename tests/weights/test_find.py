"""From a name to a folder, without a network: local folders, shipped names, the cache, and one faked download."""

import os
import socket
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from minibert.errors import WeightFileError
from minibert.weights import find, find_checkpoint, save_checkpoint, shipped_folder, shipped_names

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SETTINGS = [
    "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
]  # fmt: skip


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """An empty working folder, an empty cache, nothing shipped, and no network."""

    def no_network(*arguments, **options):
        pytest.fail("tried to use the network")

    monkeypatch.setattr(socket, "socket", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    for setting in SETTINGS:
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(find, "_shipped_homes", lambda: [tmp_path / "shipped"])
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)  # as if it were not installed


def refusal(name, **options):
    with pytest.raises(WeightFileError) as caught:
        find_checkpoint(name, **options)
    return str(caught.value)


def cached(hub, name="org/bert", revision="main", files=("config.json", "model.safetensors")):
    """A snapshot of a repository in Hugging Face's layout; returns its folder."""
    repository = hub / ("models--" + name.replace("/", "--"))
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for number, file in enumerate(files):
        (repository / "blobs" / str(number)).write_text("{}")
        (snapshot / file).symlink_to(Path("..") / ".." / "blobs" / str(number))
    reference = repository / "refs" / revision
    reference.parent.mkdir(parents=True)
    reference.write_text(COMMIT)
    return snapshot


# folders


@pytest.mark.parametrize("name", ["bert", "./bert", "bert/", "../here/bert", "a/b/c"])
def test_an_existing_folder_is_itself(name):
    Path(name).mkdir(parents=True)
    assert find_checkpoint(name) == Path(name)
    assert find_checkpoint(Path(name)) == Path(name)
    assert find_checkpoint(Path(name).absolute(), revision="passed over") == Path(name).absolute()


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert find_checkpoint("~/here") == tmp_path / "here"


def test_a_folder_comes_before_a_shipped_name_and_the_cache(tmp_path):
    cached(tmp_path / "hub", "bert")
    (tmp_path / "shipped" / "bert").mkdir(parents=True)
    (tmp_path / "shipped" / "bert" / "config.json").write_text("{}")
    assert find_checkpoint("bert") == tmp_path / "shipped" / "bert"
    Path("bert").mkdir()
    assert find_checkpoint("bert") == Path("bert")


@pytest.mark.parametrize(
    "name",
    [
        "./bert",
        "../bert",
        "/no/such/place",
        "a/b/c",
        "~/no/such",
        "bert/",
        ".\\bert",
        "C:\\bert",
        "models\\bert",
        "C:bert",
    ],
)
def test_a_misspelt_path_is_an_error_about_the_path(name):
    text = refusal(name)
    assert text.startswith(f"{Path(os.path.expanduser(name))}: there is no such folder. ")
    assert " exists; folders in it: " in text
    assert "Hub" not in text


def test_a_path_object_is_always_a_path(tmp_path):
    cached(tmp_path / "hub")
    assert refusal(Path("org/bert")).startswith(f"{Path('org/bert')}: there is no such folder.")


def test_the_error_lists_what_is_at_the_part_that_exists(tmp_path):
    for name in ("bert-small", "bert-large", ".hidden"):
        Path("models", name).mkdir(parents=True)
    Path("models/file").write_text("")
    assert refusal("./models/bert-smal") == (
        f"{Path('models/bert-smal')}: there is no such folder. {tmp_path / 'here' / 'models'} exists; "
        "folders in it: bert-large, bert-small."
    )


def test_a_name_whose_first_part_is_a_folder_here_never_goes_to_the_network(tmp_path):
    Path("models/bert-small").mkdir(parents=True)
    assert refusal("models/bert-smal") == (
        f"models/bert-smal: there is no such folder, though models is here. {tmp_path / 'here' / 'models'} "
        "exists; folders in it: bert-small. For a repository of that name on the Hub, run from another folder."
    )


def test_many_folders_are_not_all_listed():
    for number in range(10):
        Path(str(number)).mkdir()
    assert refusal("./x").endswith("folders in it: 0, 1, 2, 3, 4, 5, 6, 7 and 2 more.")


def test_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    def fail(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", fail)
    assert refusal("./x").endswith(f"{tmp_path / 'here'} exists, but cannot be listed.")


@pytest.mark.parametrize("name", ["model.safetensors", "./model.safetensors", Path("model.safetensors")])
def test_a_file(name):
    Path("model.safetensors").write_text("")
    assert refusal(name) == "model.safetensors is a file; give the folder that it stands in."


@pytest.mark.parametrize("name", ["", "  ", "a\0b"])
def test_no_name(name):
    assert refusal(name) == f"{name!r} is neither a folder nor the name of a checkpoint."


# shipped


def test_shipped_names(tmp_path):
    for name in ("tiny-bert", "tiny-roberta"):
        (tmp_path / "shipped" / name).mkdir(parents=True)
        (tmp_path / "shipped" / name / "config.json").write_text("{}")
    (tmp_path / "shipped" / "no-config").mkdir()
    assert shipped_names() == ["tiny-bert", "tiny-roberta"]
    assert find_checkpoint("tiny-bert") == shipped_folder("tiny-bert") == tmp_path / "shipped" / "tiny-bert"
    assert shipped_folder("no-config") is None
    assert shipped_folder("../shipped/tiny-bert") is None
    assert shipped_folder("..") is None
    assert "shipped with minibert (tiny-bert, tiny-roberta);" in refusal("tiny-bart")


def test_a_shipped_name_has_a_folder_of_weights_and_one_of_its_tokenizer(tmp_path, monkeypatch):
    monkeypatch.setattr(find, "_shipped_homes", lambda: [tmp_path / "absent" / "weights", tmp_path / "weights"])
    for kind, file in (("weights", "config.json"), ("tokenizers", "vocab.txt")):
        (tmp_path / kind / "tiny-bert").mkdir(parents=True)
        (tmp_path / kind / "tiny-bert" / file).write_text("{}")
    tokenizer_files = ["tokenizer.json", "vocab.txt"]
    assert find_checkpoint("tiny-bert") == tmp_path / "weights" / "tiny-bert"
    assert find_checkpoint("tiny-bert", needs=["config.json"]) == tmp_path / "weights" / "tiny-bert"
    assert find_checkpoint("tiny-bert", needs=tokenizer_files) == tmp_path / "tokenizers" / "tiny-bert"
    assert shipped_folder("tiny-bert", needs=["spiece.model"]) is None
    assert find_checkpoint("tiny-bert", needs=["spiece.model"]) == tmp_path / "weights" / "tiny-bert"
    assert shipped_names() == ["tiny-bert"]


def test_a_tokenizer_alone_is_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(find, "_shipped_homes", lambda: [tmp_path / "weights"])
    (tmp_path / "tokenizers" / "words").mkdir(parents=True)
    (tmp_path / "tokenizers" / "words" / "vocab.txt").write_text("[UNK]\n")
    assert find_checkpoint("words", needs=["vocab.txt"]) == tmp_path / "tokenizers" / "words"
    assert "There is no checkpoint 'words'." in refusal("words")


def test_where_shipped_checkpoints_are(monkeypatch):
    monkeypatch.undo()
    package = Path(find.__file__).parents[1]
    homes = find._shipped_homes()
    assert homes[0] == package / "shipped" / "weights"
    assert homes[1:] == [package.parent / "weights"]  # this is a checkout


def test_an_installed_package_does_not_look_beside_itself(tmp_path, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(find, "__file__", str(tmp_path / "site-packages" / "minibert" / "weights" / "find.py"))
    assert find._shipped_homes() == [tmp_path / "site-packages" / "minibert" / "shipped" / "weights"]


# the cache


@pytest.mark.parametrize("name", ["bert", "org/bert"])
def test_a_cached_snapshot(tmp_path, name):
    snapshot = cached(tmp_path / "hub", name)
    assert find_checkpoint(name) == snapshot
    assert find_checkpoint(name, revision="main") == snapshot
    assert find_checkpoint(name, revision=COMMIT) == snapshot
    assert find_checkpoint(name, local_files_only=True) == snapshot


@pytest.mark.parametrize("revision", ["v1.0", "refs/pr/3"])
def test_other_revisions(tmp_path, revision):
    snapshot = cached(tmp_path / "hub", revision=revision)
    assert find_checkpoint("org/bert", revision=revision) == snapshot
    assert refusal("org/bert").startswith("There is no checkpoint 'org/bert'. Looked for: ")
    text = refusal("org/bert", revision="v2")
    assert text.startswith("There is no checkpoint 'org/bert' at revision 'v2'. Looked for: ")


@pytest.mark.parametrize("revision", ["../../..", "/etc", "a/../../b", "", "a b", 3, ".."])
def test_a_revision_that_is_none(revision):
    assert refusal("org/bert", revision=revision) == (
        f"revision must be a branch, a tag or a commit, not {revision!r}."
    )


@pytest.mark.parametrize("commit", ["../../../outside", "", "a/b", "\udcff"])
def test_a_reference_that_points_outside_the_cache(tmp_path, commit):
    snapshot = cached(tmp_path / "hub")
    (tmp_path / "outside").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "outside" / name).write_text("{}")
    (snapshot.parents[1] / "refs" / "main").write_bytes(os.fsencode(commit))
    assert "There is no checkpoint 'org/bert'." in refusal("org/bert")


def test_a_name_is_not_another_spelling_of_a_cached_one(tmp_path):
    cached(tmp_path / "hub", "org/bert")
    assert refusal("org--bert").endswith(" As a name on the Hub it is not valid either.")


def test_where_the_cache_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", "~/x/$PART")
    monkeypatch.setenv("PART", "y")
    assert find.hub_cache() == tmp_path / "x" / "y"
    assert find.hub_cache("~/z") == tmp_path / "z"
    monkeypatch.delenv("HF_HUB_CACHE")
    assert find.hub_cache() == tmp_path / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert find.hub_cache() == tmp_path / "xdg" / "huggingface" / "hub"
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    assert find.hub_cache() == tmp_path / "home" / "hub"
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", str(tmp_path / "old"))
    assert find.hub_cache() == tmp_path / "old"


@pytest.mark.parametrize("setting", ["HF_HOME", "cache_dir"])
def test_the_cache_that_is_set_is_the_one_used(tmp_path, monkeypatch, setting):
    snapshot = cached(tmp_path / "other" / "hub")
    if setting == "cache_dir":
        assert find_checkpoint("org/bert", cache_dir=tmp_path / "other" / "hub") == snapshot
    else:
        monkeypatch.delenv("HF_HUB_CACHE")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "other"))
        assert find_checkpoint("org/bert") == snapshot


@pytest.mark.parametrize(
    "files", [("config.json",), ("model.safetensors",), ("vocab.txt",), ("config.json", "pytorch_model.bin"), ()]
)
def test_a_snapshot_with_a_part_of_what_is_needed(tmp_path, files):
    snapshot = cached(tmp_path / "hub", files=files)
    text = refusal("org/bert")
    assert f" The cache has {snapshot}, but without config.json with safetensors weights. " in text


def test_what_is_needed_can_be_said(tmp_path):
    snapshot = cached(tmp_path / "hub", files=("vocab.txt",))
    assert find_checkpoint("org/bert", needs=["tokenizer.json", "vocab.txt"]) == snapshot
    text = refusal("org/bert", needs=["vocab.json", "merges.txt"])
    assert f" The cache has {snapshot}, but without any of vocab.json, merges.txt. " in text


def test_a_sharded_snapshot_must_have_all_shards(tmp_path):
    snapshot = cached(tmp_path / "hub", files=("config.json",))
    arrays = {"a": np.ones(100), "b": np.ones(100)}
    save_checkpoint(snapshot, arrays, max_shard_size=800)
    assert find_checkpoint("org/bert") == snapshot
    os.remove(snapshot / "model-00002-of-00002.safetensors")
    assert "but without config.json with safetensors weights" in refusal("org/bert")


# nothing found, and downloads


def test_the_error_lists_where_it_was_looked_for(tmp_path):
    looked = (
        f"There is no checkpoint 'org/bert'. Looked for: a folder of that name in {tmp_path / 'here'}; "
        f"shipped with minibert (nothing); in Hugging Face's cache {tmp_path / 'hub'}."
    )
    assert refusal("org/bert") == (
        f"{looked} To download it, install huggingface_hub: pip install 'minibert-numpy[hub]'."
    )
    assert refusal("org/bert", local_files_only=True) == f"{looked} local_files_only=True forbids the download."


@pytest.mark.parametrize("setting", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
@pytest.mark.parametrize("value", ["1", "true", "ON", "yes"])
def test_offline(monkeypatch, setting, value):
    fake_hub(monkeypatch, lambda *arguments, **options: pytest.fail("tried to download"))
    monkeypatch.setenv(setting, value)
    assert refusal("org/bert").endswith(" HF_HUB_OFFLINE is set, so nothing is downloaded.")


@pytest.mark.parametrize("name", ["bert base", "org/-bert", "org/bert..x", "org--bert", "a" * 5 + "?", "-x", "org/b@d"])
def test_a_name_that_no_repository_can_have(monkeypatch, name):
    fake_hub(monkeypatch, lambda *arguments, **options: pytest.fail("tried to download"))
    assert refusal(name).endswith(" As a name on the Hub it is not valid either.")


def fake_hub(monkeypatch, download):
    """Put a huggingface_hub in place that has this snapshot_download."""
    module = types.ModuleType("huggingface_hub")
    module.snapshot_download = download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)


@pytest.mark.parametrize("offline", ["0", "", "false", "no"])
def test_a_download(tmp_path, monkeypatch, offline):
    calls = []

    def download(name, **options):
        calls.append((name, options))
        return str(tmp_path / "downloaded")

    fake_hub(monkeypatch, download)
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    assert find_checkpoint("org/bert", revision="v1") == tmp_path / "downloaded"
    ((name, options),) = calls
    assert name == "org/bert"
    patterns = options.pop("allow_patterns")
    assert options == {"revision": "v1", "cache_dir": tmp_path / "hub", "token": None, "force_download": False}
    assert {"config.json", "model.safetensors", "model.safetensors.index.json", "vocab.txt"} <= set(patterns)
    assert not [pattern for pattern in patterns if pattern.endswith((".bin", ".py", ".h5", ".pkl", "*"))]


def test_a_download_asked_for_anew(tmp_path, monkeypatch):
    snapshot = cached(tmp_path / "hub")
    calls = []
    fake_hub(monkeypatch, lambda name, **options: calls.append(options) or str(tmp_path))
    assert find_checkpoint("org/bert", token="secret") == snapshot
    assert not calls
    assert find_checkpoint("org/bert", token="secret", force_download=True) == tmp_path
    assert (calls[0]["token"], calls[0]["force_download"]) == ("secret", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WeightFileError) as caught:
        find_checkpoint("org/bert", force_download=True)
    assert f"The cache has {snapshot}, but force_download=True asks for it anew." in str(caught.value)


def test_a_download_for_a_tokenizer_leaves_the_weights_out(tmp_path, monkeypatch):
    calls = []
    fake_hub(monkeypatch, lambda name, **options: calls.append(options) or str(tmp_path))
    find_checkpoint("org/bert", needs=["vocab.txt"])
    assert not [pattern for pattern in calls[0]["allow_patterns"] if "safetensors" in pattern]
    assert "tokenizer.json" in calls[0]["allow_patterns"]


def test_an_incomplete_snapshot_is_completed_by_a_download(tmp_path, monkeypatch):
    cached(tmp_path / "hub", files=("config.json",))
    fake_hub(monkeypatch, lambda *arguments, **options: str(tmp_path / "completed"))
    assert find_checkpoint("org/bert") == tmp_path / "completed"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError("401 Client Error.\nsecond line"), "OSError: 401 Client Error."),
        (RuntimeError(""), "RuntimeError: no reason given"),
    ],
)
def test_a_download_that_fails(monkeypatch, error, text):
    def download(*arguments, **options):
        raise error

    fake_hub(monkeypatch, download)
    assert refusal("org/bert").endswith(f" The download failed: {text}")


@pytest.mark.reference
def test_the_cache_is_where_huggingface_hub_says(monkeypatch):
    monkeypatch.delitem(sys.modules, "huggingface_hub")
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.undo()
    constants = pytest.importorskip("huggingface_hub.constants")
    assert find.hub_cache() == Path(constants.HF_HUB_CACHE)


@pytest.mark.reference
def test_huggingface_hub_finds_the_same_snapshot(tmp_path, monkeypatch):
    monkeypatch.undo()
    hub = pytest.importorskip("huggingface_hub")
    snapshot = cached(tmp_path / "cache")
    theirs = hub.snapshot_download("org/bert", cache_dir=tmp_path / "cache", local_files_only=True)
    assert find_checkpoint("org/bert", cache_dir=tmp_path / "cache", local_files_only=True) == Path(theirs) == snapshot


def test_a_folder_without_folders(tmp_path):
    assert refusal("./x").endswith(f"{tmp_path / 'here'} exists; folders in it: nothing.")
