"""The vocabulary files: vocab.txt (BERT), vocab.json and merges.txt (RoBERTa)."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from minibert.errors import TokenizerError
from minibert.files.output import output_file
from minibert.files.reading import read_bytes
from minibert.messages import quoted, shown


def read_text(path: Path) -> str:
    """A UTF-8 file's text with plain line ends, or a TokenizerError that names the file."""
    if not os.path.lexists(path):
        raise TokenizerError(f"{shown(path)}: there is no such file.")
    data = read_bytes(path, "the file", error=TokenizerError)
    try:
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path}: the file cannot be read as UTF-8 text: {error}.") from None


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with output_file(path, TokenizerError) as file:
        file.write(text.encode("utf-8"))


def read_vocab_txt(path: Path) -> dict[str, int]:
    """token -> id from a file with one token a line; the line's number is the id."""
    lines = read_text(path).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    vocab: dict[str, int] = {}
    for id_, line in enumerate(lines):
        token = line.rstrip("\r\n")
        if token in vocab:
            raise TokenizerError(
                f"{path}: the token {quoted(token)} stands twice, in lines {vocab[token] + 1} and {id_ + 1}."
            )
        vocab[token] = id_
    if not vocab:
        raise TokenizerError(f"{path}: the vocabulary is empty.")
    return vocab


def write_vocab_txt(vocab: Mapping[str, int], path: Path) -> None:
    """One token a line, in the order of ids."""
    tokens = sorted(vocab, key=vocab.__getitem__)
    write_text(path, "".join(f"{token}\n" for token in tokens))


def read_json(path: Path) -> Any:
    """A JSON file's content, or a TokenizerError that names the file."""
    try:
        return json.loads(read_text(path), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise TokenizerError(f"{path}: the file is not valid JSON: {error}.") from None
    except RecursionError:
        raise TokenizerError(f"{path}: the file is not valid JSON: it is nested too deeply.") from None
    except ValueError as error:  # NaN and Infinity; Python's limit on the digits of an integer
        if isinstance(error, TokenizerError):
            raise
        raise TokenizerError(f"{path}: the file holds a number that cannot be read: {error}.") from None


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def check_vocab(vocab: Any, where: str) -> dict[str, int]:
    """A mapping of tokens to different ids of 0 or more, or a TokenizerError that says what is wrong."""
    if not isinstance(vocab, Mapping) or not vocab:
        raise TokenizerError(f"{where}: the vocabulary must be a non-empty mapping of tokens to ids.")
    owners: dict[int, str] = {}
    for token, id_ in vocab.items():
        if not isinstance(token, str) or not isinstance(id_, int) or isinstance(id_, bool) or id_ < 0:
            raise TokenizerError(
                f"{where}: the token {quoted(token)} has the id {quoted(id_)}; ids are ints of 0 or more."
            )
        if id_ in owners:
            raise TokenizerError(
                f"{where}: the tokens {quoted(owners[id_])} and {quoted(token)} both have the id {quoted(id_)}."
            )
        owners[id_] = token
    return dict(vocab)


def read_vocab_json(path: Path) -> dict[str, int]:
    """token -> id from a vocab.json."""
    return check_vocab(read_json(path), str(path))


def read_merges_txt(path: Path) -> list[tuple[str, str]]:
    """The pairs of a merges.txt in the order of their ranks; a line "#version..." is passed over."""
    pairs = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        line = line.removesuffix("\r")
        if not line or line.startswith("#version"):
            continue
        parts = line.split(" ")
        if len(parts) != 2 or not all(parts):
            raise TokenizerError(f"{path}: line {number}, {line[:80]!r}, is not two tokens with one blank between.")
        pairs.append((parts[0], parts[1]))
    return pairs


def write_merges_txt(merges: Iterable[tuple[str, str]], path: Path) -> None:
    """One pair a line, best first, below the version line."""
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges)]
    write_text(path, "\n".join(lines) + "\n")


def write_vocab_json(vocab: Mapping[str, int], path: Path) -> None:
    """token -> id as JSON, in the order of ids."""
    ordered = dict(sorted(vocab.items(), key=lambda item: item[1]))
    write_text(path, json.dumps(ordered, ensure_ascii=False) + "\n")


# ---------------------------------------------------------------- what a tokenizer's class was given


def given_vocab_txt(vocab: Mapping[str, int] | None, path: Any) -> Mapping[str, int]:
    """BERT's vocabulary: itself, or read from a vocab.txt. Raises TokenizerError if neither is given."""
    if vocab is not None:
        return vocab
    if path is None:
        raise TokenizerError("A BertTokenizer needs a vocabulary: give vocab_file= (a vocab.txt) or vocab=.")
    return read_vocab_txt(Path(path))


def given_vocab_json(vocab: Mapping[str, int] | None, path: Any) -> Mapping[str, int]:
    """RoBERTa's vocabulary: itself, or read from a vocab.json. Raises TokenizerError if neither is given."""
    if vocab is not None:
        return vocab
    if path is None:
        raise TokenizerError("A RobertaTokenizer needs a vocabulary: give vocab_file= (a vocab.json) or vocab=.")
    return read_vocab_json(Path(path))


def given_merges_txt(merges: Iterable[tuple[str, str]] | None, path: Any) -> list[tuple[str, str]]:
    """RoBERTa's merges: themselves, or read from a merges.txt. Raises TokenizerError if neither is given."""
    if merges is not None:
        return [(left, right) for left, right in merges]
    if path is None:
        raise TokenizerError("A RobertaTokenizer needs its merges: give merges_file= (a merges.txt) or merges=.")
    return read_merges_txt(Path(path))
