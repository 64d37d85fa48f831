"""A model's miniature: the same class and the same parts, but tiny. Running it tells what a run would record."""

from typing import Any

import numpy as np

from minibert.trace import Trace

_TOKENS = 2


def run_miniature(model: Any, options: dict[str, Any]) -> Trace:
    """The trace of one call of the miniature; for the options see `PreTrainedModel.trace_points`."""
    options = dict(options)
    miniature = _miniature_of(model)
    if options.pop("training", model.training):
        miniature.train(0)
    trace = Trace()
    miniature(**_inputs(miniature, options), trace=trace)
    return trace


def _miniature_of(model: Any) -> Any:
    fields = model.config.to_dict()
    heads = model.config.num_attention_heads
    first_free = (fields.get("pad_token_id") or 0) + 1
    fields.update(
        hidden_size=2 * heads,
        intermediate_size=2,
        vocab_size=first_free + 1,
        type_vocab_size=2,
        max_position_embeddings=first_free + 2 * _TOKENS,
    )
    for name in ("input_embedding_size", "output_embedding_size"):
        if name in fields:
            fields[name] = 2
    options = {"add_pooling_layer": model.add_pooling_layer} if hasattr(model, "add_pooling_layer") else {}
    return type(model)(type(model.config).from_dict(fields), backend="numpy", **options)


def _inputs(miniature: Any, options: dict[str, Any]) -> dict[str, Any]:
    config = miniature.config
    shape = (1, 1, _TOKENS) if miniature.reads_choices else (1, _TOKENS)
    width = getattr(config, "input_embedding_size", config.hidden_size)
    free = (config.pad_token_id or 0) + 1
    examples: dict[str, Any] = {
        "attention_mask": np.ones(shape),
        "token_type_ids": np.zeros(shape, dtype=int),
        "position_ids": np.full(shape, free),
        "head_mask": np.ones(config.num_attention_heads),
        "encoder_hidden_states": np.zeros((1, _TOKENS, config.hidden_size)),
        "encoder_attention_mask": np.ones((1, _TOKENS)),
        "next_sentence_label": [0],
        **miniature.example_labels(config, np.full(shape, free)),
    }
    given = {} if options.pop("inputs_embeds", False) else {"input_ids": np.full(shape, free)}
    if not given:
        given["inputs_embeds"] = np.zeros((*shape, width))
    for name, wanted in options.items():
        if wanted is True and name in examples:
            given[name] = examples[name]
        elif wanted not in (None, False) or name in ("use_cache", "return_dict"):
            given[name] = wanted
    return given
