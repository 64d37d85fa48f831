"""Everything a card says, as one dictionary that JSON can hold. Only configuration, headers and vocabulary are read."""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from minibert.commands.card.memory import ADAMW_COPIES, kept_bytes, parameter_bytes
from minibert.commands.card.semantics import semantics, template_text
from minibert.errors import InputError, MinibertError
from minibert.models.auto import AutoConfig, class_of_checkpoint
from minibert.models.config import CONFIG_FILE
from minibert.pipelines.tasks import tasks_of
from minibert.weights import find_checkpoint, open_checkpoint, plan_loading
from minibert.weights.names import head_of
from minibert.weights.shards import INDEX_FILE, SINGLE_FILE

_NOT_SHOWN = ("architectures", "id2label", "label2id", "torch_dtype", "dtype", "transformers_version", "_name_or_path")


def gather_card(name: str, texts: int = 1, tokens: int | None = None) -> dict[str, Any]:
    """The card of a checkpoint.

    Args:
        name: a folder or a name; a folder with a config.json alone has a card too.
        texts, tokens: what the memory of a pass is counted for; by default 128 tokens, or as many as there are
            positions.

    Raises:
        InputError: the model has fewer positions than `tokens`.
        ConfigError, WeightFileError: config.json is missing or damaged; the weights are there, but damaged.
    """
    folder = find_checkpoint(name, needs=[CONFIG_FILE])
    config = AutoConfig.from_pretrained(folder)
    if tokens is not None and tokens > positions_of(config):
        raise InputError(f"the model has positions for {positions_of(config)} tokens, not for {tokens}.")
    cls = class_of_checkpoint(folder)
    stored = _open(folder)
    options = _pooling_option(cls, stored)
    model = cls(config, backend="numpy", _new=False, **options)
    tokenizer, lacking = _tokenizer(name)
    return {
        "name": name,
        "folder": str(folder),
        "class": cls.__name__,
        "architectures": getattr(config, "architectures", None),
        "tasks": tasks_of(cls),
        "labels": list(config.id2label.values()) if cls.task in _WITH_NAMED_CLASSES else None,
        "config": _config_fields(config),
        "parameters": _parameters(model),
        "memory": _memory(cls, model, options, texts, tokens or _default_tokens(config)),
        "weights": _weights(model, folder, stored),
        "tokenizer": {"missing": lacking} if tokenizer is None else _tokenizer_summary(tokenizer),
        "semantics": semantics(model, tokenizer),
    }


_WITH_NAMED_CLASSES = ("sequence-classification", "token-classification")


def positions_of(config: Any) -> int:
    """The most tokens that a text may have."""
    return config.max_position_embeddings - (config.pad_token_id + 1 if config.model_type == "roberta" else 0)


def _default_tokens(config: Any) -> int:
    return min(128, positions_of(config))


def _open(folder: Path) -> Any:
    """The checkpoint's weights, or the reason why there are none. Raises WeightFileError where they are damaged."""
    try:
        return open_checkpoint(folder)
    except MinibertError as reason:
        if any((folder / name).exists() for name in (SINGLE_FILE, INDEX_FILE)):
            raise
        return str(reason)


def _pooling_option(cls: Any, stored: Any) -> dict[str, Any]:
    """A bare encoder is taken without a pooler where its file has none."""
    if cls.task == "encoder" and not isinstance(stored, str) and not any("pooler." in name for name in stored):
        return {"add_pooling_layer": False}
    return {}


# the parts of a card


def _config_fields(config: Any) -> dict[str, dict[str, Any]]:
    """field -> its value, and the default where the two differ."""
    own, usual = config.to_dict(), type(config)().to_dict()
    saved = json.loads(config.to_json_string())  # leaves out common fields that are the default
    fields: dict[str, dict[str, Any]] = {}
    for name, value in own.items():
        if name in _NOT_SHOWN or name not in saved or (name not in usual and value is None):
            continue
        fields[name] = {"value": value}
        if name not in usual:
            fields[name]["default"] = None
        elif usual[name] != value:
            fields[name]["default"] = usual[name]
    return fields


