"""JSON files that come from strangers: config.json, tokenizer files, a shard index, a safetensors header.

Stricter than `json.load`: the top level must be an object, no key may stand twice in one object (Python
would silently keep the last one), NaN and Infinity are not JSON, and the size is limited. Each failure is one
sentence with the file's name and the place.

Source: RFC 8259; section 4 leaves repeated names undefined, which is why they are refused here.
"""

import json
import os
from typing import Any, NoReturn

from minibert.errors import ConfigError, MinibertError
from minibert.files.reading import MAX_BYTES, decoded, read_bytes
from minibert.messages import quoted


class _RepeatedKeyError(ValueError):
    """A key stands twice in one object."""


def read_json(
    path: str | os.PathLike[str],
    what: str,
    *,
    error: type[MinibertError] = ConfigError,
    max_bytes: int = MAX_BYTES,
) -> dict[str, Any]:
    """Read the JSON object in `path`.

    `what` names the file's role in messages ("the configuration"), `error` is the class raised.
    Raises `error` when the file is missing, no regular file, unreadable, larger than `max_bytes`, not UTF-8,
    not JSON, not an object, or gives a key twice.
    """
    return parse_json_object(read_bytes(path, what, error=error, max_bytes=max_bytes), f"{path}: {what}", error)


def parse_json_object(data: bytes, where: str, error: type[MinibertError]) -> dict[str, Any]:
    """Bytes of UTF-8 JSON -> the object they hold; `where` begins every message. Raises `error`."""
    text = decoded(data, where, error)
    if text.startswith("\ufeff"):
        raise error(f"{where} begins with a byte order mark. Save it as UTF-8 without one.")
    if not text.strip(" \t\r\n"):
        raise error(f"{where} is empty, but must be a JSON object. Fetch the file again.")
    value = _decode(text, where, error)
    if not isinstance(value, dict):
        raise error(f"{where} must be a JSON object {{...}}, but is {_kind(value)}.")
    return value


def _decode(text: str, where: str, error: type[MinibertError]) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as reason:
        raise error(
            f"{where} is not JSON: {reason.msg}, at line {reason.lineno}, column {reason.colno} "
            f"of {text.count(chr(10)) + 1} lines. The file is probably cut short or was edited by hand."
        ) from None
    except _RepeatedKeyError as reason:
        key = quoted(reason.args[0])
        raise error(f"{where} gives the key {key} twice; only one of the two can be meant.") from None
    except RecursionError:
        raise error(f"{where} is nested too deeply to be what it claims to be.") from None
    except ValueError as reason:  # NaN and Infinity; Python's limit on the digits of an integer
        raise error(f"{where} holds a number that cannot be read: {reason}.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedKeyError(key)
            seen.add(key)
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
