"""vocab.txt, vocab.json and merges.txt: read, refused, written and read again."""

import pytest

from minibert.errors import TokenizerError
from minibert.tokenizers.files.vocabulary_files import (
    given_merges_txt,
    given_vocab_json,
    given_vocab_txt,
    read_merges_txt,
    read_vocab_json,
    read_vocab_txt,
    write_merges_txt,
    write_vocab_json,
    write_vocab_txt,
)

FILES = [
    (read_vocab_txt, "a\nb\na\n", "'a' stands twice, in lines 1 and 3"),
    (read_vocab_txt, "", "the vocabulary is empty"),
    (read_vocab_json, "{", "not valid JSON"),
    (read_vocab_json, "[1]", "must be a non-empty mapping"),
    (read_vocab_json, '{"a": 0, "b": 0}', "'a' and 'b' both have the id 0"),
    (read_vocab_json, '{"a": -1}', "'a' has the id -1"),
    (read_vocab_json, '{"a": "x"}', "'a' has the id 'x'"),
    (read_vocab_json, "[" * 100_000, "not valid JSON"),
    (read_merges_txt, "#version: 0.2\na b\nabc\n", "line 3, 'abc', is not two tokens"),
]


@pytest.mark.parametrize(("read", "content", "message"), FILES, ids=[message for *_, message in FILES])
def test_files(tmp_path, read, content, message):
    path = tmp_path / "file"
    path.write_text(content)
    with pytest.raises(TokenizerError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(TokenizerError, match="there is no such file"):
        read_vocab_txt(tmp_path / "none")
    (tmp_path / "latin").write_bytes(b"caf\xe9\n")
    with pytest.raises(TokenizerError, match="cannot be read as UTF-8"):
        read_vocab_txt(tmp_path / "latin")


def test_what_is_written_reads_back(tmp_path):
    vocab, merges = {"b": 1, "ä": 0, "Ġ": 2}, [("a", "b"), ("Ġ", "ä")]
    write_vocab_txt(vocab, tmp_path / "vocab.txt")
    write_vocab_json(vocab, tmp_path / "vocab.json")
    write_merges_txt(merges, tmp_path / "merges.txt")
    assert (tmp_path / "vocab.txt").read_text(encoding="utf-8") == "ä\nb\nĠ\n"  # by id
    assert (tmp_path / "merges.txt").read_text(encoding="utf-8") == "#version: 0.2\na b\nĠ ä\n"
    assert read_vocab_txt(tmp_path / "vocab.txt") == read_vocab_json(tmp_path / "vocab.json") == vocab
    assert read_merges_txt(tmp_path / "merges.txt") == merges


def test_line_ends_of_other_systems(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"a\r\nb\rc")
    (tmp_path / "merges.txt").write_bytes(b"#version: 0.2\r\na b\r\n\r\nb c")
    assert read_vocab_txt(tmp_path / "vocab.txt") == {"a": 0, "b": 1, "c": 2}
    assert read_merges_txt(tmp_path / "merges.txt") == [("a", "b"), ("b", "c")]


def test_what_a_class_was_given_comes_before_files():
    assert given_vocab_txt({"a": 0}, "nowhere") == given_vocab_json({"a": 0}, "nowhere") == {"a": 0}
    assert given_merges_txt([["a", "b"]], "nowhere") == [("a", "b")]
