"""Print what is in a pack."""

import argparse
import json
import sys
from fnmatch import fnmatchcase
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert golden show`."""
    parser.add_argument("pack", metavar="PACK", help="a golden pack")
    parser.add_argument("only", nargs="*", metavar="GLOB", help="list just these tensors, with their first numbers")
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")


def run(arguments: argparse.Namespace) -> int:
    """List the tensors, or print the manifest."""
    from minibert import golden

    pack = golden.open_pack(arguments.pack)
    if arguments.json:
        json.dump(pack.manifest, sys.stdout, ensure_ascii=False, indent=1)
        print()
    elif arguments.only:
        for entry in pack.entries.values():
            if any(fnmatchcase(entry.name, glob) for glob in arguments.only):
                print(_entry_line(entry))
                print(f"    {pack[entry.name].reshape(-1)[:6].tolist()}")
    else:
        print("\n".join(_summary(pack)))
    return 0


def _entry_line(entry: Any) -> str:
    noise = "exact" if entry.floor is None else f"noise floor {entry.floor['max_abs']:.2g}"
    formula = f"  = {entry.formula}" if entry.formula else ""
    return f"{entry.name}  {entry.dtype} {list(entry.shape)}  {noise}{formula}"


def _summary(pack: Any) -> list[str]:
    manifest = pack.manifest
    lines = [f"{pack.path.name}: {manifest['model']['class']}, made by {manifest.get('made_by', '?')}"]
    lines += [f"command: {manifest['command']}"]
    case = manifest.get("case")
    if case:
        lines += [f"case {case.get('name')}", f"  detects: {case.get('detects')}", f"  misses: {case.get('misses')}"]
    for text in (manifest.get("text") or {}).get("texts", []):
        lines.append(f"text: {text}")
    lines.append("semantics:")
    lines += [f"  {rule}: {words}" for rule, words in manifest["semantics"].items()]
    lines.append(f"weights: sha256 {manifest['weights']['sha256']}")
    lines.append("versions: " + ", ".join(f"{name} {number}" for name, number in manifest["versions"].items()))
    lines.append(f"{len(pack)} tensors in execution order:")
    return lines + [f"  {_entry_line(entry)}" for entry in pack.entries.values()]
