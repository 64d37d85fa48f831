"""Reading config.json and its like: every fault has its own text and the class that was asked for."""

import json
import os

import pytest

from minibert.errors import ConfigError, TokenizerError
from minibert.weights import read_json

# name of the case: (content, the beginning of the error's text)
BAD = {
    "empty": (b"", "the configuration is empty, but must be a JSON object. Fetch the file again."),
    "blanks": (b" \n\t ", "the configuration is empty, but must be a JSON object. Fetch the file again."),
    "cut short": (
        b'{\n  "hidden_size": 768,\n',
        "the configuration is not JSON: Expecting property name enclosed in double quotes, at line ",
    ),
    "a comma at the end": (b'{"a": 1,}', "the configuration is not JSON: "),
    "single quotes": (
        b"{'a': 1}",
        "the configuration is not JSON: Expecting property name enclosed in double quotes",
    ),
    "a comment": (
        b'{"a": 1} // note',
        "the configuration is not JSON: Extra data, at line 1, column 10 of 1 lines.",
    ),
    "two objects": (b"{}\n{}", "the configuration is not JSON: Extra data, at line 2, column 1 of 2 lines."),
    "latin-1": (
        b'{"a": "\xe9"}',
        "the configuration is not UTF-8 text: byte 0xe9 at position 7. The file is",
    ),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "the configuration is not UTF-8 text: byte 0xff at position 0."),
    "byte order mark": (
        b"\xef\xbb\xbf{}",
        "the configuration begins with a byte order mark. Save it as UTF-8",
    ),
    "a list": (b"[1]", "the configuration must be a JSON object {...}, but is a list."),
    "a text": (b'"bert"', "the configuration must be a JSON object {...}, but is a text."),
    "a number": (b"1.5", "the configuration must be a JSON object {...}, but is a number."),
    "a whole number": (b"15", "the configuration must be a JSON object {...}, but is a number."),
    "false": (b"false", "the configuration must be a JSON object {...}, but is true or false."),
    "null": (b"null", "the configuration must be a JSON object {...}, but is null."),
    "a key twice": (
        b'{"a": 1, "b": 2, "a": 1}',
        "the configuration gives the key 'a' twice; only one of the two",
    ),
    "another key twice": (b'{"a": 1, "b": 2, "b": 1}', "the configuration gives the key 'b' twice; only one"),
    "a key twice inside": (
        b'{"x": {"a": 1, "a": 2}}',
        "the configuration gives the key 'a' twice; only one of the",
    ),
    "NaN": (b'{"a": NaN}', "the configuration holds a number that cannot be read: NaN is not JSON."),
    "Infinity": (
        b'{"a": -Infinity}',
        "the configuration holds a number that cannot be read: -Infinity is not JSON.",
    ),
    "digits": (
        b'{"a": ' + b"1" * 5000 + b"}",
        "the configuration holds a number that cannot be read: Exceeds the",
    ),
    "nested": (b'{"a":' * 100_000, "the configuration is nested too deeply to be what it claims to be."),
    "nested lists": (b"[" * 100_000, "the configuration is nested too deeply to be what it claims to be."),
    "a pickle": (
        b"\x80\x02}q\x00.",
        "the configuration is not UTF-8 text: byte 0x80 at position 0. The file is",
    ),
    "zero bytes": (
        bytes(100),
        "the configuration is not JSON: Expecting value, at line 1, column 1 of 1 lines.",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_for_its_own_reason(tmp_path, case):
    content, expected = BAD[case]
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_json(path, "the configuration")
    assert str(caught.value).startswith(f"{path}: {expected}")
    assert len(str(caught.value)) < len(str(path)) + 300


def test_the_class_of_the_error_is_the_one_asked_for(tmp_path):
    (tmp_path / "vocab.json").write_text("[]")
    with pytest.raises(TokenizerError, match=r"vocab.json: the vocabulary must be a JSON object"):
        read_json(tmp_path / "vocab.json", "the vocabulary", error=TokenizerError)


def test_a_good_file(tmp_path):
    value = {"a": [1, 2.5, None, True], "é": {"x": "模"}, "": -0.0}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    assert read_json(path, "the configuration") == value
    assert read_json(str(path), "the configuration") == value


def refusal(path, **options):
    with pytest.raises(ConfigError) as caught:
        read_json(path, "the configuration", **options)
    return str(caught.value)


def test_a_missing_file_says_what_is_there(tmp_path):
    path = tmp_path / "config.json"
    assert refusal(path) == (
        f"{path}: there is no such file, but the configuration is needed. The folder holds nothing."
    )
    for number in range(10):
        (tmp_path / f"{number}.txt").write_text("")
    assert refusal(path).endswith("The folder holds 0.txt, 1.txt, 2.txt, 3.txt, 4.txt, 5.txt, 6.txt, 7.txt and 2 more.")
    (tmp_path / "9.txt").unlink()
    assert refusal(path).endswith("6.txt, 7.txt and 1 more.")
    (tmp_path / "8.txt").unlink()
    assert refusal(path).endswith("6.txt, 7.txt.")


def test_a_missing_folder(tmp_path):
    text = refusal(tmp_path / "no" / "config.json")
    assert text.endswith(f"the configuration is needed. The folder {tmp_path / 'no'} does not exist either.")


def test_a_folder_in_its_place(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path}: the configuration should be a file, but is a folder or a special file."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    assert "is a folder or a special file" in refusal(tmp_path / "config.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(b"{}" + b" " * 100)
    assert read_json(path, "the configuration", max_bytes=102) == {}
    assert refusal(path, max_bytes=101) == (
        f"{path}: the configuration is 102 bytes long; at most 101 are read. "
        "This is probably another kind of file under this name."
    )
    os.truncate(path, 1 << 40)
    assert "1,099,511,627,776 bytes long; at most 100,000,000 are read" in refusal(path)


def test_an_error_of_the_system(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    path.write_bytes(b"{}")

    def fail(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", fail)
    assert refusal(path) == f"{path}: the configuration cannot be read: Permission denied."


def test_a_name_with_a_zero_byte():
    assert ": the configuration cannot be read: " in refusal("config\0.json")
