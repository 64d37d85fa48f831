"""The vocabulary files: vocab.txt (BERT), vocab.json and merges.txt (RoBERTa)."""

from collections.abc import Mapping
from pathlib import Path

from minibert.errors import TokenizerError


def read_text(path: Path) -> str:
    """A UTF-8 file's text, or a TokenizerError that names the file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TokenizerError(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TokenizerError(f"{path}: the file cannot be read as UTF-8 text: {error}.") from None


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
                f"{path}: the token {token!r} stands twice, in lines {vocab[token] + 1} and {id_ + 1}."
            )
        vocab[token] = id_
    if not vocab:
        raise TokenizerError(f"{path}: the vocabulary is empty.")
    return vocab


def write_vocab_txt(vocab: Mapping[str, int], path: Path) -> None:
    """One token a line, in the order of ids."""
    tokens = sorted(vocab, key=vocab.__getitem__)
    path.write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8", newline="\n")
