"""The one error for a checkpoint that does not fit a model: what is missing, what has another shape, and why.

The reason is guessed from where the shapes differ: each axis of each weight is set by one field of the
configuration.
"""

import re
from collections.abc import Collection, Mapping

from minibert.messages import listed

Shape = tuple[int, ...]

_SHOWN = 12  # tensors named one by one; beyond that, layers that differ alike share a line

# the end of a weight's name -> the configuration fields that set its axes; the first that fits counts.
# "narrow" and "wide" are the input and output embedding widths, hidden_size except in RemBERT.
_AXES: list[tuple[str, tuple[str, ...]]] = [
    (r"word_embeddings\.weight", ("vocab_size", "narrow")),
    (r"position_embeddings\.weight", ("max_position_embeddings", "narrow")),
    (r"token_type_embeddings\.weight", ("type_vocab_size", "narrow")),
    (r"embeddings\.LayerNorm\.(weight|bias)", ("narrow",)),
    (r"embedding_hidden_mapping_in\.weight", ("hidden_size", "narrow")),
    (r"distance_embedding\.weight", ("max_position_embeddings", "hidden_size / num_attention_heads")),
    (r"intermediate\.dense\.(weight|bias)", ("intermediate_size", "hidden_size")),
    (r"layer\.\d+\.output\.dense\.weight", ("hidden_size", "intermediate_size")),
    (
        r"classifier\.(weight|bias)|out_proj\.(weight|bias)|qa_outputs\.(weight|bias)",
        ("num_labels", "hidden_size"),
    ),
    (r"decoder\.(weight|bias)|cls\.predictions\.bias|lm_head\.bias", ("vocab_size", "wide")),
    (r"cls\.predictions\.(dense|LayerNorm)\.(weight|bias)", ("wide", "hidden_size")),
    (r".*", ("hidden_size", "hidden_size")),
]
_WIDTHS = {
    "rembert": {"narrow": "input_embedding_size", "wide": "output_embedding_size"},
}


def describe_misfit(
    source: str,
    missing: Collection[str],
    mismatched: Mapping[str, tuple[Shape, Shape]],
    *,
    checkpoint_names: Collection[str],
    base_prefix: str,
) -> str:
    """The text of the error. `mismatched` is {name: (expected by the model, found in the checkpoint)}."""
    parts = []
    if missing:
        parts.append(
            f"{source} lacks {_count(missing, 'weight')} of the model: {listed(missing, _SHOWN)}. "
            f"{_why_missing(missing, checkpoint_names, base_prefix)}"
        )
    if mismatched:
        lines = "".join(f"\n  {line}" for line in _shape_lines(mismatched))
        verb = "has" if len(mismatched) == 1 else "have"
        parts.append(
            f"{source} does not fit the model: {_count(mismatched, 'tensor')} {verb} another shape."
            f"{lines}\n{_why_misshapen(mismatched, base_prefix)}"
        )
    return "\n".join(parts)


def _count(items: Collection[object], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"


def _why_missing(missing: Collection[str], checkpoint_names: Collection[str], base_prefix: str) -> str:
    others = {name.split(".")[0] for name in checkpoint_names} & {"bert", "roberta", "rembert"} - {base_prefix}
    if others:
        return f"Its names begin with {min(others)!r}: it is a checkpoint of another family."
    if wrapped := _wrapping(missing, checkpoint_names):
        return f"It has them with {wrapped!r} in front: rename its tensors without that prefix."
    layers_here, layers_there = _layers(missing), _layers(checkpoint_names)
    if layers_there and layers_here and min(layers_here) > max(layers_there):
        return f"It has {len(layers_there)} layers: pass num_hidden_layers={len(layers_there)}."
    if any(name.endswith("decoder.weight") for name in missing):
        return "It was probably saved with tied output embeddings: pass tie_word_embeddings=True."
    return "It is damaged, or a checkpoint of another kind of model."


def _wrapping(missing: Collection[str], checkpoint_names: Collection[str]) -> str:
    """The prefix "module." if the checkpoint has a missing name behind that prefix, "" otherwise."""
    first = next(iter(missing))
    for name in checkpoint_names:
        if name.endswith("." + first):
            return name.removesuffix(first)
    return ""


def _layers(names: Collection[str]) -> set[int]:
    return {int(match[1]) for name in names if (match := re.search(r"encoder\.layer\.(\d{1,6})\.", name))}


def _shape_lines(mismatched: Mapping[str, tuple[Shape, Shape]]) -> list[str]:
    if len(mismatched) <= _SHOWN:
        return [f"{name}: expected {expected}, found {found}" for name, (expected, found) in mismatched.items()]
    groups: dict[tuple[str, Shape, Shape], list[int]] = {}
    for name, (expected, found) in mismatched.items():
        match = re.search(r"(?<=\.layer\.)\d+", name)
        pattern = name[: match.start()] + "{}" + name[match.end() :] if match else name
        groups.setdefault((pattern, expected, found), []).append(int(match[0]) if match else 0)
    return [
        f"{pattern.replace('{}', _numbers(layers))}: expected {expected}, found {found}"
        for (pattern, expected, found), layers in groups.items()
    ]


def _numbers(layers: list[int]) -> str:
    """[0, 1, 2, 5] -> "{0,1,2,5}", as a shell would read it."""
    return str(layers[0]) if len(layers) == 1 else "{" + ",".join(map(str, sorted(layers))) + "}"


def _why_misshapen(mismatched: Mapping[str, tuple[Shape, Shape]], base_prefix: str) -> str:
    """The fields of the configuration that differ, each once, and what to pass."""
    causes: dict[str, str] = {}
    for name, (expected, found) in mismatched.items():
        for field, here, there in _differing_fields(name, expected, found, base_prefix):
            causes.setdefault(field, f"{field} is {here} in the model and {there} in the checkpoint")
    if set(causes) == {"transposed"}:
        return "They are transposed: the checkpoint stores (in, out), as TensorFlow and Flax do."
    if not causes:
        return "The checkpoint is of another kind of model."
    advice = "Use the config.json that belongs to the checkpoint"
    if "num_labels" in causes:
        advice = "Pass the checkpoint's num_labels, or ignore_mismatched_sizes=True to begin that head anew"
    return f"Probably {'; '.join(cause for field, cause in causes.items() if field != 'transposed')}. {advice}."


def _differing_fields(name: str, expected: Shape, found: Shape, base_prefix: str) -> list[tuple[str, int, int]]:
    if len(expected) != len(found):
        return []
    if found == expected[::-1]:
        return [("transposed", 0, 0)]
    fields = next(fields for pattern, fields in _AXES if re.search(f"(?:^|\\.)(?:{pattern})$", name))
    widths = _WIDTHS.get(base_prefix, {"narrow": "hidden_size", "wide": "hidden_size"})
    return [
        (widths.get(field, field), here, there)
        for field, here, there in zip(fields, expected, found, strict=False)
        if here != there
    ]
