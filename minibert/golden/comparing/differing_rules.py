"""What two manifests say differently of the rules, the configuration and the weights, in sentences."""

from collections.abc import Mapping
from typing import Any


def differing_rules(golden: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """One sentence for every rule and field that differs, and for the weights."""
    mine, theirs = golden.get("semantics", {}), other.get("semantics", {})
    notes = _differing_entries("semantics", mine, theirs)
    mine, theirs = golden["model"].get("config", {}), other["model"].get("config", {})
    notes += _differing_entries("configuration", mine, theirs)
    return notes + _differing_weights(golden["weights"], other["weights"])


def _differing_entries(what: str, golden: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [
        f"{what}, {key}: golden {value!r}, other {other[key]!r}"
        for key, value in golden.items()
        if key in other and value != other[key]
    ]


def _differing_weights(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """Which parameters are not the golden ones, and whether they are another parameter's."""
    if mine.get("sha256") == theirs.get("sha256"):
        return []
    golden, other = mine.get("parameters", {}), theirs.get("parameters", {})
    owners = {digest: name for name, digest in reversed(golden.items())}
    wrong = [name for name in golden if name in other and other[name] != golden[name]]
    absent = [name for name in golden if name not in other]
    notes = []
    if wrong:
        moved = [f"{name} holds {owners[other[name]]}" for name in wrong if other[name] in owners]
        listed = moved or wrong
        more = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
        notes.append(f"weights: {len(wrong)} of {len(golden)} parameters differ: {', '.join(listed[:3])}{more}")
    if absent:
        notes.append(f"weights: {len(absent)} parameters of the golden model are not there: {', '.join(absent[:3])}")
    return notes or ["weights: they are not the golden model's"]
