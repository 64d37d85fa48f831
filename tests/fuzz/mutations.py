"""Ways to damage bytes and JSON: `damaged_bytes(rng, data)` and `damaged_json(rng, value)`."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

# what stands in forged and damaged files, and in those of careless writers
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 5, 0.5, -0.0, 1e308, 2**31, 2**40, 2**63, 2**64, -(2**63), 10**12, 10**400,
    "", " ", "x", "5", "[UNK]", "a\nb", "\0", "\x1b[31m", "\ud800", "é" * 50, "x" * 3000, "../../etc/passwd", [], {},
    [[]], [{}], {"": None}, [5], ["x"], ["x", 5], {"x": 5}, {"5": "x"}, [None] * 1000, {"a": {"b": {"c": []}}},
]  # fmt: skip
BYTES = [b"\0", b"\xff", b"\n", b"\r", b'"', b"{", b"\xef\xbb\xbf", b"\x80", b" " * 99]
TEXTS = ["NaN", "Infinity", "-Infinity", "1" * 5000, "1e999", "[" * 5000, '{"a":' * 3000, "tru", "'x'", "0x10", "01"]


def damaged_bytes(rng: random.Random, data: bytes) -> bytes:
    """A few bytes changed, removed, repeated or added; or the end lost."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        place = rng.randrange(len(data) + 1)
        length = min(rng.choice([1, 1, 2, 4, 8, 64]), len(data) - place)
        how = rng.randrange(7)
        if how == 0 and length:
            data[place] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[place : place + length] = rng.randbytes(length)
        elif how == 2:
            del data[place : place + length]
        elif how == 3:
            data[place:place] = data[place : place + length] * rng.choice([1, 2, 100])
        elif how == 4:
            data[place:place] = rng.choice(BYTES)
        elif how == 5:
            data[place : place + length] = rng.choice([b"\0", b"\xff"]) * length
        else:
            del data[place:]
    return bytes(data)


def damaged_json(rng: random.Random, value: Any) -> bytes:
    """A JSON value with some of its parts replaced, renamed, removed or added, as text; sometimes no JSON any more."""
    value = copy.deepcopy(value)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        places = list(_places(value))
        if not places:
            break
        holder, key = rng.choice(places)
        _damage(rng, holder, key)
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    how = rng.random()
    if how < 0.08:  # a text that stands for a value, and is none
        marks = [place for place, letter in enumerate(text) if letter == ":"]
        if marks:
            place = rng.choice(marks) + 1
            end = text.find(",", place)
            text = text[:place] + rng.choice(TEXTS) + (text[end:] if end >= 0 else "")
    elif how < 0.12 and '"' in text:  # a key twice
        text = text.replace("{", "{" + json.dumps(rng.choice(list(_keys(value)) or ["x"])) + ": 5, ", 1)
    data = text.encode("utf-8", "surrogatepass")
    return damaged_bytes(rng, data) if rng.random() < 0.1 else data


def _damage(rng: random.Random, holder: Any, key: Any) -> None:
    how = rng.randrange(6)
    if how <= 2:
        holder[key] = copy.deepcopy(rng.choice(VALUES))
    elif how == 3:
        del holder[key]
    elif how == 4 and isinstance(holder, dict):
        holder[rng.choice([*holder, "x", "", "__class__", "validate", "to_dict"])] = holder.pop(key)
    elif how == 4:
        holder.insert(key, copy.deepcopy(holder[key]))
    elif isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
        number = holder[key]
        holder[key] = rng.choice([number + 1, number - 1, -number, number * 2**20, str(number)])
    else:
        holder[key] = [holder[key]]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every part, those near the top more often."""
    todo = [value]
    while todo:
        holder = todo.pop()
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        for key in keys[:200]:
            yield holder, key
            if isinstance(holder[key], dict | list):
                todo.append(holder[key])


def _keys(value: Any) -> Iterator[str]:
    return (key for holder, key in _places(value) if isinstance(key, str))
