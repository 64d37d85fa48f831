"""Answers as lines of a table."""

from typing import Any

# task -> the columns that are printed; "span" is start and end
COLUMNS = {
    "fill-mask": ("score", "token_str", "sequence"),
    "text-classification": ("score", "label"),
    "token-classification": ("score", "entity", "span", "word"),
    "question-answering": ("score", "span", "answer"),
    "next-sentence-prediction": ("score", "label"),
    "multiple-choice": ("score", "choice"),
    "text-generation": ("generated_text",),
}


def table_lines(task: str, output: Any) -> list[str]:
    """An answer as lines of a table, the several masks of a text one after the other."""
    if isinstance(output, list) and output and isinstance(output[0], list):
        lines = []
        for i, part in enumerate(output):
            lines += [f"mask {i + 1}:", *table_lines(task, part)]
        return lines
    rows = [output] if isinstance(output, dict) else output
    if not rows:
        return ["(nothing found)"]
    cells = [[_cell(row, name) for name in COLUMNS[task]] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cell(row: dict[str, Any], name: str) -> str:
    if name == "span":
        return f"{row['start']}-{row['end']}"
    if name == "entity":
        return row.get("entity_group", row.get("entity", ""))
    value = row[name]
    return f"{value:.4f}" if isinstance(value, float) else str(value)
