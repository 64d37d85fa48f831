"""A card as text, as wide as the terminal."""

from itertools import groupby
from typing import Any

from minibert.commands.layout import aligned, size_text


def card_text(card: dict[str, Any], width: int = 80) -> str:
    """The card in sections of aligned lines, none wider than `width` where words can be broken."""
    made = ", ".join(card["tasks"])
    head = [("class", card["class"]), ("tasks", made)]
    head += [("folder", card["folder"])] if card["folder"] != card["name"] else []
    if card["labels"]:
        head.append(("labels", f"{len(card['labels'])}: {', '.join(card['labels'])}"))
    sections = [
        (card["name"], head),
        ("configuration (* differs from the default, which follows)", _config_rows(card["config"])),
        (f"parameters: {card['parameters']['total']:,}", _parameter_rows(card["parameters"])),
        ("memory", _memory_rows(card["memory"])),
        ("weights", _weight_rows(card["weights"])),
        ("tokenizer", _tokenizer_rows(card["tokenizer"])),
        ("semantics: what a port must do the same", list(card["semantics"].items())),
    ]
    return "\n\n".join("\n".join([title, *aligned(rows, width)]) for title, rows in sections)


def _config_rows(fields: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    rows = []
    for name, field in fields.items():
        value = field["value"]
        if "default" in field:
            rows.append(
                (f"* {name}", f"{value}  ({'no such field' if field['default'] is None else field['default']})")
            )
        else:
            rows.append((f"  {name}", str(value)))
    return rows


def _parameter_rows(parameters: dict[str, Any]) -> list[tuple[str, str]]:
    """A line a part; layers that follow each other with the same size share one."""
    total = max(parameters["total"], 1)
    named = [(entry["part"], entry["parameters"]) for entry in parameters["parts"]]
    shown: list[tuple[str, int, int]] = []  # part, parameters, of how many layers
    for (is_layer, size), group in groupby(named, key=lambda each: (each[0].startswith("encoder.layer."), each[1])):
        members = list(group)
        if is_layer and len(members) > 1:
            first, last = members[0][0], members[-1][0].rsplit(".", 1)[1]
            shown.append((f"{first} to {last}", size * len(members), len(members)))
        else:
            shown += [(part, size, 1) for part, size in members]
    digits = max(len(f"{size:,}") for _, size, _ in shown)
    rows = []
    for part, size, count in shown:
        each = f"  {count} x {size // count:,}" if count > 1 else ""
        rows.append((part, f"{size:>{digits},}  {size / total:>6.1%}{each}"))
    rows += [(copy, f"tied to {source}, not counted again") for copy, source in parameters["tied"].items()]
    return rows


def _memory_rows(memory: dict[str, Any]) -> list[tuple[str, str]]:
    weights = ", ".join(f"{dtype} {size_text(count)}" for dtype, count in memory["weights"].items())
    largest = memory["largest_value"]
    batch = f"{memory['texts']} x {memory['tokens']} tokens"
    return [
        ("weights", weights),
        (f"forward, {batch}", f"at least {size_text(memory['forward_at_least'])} in float32: the weights and the "
         f"largest value, {largest['name']} ({size_text(largest['bytes'])})"),
        (f"full trace, {batch}", f"{size_text(memory['full_trace'])} in float32, besides the weights"),
        (f"training, {batch}", f"at least {size_text(memory['training_at_least'])} in float32: weights, gradients and "
         f"AdamW's two moments {size_text(memory['training_state'])}, kept for backward "
         f"{size_text(memory['kept_for_backward'])}"),
    ]  # fmt: skip


def _weight_rows(weights: dict[str, Any]) -> list[tuple[str, str]]:
    if "files" not in weights:
        return [("none", weights["missing"])]
    rows = [(file["name"], size_text(file["bytes"])) for file in weights["files"]]
    stored = ", ".join(f"{count} {dtype}" for dtype, count in weights["stored_dtypes"].items())
    rows.append(("tensors", f"{weights['tensors']}: {stored}"))
    words = {
        "missing": "the model needs, and the file lacks",
        "mismatched": "of another shape than the configuration says",
        "initialised": "a head that would be drawn at random",
        "ignored": "in the file, and not needed by this class",
        "unexpected": "in the file, and without a place in this class",
        "tied": "stored copies of another tensor",
    }
    for kind, meaning in words.items():
        names = list(weights[kind])
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            rows.append((kind, f"{len(names)} ({meaning}): {', '.join(names[:3])}{more}"))
    return rows


def _tokenizer_rows(tokenizer: dict[str, Any]) -> list[tuple[str, str]]:
    if "missing" in tokenizer:
        return [("none", tokenizer["missing"])]
    specials = ", ".join(
        f"{role.removesuffix('_token')} {token} {id_}" for role, (token, id_) in tokenizer["special_tokens"].items()
    )
    limit = tokenizer["model_max_length"]
    added = f", {tokenizer['added']} of them added" if tokenizer["added"] else ""
    return [
        ("class", tokenizer["class"]),
        ("vocabulary", f"{tokenizer['vocabulary']:,} tokens{added}"),
        ("special tokens", specials),
        ("longest text", f"{limit} tokens" if limit else "not said"),
    ]
