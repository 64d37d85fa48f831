"""Groups of parameters, each with its own learning rate, weight decay and the like, in PyTorch's manner."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from minibert.errors import InputError

Names = Iterable[str] | Callable[[str], bool]  # names and globs, or a function of the name
Group = dict[str, Any]  # "params", a list of names, and the numbers of an optimiser


def is_not_decayed(name: str) -> bool:
    """The usual rule: biases and the weights of LayerNorm are not decayed (Devlin et al. 2018, their optimiser).

    >>> [is_not_decayed(n) for n in ("pooler.dense.weight", "pooler.dense.bias", "embeddings.LayerNorm.weight")]
    [False, True, True]
    """
    parts = name.split(".")
    return parts[-1] == "bias" or any(part.lower().replace("_", "") == "layernorm" for part in parts)


def choose_names(what: str, names: Names, known: Iterable[str]) -> list[str]:
    """The known names that a function or a list of names and globs chooses, in their order.

    >>> choose_names("params", ["*.bias", "a.weight"], ["a.weight", "b.weight", "b.bias"])
    ['a.weight', 'b.bias']

    Raises:
        InputError: a name or glob fits none; `what` says whose it is.
    """
    known = list(known)
    if callable(names):
        return [name for name in known if names(name)]
    patterns = [names] if isinstance(names, str) else list(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in known):
            raise InputError(f"{what} has {pattern!r}, which fits no parameter of the model.")
    return [name for name in known if any(fnmatchcase(name, pattern) for pattern in patterns)]


def usual_groups(
    known: Iterable[str], defaults: Mapping[str, Any], no_decay: Names | None, params: Names | None
) -> list[Group]:
    """One group with the weight decay and one without, the empty ones left out.

    Args:
        no_decay: which names have no weight decay; None is `is_not_decayed`.
        params: which names to train; None is all.

    Raises:
        InputError: nothing is left to train, or a name fits nothing.
    """
    known = list(known)
    chosen = known if params is None else choose_names("params", params, known)
    if not chosen:
        raise InputError("params chooses no parameter: there is nothing to train.")
    exempt = set(choose_names("no_decay", is_not_decayed if no_decay is None else no_decay, known))
    decayed = [name for name in chosen if name not in exempt]
    rest = [name for name in chosen if name in exempt]
    groups = [{**defaults, "params": decayed}, {**defaults, "weight_decay": 0.0, "params": rest}]
    return [group for group in groups if group["params"]]


def own_groups(known: Iterable[str], defaults: Mapping[str, Any], groups: Iterable[Mapping[str, Any]]) -> list[Group]:
    """Groups as a user gave them, names written out and defaults filled in.

    Raises:
        InputError: a group has no 'params' or an unknown number, a name is in two groups, or none is in any.
    """
    known = list(known)
    made: list[Group] = []
    group_of: dict[str, int] = {}
    for i, group in enumerate(groups):
        unknown = sorted(set(group) - set(defaults) - {"params"})
        if unknown or "params" not in group:
            wrong = f"an unknown {unknown[0]!r}" if unknown else "no 'params'"
            raise InputError(f"groups[{i}] has {wrong}: it takes params, {', '.join(defaults)}.")
        names = choose_names(f"groups[{i}]['params']", group["params"], known)
        twice = next((name for name in names if name in group_of), None)
        if twice is not None:
            raise InputError(f"{twice} is in groups[{group_of[twice]}] and in groups[{i}]: one group each.")
        group_of.update(dict.fromkeys(names, i))
        made.append({**defaults, **group, "params": names})
    if not group_of:
        raise InputError("groups names no parameter: there is nothing to train.")
    return made