def _parameters(model: Any) -> dict[str, Any]:
    """How many numbers each part holds; a tied weight counts once, where its own name is."""
    sizes: Counter[str] = Counter()
    for name, shape in model.parameters.shapes.items():
        sizes[_part(name, model.base_model_prefix)] += math.prod(shape)
    total = sum(sizes.values())
    return {
        "total": total,
        "parts": [{"part": part, "parameters": size} for part, size in sizes.items()],
        "tied": dict(model.parameters.tied),
    }


def _part(name: str, prefix: str) -> str:
    inside = name.removeprefix(f"{prefix}.").split(".")
    if inside[:2] == ["encoder", "layer"]:
        return f"encoder.layer.{inside[2]}"
    if inside[0] == "embeddings":
        return ".".join(inside[:2])
    return head_of(name, prefix) or inside[0] + ("." + inside[1] if inside[0] == "encoder" else "")


def _memory(cls: Any, model: Any, options: dict[str, Any], texts: int, tokens: int) -> dict[str, Any]:
    count = model.num_parameters()
    weights = parameter_bytes(count)
    kept = kept_bytes(cls, model.config, texts, tokens, options)
    largest, size = _largest_value(model, texts, tokens)
    state = ADAMW_COPIES * weights["float32"]
    return {
        "weights": weights,
        "texts": texts,
        "tokens": tokens,
        "largest_value": {"name": largest, "bytes": size},
        "forward_at_least": weights["float32"] + size,
        "training_state": state,
        "kept_for_backward": kept.backward,
        "training_at_least": state + kept.backward,
        "full_trace": kept.trace,
    }


def _largest_value(model: Any, texts: int, tokens: int) -> tuple[str, int]:
    """The largest intermediate of a float32 pass, and its bytes."""
    config = model.config
    sizes = {
        "B": texts, "T": tokens, "S": tokens, "D": config.hidden_size, "N": config.num_attention_heads,
        "K": config.hidden_size // config.num_attention_heads, "F": config.intermediate_size,
        "V": config.vocab_size, "C": config.num_labels, "choices": 2, "1": 1,
        "E": getattr(config, "input_embedding_size", 0), "O": getattr(config, "output_embedding_size", 0),
    }  # fmt: skip
    counts = {point.name: math.prod(sizes[each] for each in point.shape.split()) for point in model.trace_points()}
    largest = max(counts, key=lambda name: counts[name])
    return largest, 4 * counts[largest]


def _weights(model: Any, folder: Path, stored: Any) -> dict[str, Any]:
    """The files, and whether they hold what the model needs."""
    if isinstance(stored, str):
        return {"missing": stored}
    plan = plan_loading(
        model.parameters.shapes, stored.shapes, model.parameters.tied, model.base_model_prefix, source=str(folder)
    )
    report = plan.report.to_dict()
    dtypes = Counter(stored.stored_dtype(name) for name in stored)
    return {
        "files": [{"name": file.path.name, "bytes": file.path.stat().st_size} for file in stored.files],
        "tensors": len(stored),
        "stored_dtypes": dict(dtypes),
        **{kind: report[kind] for kind in ("missing", "mismatched", "initialised", "ignored", "unexpected", "tied")},
    }


def _tokenizer(name: str) -> tuple[Any, str]:
    from minibert.tokenizers.auto import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name), ""
    except MinibertError as reason:
        return None, str(reason)


def _tokenizer_summary(tokenizer: Any) -> dict[str, Any]:
    limit = tokenizer.model_max_length
    return {
        "class": type(tokenizer).__name__,
        "vocabulary": len(tokenizer),
        "added": len(tokenizer) - len(tokenizer.vocab),
        "special_tokens": {role: [token, getattr(tokenizer, f"{role}_id")] for role, token in _roles(tokenizer)},
        "template": template_text(tokenizer),
        "model_max_length": int(limit) if limit < 10**9 else None,
        "padding_side": tokenizer.padding_side,
    }


def _roles(tokenizer: Any) -> list[tuple[str, str]]:
    return [(role, token) for role, token in tokenizer.special_tokens_map.items() if isinstance(token, str)]
