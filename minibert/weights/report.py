"""What became of every tensor when a checkpoint was loaded into a model."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from minibert.messages import listed

Shape = tuple[int, ...]


@dataclass
class LoadReport:
    """Every name of the model and of the checkpoint stands in one of these.

    `loaded` holds the model's names that get a value from the checkpoint; `renamed` says under which other
    name it stood there; `tied` are stored copies of another tensor, with that tensor's name in the model;
    `ignored` are tensors left out on purpose, with the reason; `unexpected` are left out because the model
    has no place for them. `missing` and `mismatched` {name: (expected, found)} make a checkpoint unusable;
    `initialised` are the weights of a new task head, drawn from the model's seed.
    """

    source: str = "checkpoint"
    loaded: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)  # name in the checkpoint -> name in the model
    tied: dict[str, str] = field(default_factory=dict)  # name in the checkpoint -> name in the model
    ignored: dict[str, str] = field(default_factory=dict)  # name in the checkpoint -> reason
    missing: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    mismatched: dict[str, tuple[Shape, Shape]] = field(default_factory=dict)
    initialised: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """True when every weight of the model came from the checkpoint and nothing was left over
        unexplained."""
        return not (self.missing or self.unexpected or self.mismatched or self.initialised)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts and lists, ready for JSON."""
        plain = asdict(self)
        plain["mismatched"] = {
            name: {"expected": list(expected), "found": list(found)}
            for name, (expected, found) in self.mismatched.items()
        }
        return plain

    def __str__(self) -> str:
        """One line a kind, however many tensors there are.

        >>> print(LoadReport("tiny", loaded=["a", "b"], initialised=["classifier.weight"]))
        tiny: 2 tensors loaded
          initialised 1: classifier.weight
        """
        lines = [f"{self.source}: {len(self.loaded)} tensors loaded"]
        lines += [f"  renamed {len(self.renamed)}: {_renamings(self.renamed)}"] if self.renamed else []
        lines += (
            [f"  tied {len(self.tied)}: {listed([f'{a} = {b}' for a, b in self.tied.items()], 4)}"] if self.tied else []
        )
        lines += _ignored_lines(self.ignored)
        for kind, names in (
            ("unexpected", self.unexpected),
            ("missing", self.missing),
            ("mismatched", list(self.mismatched)),
            ("initialised", self.initialised),
        ):
            lines += [f"  {kind} {len(names)}: {listed(names, 4)}"] if names else []
        return "\n".join(lines)


def _ignored_lines(ignored: dict[str, str]) -> list[str]:
    """One line a reason."""
    reasons: dict[str, list[str]] = {}
    for name, reason in ignored.items():
        reasons.setdefault(reason, []).append(name)
    return [f"  ignored {len(names)} ({reason}): {listed(names, 4)}" for reason, names in reasons.items()]


def _renamings(renamed: dict[str, str]) -> str:
    """The patterns of renaming with their counts: "LayerNorm.gamma -> LayerNorm.weight (25)"."""
    patterns = Counter(map(_pattern, renamed.items()))
    return listed([f"{pattern} ({count})" for pattern, count in patterns.items()], 4)


def _pattern(pair: tuple[str, str]) -> str:
    """The part in which two dotted names differ: ("a.b.gamma", "x.a.b.weight") -> "b.gamma -> b.weight, +
    x."."""
    old, new = pair[0].split("."), pair[1].split(".")
    prefix = ""
    if len(new) > len(old):
        prefix, new = f"+ {'.'.join(new[: len(new) - len(old)])}.", new[len(new) - len(old) :]
    elif len(old) > len(new):
        prefix, old = f"- {'.'.join(old[: len(old) - len(new)])}.", old[len(old) - len(new) :]
    if old == new:
        return prefix
    ending = f"{'.'.join(old[-2:])} -> {'.'.join(new[-2:])}"
    return f"{ending}, {prefix}" if prefix else ending
