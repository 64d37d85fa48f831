"""Small files are read whole only if they are files, and small."""

import os
import threading

import pytest

from minibert.errors import ConfigError, TokenizerError
from minibert.files.reading import read_bytes, read_text
from minibert.messages import shown


def refusal(path, **options):
    with pytest.raises(TokenizerError) as caught:
        read_text(path, "the vocabulary", error=TokenizerError, **options)
    return str(caught.value)


def test_a_text(tmp_path):
    (tmp_path / "vocab.txt").write_bytes("é\r\nb\n".encode())
    assert read_text(tmp_path / "vocab.txt", "the vocabulary", error=ConfigError) == "é\r\nb\n"
    assert read_bytes(str(tmp_path / "vocab.txt"), "the vocabulary", error=ConfigError) == "é\r\nb\n".encode()


def test_a_missing_file(tmp_path):
    (tmp_path / "vocab.json").touch()
    assert refusal(tmp_path / "vocab.txt") == (
        f"{tmp_path / 'vocab.txt'}: there is no such file, but the vocabulary is needed. The folder holds vocab.json."
    )


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "vocab.txt")
    texts = []
    reader = threading.Thread(target=lambda: texts.append(refusal(tmp_path / "vocab.txt")), daemon=True)
    reader.start()
    reader.join(10)
    special = f"{tmp_path / 'vocab.txt'}: the vocabulary should be a file, but is a folder or a special file."
    assert texts == [special]


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="the system has no /dev/zero")
def test_a_device_that_never_ends(tmp_path):
    (tmp_path / "vocab.txt").symlink_to("/dev/zero")
    assert refusal(tmp_path / "vocab.txt").endswith("should be a file, but is a folder or a special file.")


def test_a_file_of_gigabytes_is_not_read(tmp_path):
    with (tmp_path / "vocab.txt").open("wb") as file:
        file.truncate(8 << 30)  # takes no room
    assert refusal(tmp_path / "vocab.txt") == (
        f"{tmp_path / 'vocab.txt'}: the vocabulary is 8,589,934,592 bytes long; at most 100,000,000 are read. "
        f"This is probably another kind of file under this name."
    )


def test_a_file_that_says_it_is_empty_and_is_not(tmp_path, monkeypatch):
    """Files of the system, as in /proc, and files that grow while they are read."""
    path = tmp_path / "vocab.txt"
    path.touch()
    empty = os.stat(path)
    path.write_bytes(bytes(101))
    monkeypatch.setattr("pathlib.Path.stat", lambda self: empty)
    assert "is 101 bytes long; at most 100 are read" in refusal(path, max_bytes=100)


def test_other_bytes_than_utf_8(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"ab\xff")
    assert refusal(tmp_path / "vocab.txt") == (
        f"{tmp_path / 'vocab.txt'}: the vocabulary is not UTF-8 text: byte 0xff at position 2. "
        f"The file is probably damaged, or it is not a text file at all."
    )


@pytest.mark.parametrize("name", ["n" * 300, "n\0"])
def test_names_that_no_file_has(tmp_path, name):
    assert refusal(tmp_path / name).startswith(f"{shown(tmp_path / name)}: the vocabulary cannot be read: ")
