"""Check this installation: versions, the BLAS library and its threads, backends, environment variables, shipped
models, and small runs of the arithmetic.

Exit codes: 0 the CPU works, 1 something is broken (the lines that begin with FAILED say what)."""

import argparse
import json
from typing import Any

_EXAMPLES = """output:
  Text; with --json one object: {"ok", "versions", "machine", "blas",
  "backends", "environment", "cache", "shipped", "checks", "problems"}.

examples:
  minibert doctor
  minibert doctor --all-packs
  minibert doctor --json > report.json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `minibert doctor`."""
    parser.epilog = _EXAMPLES
    parser.add_argument(
        "--all-packs", action="store_true", help="check every golden pack of the shipped models, not one of each"
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; gives 0 if nothing is broken."""
    report = examine(arguments.all_packs)
    print(json.dumps(report, ensure_ascii=False) if arguments.json else _text(report))
    return 0 if report["ok"] else 1


def examine(every_pack: bool = False) -> dict[str, Any]:
    """The report, as JSON can hold it."""
    from minibert.commands.diagnosis import surroundings

    versions = surroundings.versions()
    missing = [name for name in surroundings.REQUIRED if versions[name] is None]
    problems = [f"{name} is not installed, and minibert needs it: pip install {name}" for name in missing]
    report: dict[str, Any] = {
        "ok": False, "versions": versions, "machine": surroundings.machine(), "backends": surroundings.backends(),
        "environment": surroundings.environment(),
    }  # fmt: skip
    problems += filter(None, [surroundings.namesake_problem(), surroundings.backend_problem()])
    if not missing:
        report |= _run_all(every_pack)
        problems += [f"{each['name']}: {each['detail']}" for each in report["checks"] if not each["ok"]]
    return report | {"problems": problems, "ok": not problems}


def _run_all(every_pack: bool) -> dict[str, Any]:
    from minibert.commands.diagnosis.blas import blas_libraries, product_speed
    from minibert.commands.diagnosis.checks import self_checks, shipped_checks
    from minibert.weights import hub_cache, shipped_folder, shipped_names

    libraries, source = blas_libraries()
    cache = hub_cache()
    return {
        "blas": {"libraries": libraries, "source": source, "float32_gflops": round(product_speed(), 1)},
        "cache": {"folder": str(cache), "exists": cache.is_dir()},
        "shipped": [{"name": name, "folder": str(shipped_folder(name))} for name in shipped_names()],
        "checks": self_checks() + shipped_checks(every_pack),
    }


def _text(report: dict[str, Any]) -> str:
    from minibert.commands.layout import aligned, terminal_width

    width = terminal_width()
    sections = ["\n".join([title, *aligned(rows, width)]) for title, rows in _sections(report) if rows]
    sections += (
        ["\n".join(f"FAILED: {each}" for each in report["problems"])]
        if report["problems"]
        else ["Everything that minibert needs on the CPU works."]
    )
    return "\n\n".join(sections)


def _sections(report: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        ("versions", _version_rows(report["versions"])),
        ("machine", [(name, str(value)) for name, value in report["machine"].items()]),
        ("BLAS", _blas_rows(report["blas"]) if "blas" in report else []),
        ("backends", [
            (name, f"usable: {found['device']}" if found["usable"] else f"no: {found['reason']}")
            for name, found in report["backends"].items()
        ]),
        ("environment", _environment_rows(report)),
        ("checks", _check_rows(report) if "checks" in report else []),
    ]  # fmt: skip


def _version_rows(versions: dict[str, str | None]) -> list[tuple[str, str]]:
    from minibert.commands.diagnosis.surroundings import OPTIONAL

    needed = [(name, version or "FAILED: not installed") for name, version in versions.items() if name not in OPTIONAL]
    return needed + [(name, f"{versions[name] or 'not installed'} (for {use})") for name, use in OPTIONAL.items()]


def _environment_rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    values = report["environment"]
    rows = [(name, value) for name, value in values.items() if value is not None]
    rows.append(("not set", ", ".join(name for name, value in values.items() if value is None)))
    if "cache" in report:
        exists = "" if report["cache"]["exists"] else " (does not exist yet)"
        rows.append(("downloads go to", report["cache"]["folder"] + exists))
    return rows


def _check_rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [(each["name"], f"{'ok' if each['ok'] else 'FAILED'}: {each['detail']}") for each in report["checks"]]
    return rows if report["shipped"] else [*rows, ("shipped models", "none are in this installation")]


def _blas_rows(blas: dict[str, Any]) -> list[tuple[str, str]]:
    from minibert.commands.layout import plural

    rows = []
    for library in blas["libraries"]:
        threads = "threads not known" if library["threads"] is None else plural(library["threads"], "thread")
        rows.append((library["name"], ", ".join(filter(None, [library["version"], threads, library["file"]]))))
    rows.append(("speed", f"{blas['float32_gflops']} GFLOP/s in a float32 product of 512 x 512"))
    rows.append(("found by", blas["source"]))
    return rows
