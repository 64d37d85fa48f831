"""Writes down CuPy's public namespace: what exists, and what each function takes.

The stand-in is built from `namespace.json`, so the tests need no CuPy; where CuPy is installed a test compares the
stored file with what this script finds. CuPy imports and can be inspected without a GPU.

    python -m tests.strict_cupy.record_namespace
"""

import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

STORED = Path(__file__).with_name("namespace.json")

MODULES = (
    "cupy", "cupy.cuda", "cupy.cuda.compiler", "cupy.cuda.memory", "cupy.cuda.runtime", "cupy.exceptions",
    "cupy.linalg", "cupyx", "cupyx.scipy.special",
)  # fmt: skip
CLASSES = {
    "cupy": ("ElementwiseKernel", "RawKernel", "RawModule", "ReductionKernel", "ndarray"),
    "cupy.cuda": ("Device", "Event", "MemoryPool", "MemoryPointer", "PinnedMemoryPool", "Stream"),
}
UFUNC_METHODS = ("accumulate", "at", "outer", "reduce", "reduceat")


def namespace() -> dict[str, Any]:
    """The namespace of the installed CuPy."""
    cupy = importlib.import_module("cupy")
    found: dict[str, Any] = {"version": cupy.__version__, "modules": {}, "classes": {}}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        found["modules"][module_name] = {
            name: described(getattr(module, name)) for name in sorted(dir(module)) if not name.startswith("_")
        }
        for name in CLASSES.get(module_name, ()):
            found["classes"][f"{module_name}.{name}"] = class_described(getattr(module, name))
    return found


def described(value: Any) -> dict[str, Any]:
    """What one public name is, and what it takes if it can be called."""
    kind = type(value).__name__
    if kind == "ufunc":
        return {
            "kind": "ufunc",
            "inputs": value.nin,
            "outputs": value.nout,
            "types": list(value.types),
            "methods": [name for name in UFUNC_METHODS if has_method(value, name)],
        }
    if isinstance(value, type):
        return {"kind": "class", "parameters": None}
    if callable(value):
        return {"kind": "function", "parameters": parameters(value)}
    if inspect.ismodule(value):
        return {"kind": "module"}
    return {"kind": "value"}


def has_method(ufunc: Any, name: str) -> bool:
    """Whether `cupy.add.reduceat` and its like do anything: all ufuncs have them, most refuse to work."""
    try:
        getattr(ufunc, name)(None, None)
    except NotImplementedError:
        return False
    except Exception:
        return True
    return True


def class_described(cls: type) -> dict[str, Any]:
    """The attributes of a class; special methods that every object has are left out."""
    inherited = set(dir(object)) - {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"}
    names = [name for name in sorted(dir(cls)) if name not in inherited]
    attributes: dict[str, Any] = {}
    for name in names:
        if name.startswith("_") and (cls.__name__ != "ndarray" or not name.startswith("__") or "pyx" in name):
            continue
        value = getattr(cls, name)
        attributes[name] = {"kind": "method", "parameters": parameters(value)} if callable(value) else {"kind": "value"}
    return attributes


def parameters(function: Any) -> str | None:
    """What a function takes, "a, axis=, *, out=": an equals sign where it may be left out; None if nobody says.

    Compiled functions say it in the first line of their docstring.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return from_docstring(function)
    found: list[str] = []
    for name, parameter in signature.parameters.items():
        if name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not any(each.startswith("*") for each in found):
            found.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        found.append(stars + name + ("" if parameter.default is parameter.empty else "="))
    return ", ".join(found)


def from_docstring(function: Any) -> str | None:
    """As `parameters`, from "_ndarray_base.sum(self, axis=None, int n=0) -> ..."; None if that says nothing."""
    first = (getattr(function, "__doc__", None) or "").strip().partition("\n")[0]
    match = re.match(r"[\w.]+\((.*)\)", first)
    if match is None:
        return None
    found = []
    for part in re.split(r",\s*(?![^()]*\))", match.group(1)):
        name, equals, _ = part.partition("=")
        if name.strip() not in ("", "self", "/"):
            found.append(name.split()[-1] + equals)
    return ", ".join(found)


def as_text(found: dict[str, Any]) -> str:
    """JSON with one public name on a line."""
    lines = ["{", f' "version": {json.dumps(found["version"])},']
    for part in ("modules", "classes"):
        lines.append(f' "{part}": {{')
        for i, (group, names) in enumerate(found[part].items()):
            lines.append(f"  {json.dumps(group)}: {{")
            entries = [f"   {json.dumps(name)}: {json.dumps(entry)}" for name, entry in names.items()]
            lines.append(",\n".join(entries))
            lines.append("  }" + ("," if i + 1 < len(found[part]) else ""))
        lines.append(" }" + ("," if part == "modules" else ""))
    return "\n".join([*lines, "}"]) + "\n"


if __name__ == "__main__":
    STORED.write_text(as_text(namespace()), encoding="utf-8")
