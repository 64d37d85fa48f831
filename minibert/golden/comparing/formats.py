"""Results as text for people, JSON for programs, Markdown for a pull request, JUnit XML for a build server."""

import json
import math
from typing import Any
from xml.etree import ElementTree

from minibert.golden.comparing.results import EXTRA, MISSING, OK, Results, TensorResult
from minibert.golden.errors import GoldenError
from minibert.golden.metrics import Difference

FORMATS = ("text", "json", "markdown", "junit")
_MOST_ROWS = 12


def write(results: Results, form: str) -> str:
    """The results in one of `FORMATS`; raises GoldenError for another."""
    writers = {"text": as_text, "json": as_json, "markdown": as_markdown, "junit": as_junit}
    if form not in writers:
        raise GoldenError(f"format {form!r} is not known: choose one of {', '.join(FORMATS)}.")
    return writers[form](results)


def headline(results: Results) -> str:
    """The verdict on the whole, in one line."""
    within = sum(row.verdict == OK for row in results.rows)
    words = f"{within} of {results.compared} tensors within {results.multiple:g} x their noise floor"
    for verdict, what in ((MISSING, "missing"), (EXTRA, "extra")):
        count = sum(row.verdict == verdict for row in results.rows)
        words += f", {count} {what}" if count else ""
    return f"{'OK' if results.ok else 'DIFFERS'}: {words} ({results.other} against {results.golden}, {results.mode})"


def as_text(results: Results) -> str:
    """For people: the verdict, the first divergence, then every tensor that differs."""
    lines = [headline(results)]
    first = results.first
    if first is not None:
        lines += ["", "first divergence:" if results.mode == "propagated" else "first step that differs:"]
        lines += [f"  {line}" for line in _described(first)]
    lines += [f"note: {note}" for note in results.notes]
    failures = [row for row in results.failures if row is not first]
    if failures:
        lines += ["", f"{'after it' if results.mode == 'propagated' else 'also'}, {len(failures)}:"]
        lines += [f"  {row.name}: {_short(row)}" for row in failures[:_MOST_ROWS]]
        if len(failures) > _MOST_ROWS:
            lines.append(f"  ... and {len(failures) - _MOST_ROWS} more")
    return "\n".join(lines)


def _described(row: TensorResult) -> list[str]:
    lines = [row.name]
    if row.formula:
        lines.append(f"= {row.formula}")
    lines.append(_short(row))
    d = row.difference
    if d is not None:
        lines.append(f"golden {_number(d.golden)}, other {_number(d.other)} at {list(d.worst)}")
        lines.append(
            f"rms {_number(d.rms)}, relative {_number(d.max_rel)}, {_number(d.ulp)} ulp, cosine {d.cosine:.9g}, "
            f"normalised mean square {_number(d.nmse)}"
        )
    if row.diagnosis:
        lines.append(f"diagnosis: {row.diagnosis}")
    return lines


def _short(row: TensorResult) -> str:
    if row.difference is None:
        words = row.verdict + (f": {row.detail}" if row.detail else "")
    else:
        over = row.difference.max_abs / row.floor if row.floor else math.inf
        times = f", {_number(over)} noise floors" if math.isfinite(over) else ""
        unlike = f"{_unlike(row.difference)}; elsewhere " if row.difference.hidden else ""
        off = f"off by {_number(row.difference.max_abs)}{times}, {_number(row.tolerance)} allowed"
        words = f"{row.verdict}: {unlike}{off}"
        if row.tolerance is not None and row.difference.max_abs <= row.tolerance and row.rms_tolerance:
            words += f"; rms {_number(row.difference.rms)}, {_number(row.rms_tolerance)} allowed"
    return words


def _unlike(found: Difference) -> str:
    """Numbers that only one side has hidden, or that are NaN or infinite on one side only."""
    kind = next((each for each in (found.other, found.golden) if not math.isfinite(each)), None)
    what = "hidden" if kind is None else "NaN" if math.isnan(kind) else "infinite"
    return f"{found.hidden} {'number is' if found.hidden == 1 else 'numbers are'} {what} on one side only"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"


def as_json(results: Results) -> str:
    """For programs; infinite and undefined numbers are text."""
    return json.dumps(_finite(results.to_dict()), ensure_ascii=False, indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def as_markdown(results: Results) -> str:
    """For a pull request: the verdict, the first divergence, a table of what differs."""
    lines = [f"**{headline(results)}**"]
    first = results.first
    if first is not None:
        lines += ["", f"First divergence: `{first.name}`" + (f" = {first.formula}" if first.formula else "")]
        if first.diagnosis:
            lines += ["", f"> {first.diagnosis}"]
    if results.notes:
        lines += ["", *(f"- {note}" for note in results.notes)]
    failures = results.failures
    if failures:
        lines += ["", "| tensor | verdict | max abs | allowed | cosine | worst at |", "|---|---|---|---|---|---|"]
        lines += [_markdown_row(row) for row in failures[:_MOST_ROWS]]
        if len(failures) > _MOST_ROWS:
            lines.append(f"\n... and {len(failures) - _MOST_ROWS} more.")
    return "\n".join(lines)


def _markdown_row(row: TensorResult) -> str:
    d = row.difference
    if d is None:
        cells = ["", "", "", row.detail.replace("|", "\\|")]
    else:
        cells = [_number(d.max_abs), _number(row.tolerance), f"{d.cosine:.6g}", str(list(d.worst))]
    return f"| `{row.name}` | {row.verdict} | " + " | ".join(cells) + " |"


def as_junit(results: Results) -> str:
    """For a build server: one test case a tensor."""
    skipped = [row for row in results.rows if row.ok and row.verdict != OK]
    suite = ElementTree.Element(
        "testsuite",
        name=f"{results.other} against {results.golden}",
        tests=str(len(results.rows)),
        failures=str(len(results.failures)),
        errors="0",
        skipped=str(len(skipped)),
    )
    for row in results.rows:
        case = ElementTree.SubElement(suite, "testcase", classname=row.kind or "extra", name=row.name)
        if not row.ok:
            failure = ElementTree.SubElement(case, "failure", message=_short(row), type=row.verdict)
            failure.text = "\n".join(_described(row))
        elif row.verdict != OK:
            ElementTree.SubElement(case, "skipped", message=row.verdict)
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode")
