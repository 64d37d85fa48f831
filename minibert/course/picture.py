"""A verdict as a picture for notebooks: the steps as boxes, green up to the first wrong one."""

import html
from collections.abc import Sequence
from typing import Any

# translucent, so that the page's own colours show through: readable on light and on dark
_COLOURS = {
    "right": ("rgba(34,160,80,.22)", "rgb(34,160,80)", "✓"),
    "wrong": ("rgba(220,60,50,.25)", "rgb(220,60,50)", "✗"),
    "not given": ("transparent", "rgba(128,128,128,.6)", "not given"),
    "not reached": ("transparent", "rgba(128,128,128,.6)", ""),
}
_TITLES = ("Where", "What", "The line")


def picture(headline: str, ok: bool, steps: Sequence[Any], sentence: str, hints: Sequence[str]) -> str:
    """HTML of a verdict: a row of boxes with shapes under each, the diagnosis, and the hints folded away."""
    parts = [f"<p style='margin:.2em 0'><b>{'✓' if ok else '✗'} {html.escape(headline)}</b></p>"]
    if steps:
        boxes = "<span style='align-self:center;opacity:.6'>→</span>".join(_box(step) for step in steps)
        parts.append(f"<div style='display:flex;flex-wrap:wrap;gap:.4em;align-items:stretch'>{boxes}</div>")
    if sentence:
        parts.append(f"<p style='margin:.5em 0'>{html.escape(sentence)}</p>")
    parts += [_folded(title, hint) for title, hint in zip(_TITLES, hints, strict=False)]
    return f"<div style='max-width:60em'>{''.join(parts)}</div>"


def _box(step: Any) -> str:
    fill, edge, sign = _COLOURS[step.state]
    shape = html.escape(step.shape)
    if step.shape and step.shape != step.wanted:
        shape = f"<b>{shape}</b><br>not {html.escape(step.wanted)}"
    return (
        f"<div data-state='{step.state}' style='border:1px solid {edge};background:{fill};border-radius:.4em;"
        "padding:.3em .7em;text-align:center;color:inherit'>"
        f"<code style='background:none;color:inherit'>{html.escape(step.name)}</code> {sign}"
        f"<div style='font-size:85%;opacity:.85'>{shape}</div></div>"
    )


def _folded(title: str, hint: str) -> str:
    text = html.escape(hint)
    body = f"<pre style='margin:.3em 0;color:inherit;background:none'>{text}</pre>" if title == "The line" else text
    return f"<details style='margin:.2em 0'><summary>Hint: {title.lower()}</summary>{body}</details>"
