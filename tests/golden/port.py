"""A port of BERT for masked tokens, as somebody might write it in another language, with switches for mistakes.

It shares no code with minibert: plain NumPy in float32, another order of summation everywhere, and one `if` a mistake.
Its values go by golden names.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
LEAST = float(np.finfo(np.float32).min)


def total(x: np.ndarray) -> np.ndarray:
    """(..., D) -> (..., 1), summed from the end and one number at a time."""
    y = np.zeros_like(x[..., 0])
    for i in reversed(range(x.shape[-1])):
        y = y + x[..., i]
    return y[..., None]


class Port:
    """BertForMaskedLM from its weights; `fault` names the one mistake it makes, "" for none."""

    def __init__(self, weights: Mapping[str, Any], config: Any, fault: str = "", layer: int = 0) -> None:
        self.w = {name: np.asarray(array, np.float32) for name, array in weights.items()}
        self.config, self.fault, self.faulty_layer = config, fault, layer
        self.out: Arrays = {}
        self.rng = np.random.default_rng(7)

    def has(self, fault: str, layer: int | None = None) -> bool:
        return self.fault == fault and layer in (None, self.faulty_layer)

    def linear(self, x: np.ndarray, name: str, fault: str = "", layer: int | None = None) -> np.ndarray:
        weight, bias = self.w[f"{name}.weight"], self.w[f"{name}.bias"]
        if self.has(f"{fault} weight transposed", layer):
            weight = weight.T
        half = x.shape[-1] // 2  # the products are added up in two halves, the second first
        y = x[..., half:] @ weight[:, half:].T + x[..., :half] @ weight[:, :half].T
        return y if self.has(f"{fault} bias missing", layer) else y + bias

    def norm(self, x: np.ndarray, name: str, fault: str = "", layer: int | None = None) -> np.ndarray:
        gamma, beta, width = self.w[f"{name}.weight"], self.w[f"{name}.bias"], x.shape[-1]
        eps = 1e-3 if self.has(f"{fault} epsilon", layer) else self.config.layer_norm_eps
        centred = x - total(x) / width
        if self.has(f"{fault} mean kept", layer):
            centred = x
        if self.has(f"{fault} over the batch", layer):
            return ((x - x.mean()) / np.sqrt(x.var() + eps) * gamma + beta).astype(np.float32)
        if self.has(f"{fault} variance of the mean kept", layer):
            return (x / np.sqrt(total(centred * centred) / width) * gamma + beta).astype(np.float32)
        if self.has(f"{fault} epsilon outside", layer):
            return (centred / (np.sqrt(total(centred * centred) / width) + 1e-4) * gamma + beta).astype(np.float32)
        over = width - 1 if self.has(f"{fault} unbiased variance", layer) else width
        y = centred / np.sqrt(total(centred * centred) / over + np.float32(eps))
        if self.has(f"{fault} affine missing", layer):
            return y
        return (y * gamma + beta).astype(np.float32)

    def dropped(self, x: np.ndarray, fault: str, layer: int | None = None) -> np.ndarray:
        if not self.has(fault, layer):
            return x
        return (x * (self.rng.random(x.shape) >= 0.25) / 0.75).astype(np.float32)

    # the model

    def run(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Arrays:
        ids, mask, types = (np.asarray(each) for each in (input_ids, attention_mask, token_type_ids))
        self.out["input_ids"] = ids
        hidden = self.embeddings(ids, types)
        mask = np.ones_like(mask) if self.has("mask ignored") else mask
        mask = 1 - mask if self.has("mask inverted") else mask
        if self.has("mask hides a token more"):
            mask = np.arange(mask.shape[1]) < mask.sum(axis=1, keepdims=True) - 1
        if self.has("mask hides a token fewer"):
            mask = np.arange(mask.shape[1]) < mask.sum(axis=1, keepdims=True) + 1
        if self.has("mask moved by a token"):
            mask = np.roll(mask, 1, axis=1)
        hide = -10000.0 if self.has("mask value") else LEAST
        added = (np.float32(1.0) - mask[:, None, None, :].astype(np.float32)) * np.float32(hide)
        if self.has("mask added as it is"):
            added = mask[:, None, None, :].astype(np.float32)
        order = list(range(self.config.num_hidden_layers))
        for i, weights_of in enumerate(reversed(order) if self.has("layers reversed") else order):
            hidden = self.layer(hidden, added, i, weights_of)
        return self.head(hidden)

    def embeddings(self, ids: np.ndarray, types: np.ndarray) -> np.ndarray:
        path = "bert.embeddings"
        positions = np.arange(ids.shape[1])[None]
        if self.has("positions off by RoBERTa's offset"):
            positions = positions + 2
        if self.has("token types swapped"):
            types = 1 - types
        if self.has("token types ignored"):
            types = np.zeros_like(types)
        word = self.w[f"{path}.word_embeddings.weight"][ids]
        if self.has("embeddings scaled"):
            word = word * np.float32(math.sqrt(word.shape[-1]))
        position = self.w[f"{path}.position_embeddings.weight"][positions]
        kind = self.w[f"{path}.token_type_embeddings.weight"][types]
        self.out[f"{path}.word_embeddings"] = word
        self.out[f"{path}.token_type_embeddings"] = kind
        self.out[f"{path}.position_embeddings"] = position
        summed = word + kind if self.has("position term missing") else (position + kind) + word
        self.out[f"{path}.sum"] = summed
        y = self.norm(summed, f"{path}.LayerNorm", "embeddings")
        y = self.dropped(y, "embeddings dropout")
        self.out[path] = y
        return y

    def split(self, x: np.ndarray, layer: int) -> np.ndarray:
        batch, tokens, width = x.shape
        heads = self.config.num_attention_heads
        if self.has("heads reshaped", layer):
            return x.reshape(batch, heads, tokens, width // heads)
        if self.has("heads split the other way", layer):
            return x.reshape(batch, tokens, width // heads, heads).transpose(0, 3, 1, 2)
        return x.reshape(batch, tokens, heads, width // heads).transpose(0, 2, 1, 3)

    def layer(self, hidden: np.ndarray, mask: np.ndarray, i: int, weights_of: int) -> np.ndarray:
        path, w = f"bert.encoder.layer.{i}", f"bert.encoder.layer.{weights_of}"
        before = hidden
        if self.has("pre-norm", i):
            before = self.norm(hidden, f"{w}.attention.output.LayerNorm")
        context = self.attention(before, mask, i, path, w)
        dense = self.linear(context, f"{w}.attention.output.dense", "attention output", i)
        self.out[f"{path}.attention.output.dense"] = dense
        dense = self.dropped(dense, "hidden dropout", i)
        summed = dense if self.has("attention residual missing", i) else hidden + dense
        self.out[f"{path}.attention.output.sum"] = summed
        skip = self.has("pre-norm", i) or self.has("attention norm missing", i)
        norm = f"{w}.output.LayerNorm" if self.has("norms exchanged", i) else f"{w}.attention.output.LayerNorm"
        attended = summed if skip else self.norm(summed, norm, "attention", i)
        if self.has("norm before the sum", i):
            attended = hidden + self.norm(dense, norm)
        self.out[f"{path}.attention.output"] = attended
        y = self.feed_forward(attended, summed if self.has("residual before the norm", i) else hidden, i, path, w)
        self.out[f"{path}.output"] = y
        return y

    def attention(self, x: np.ndarray, mask: np.ndarray, i: int, path: str, w: str) -> np.ndarray:
        at = f"{path}.attention.self"
        names = {"query": "query", "key": "key", "value": "value"}
        if self.has("key and value exchanged", i):
            names.update(key="value", value="key")
        made = {part: self.linear(x, f"{w}.attention.self.{names[part]}", part, i) for part in names}
        for part, y in made.items():
            if self.has("query sign", i) and part == "query":
                y = -y
            self.out[f"{at}.{part}"] = made[part] = y
        query, key, value = (self.split(made[part], i) for part in names)
        if self.has("query and key exchanged", i):
            query, key = key, query
        if self.has("heads permuted", i):
            value = value[:, ::-1]
        scores = np.einsum("bnsk,bntk->bnts", key, query)
        if not self.has("scale missing", i):
            width = query.shape[-1] * (query.shape[1] if self.has("scaled by the hidden width", i) else 1)
            scores = scores / np.float32(math.sqrt(width))
        if self.has("mask multiplied", i):
            scores = scores * (mask == 0)
        elif self.has("mask on the queries", i):
            scores = scores + mask.swapaxes(2, 3)
        else:
            scores = scores + mask
        self.out[f"{at}.scores"] = scores
        axis = -2 if self.has("softmax over queries", i) else -1
        e = np.exp(scores - scores.max(axis=axis, keepdims=True))
        probs = e / np.flip(e, axis).sum(axis=axis, keepdims=True)
        probs = self.dropped(probs, "attention dropout", i)
        self.out[f"{at}.probs"] = probs
        context = np.einsum("bnst,bntk->bnsk", probs, value)
        if not self.has("heads not moved back", i):
            context = context.transpose(0, 2, 1, 3)
        y = np.ascontiguousarray(context).reshape(x.shape)
        self.out[f"{at}.context"] = y
        return y

    def feed_forward(self, x: np.ndarray, layer_input: np.ndarray, i: int, path: str, w: str) -> np.ndarray:
        dense = self.linear(x, f"{w}.intermediate.dense", "intermediate", i)
        self.out[f"{path}.intermediate.dense"] = dense
        y = self.gelu(dense, i)
        self.out[f"{path}.intermediate"] = y
        dense = self.linear(y, f"{w}.output.dense", "output", i)
        self.out[f"{path}.output.dense"] = dense
        wrong = self.has("wrong residual", i) or self.has("residual before the norm", i)
        residual = layer_input if wrong else x
        summed = dense if self.has("output residual missing", i) else residual + dense
        self.out[f"{path}.output.sum"] = summed
        return self.norm(summed, f"{w}.output.LayerNorm", "output", i)

    def gelu(self, x: np.ndarray, i: int | None = None) -> np.ndarray:
        if self.has("activation missing", i):
            return x
        if self.has("Φ alone", i):
            return (0.5 + 0.5 * np.vectorize(math.erf)(x.astype(np.float64) / math.sqrt(2))).astype(np.float32)
        if self.has("erf without √2", i):
            return (x * (0.5 + 0.5 * np.vectorize(math.erf)(x.astype(np.float64)))).astype(np.float32)
        if self.has("relu", i):
            return np.maximum(x, 0)
        if self.has("tanh GELU", i):
            cubic = x + np.float32(0.044715) * x * x * x
            return np.float32(0.5) * x * (1 + np.tanh(np.float32(math.sqrt(2 / math.pi)) * cubic))
        return (x * (0.5 + 0.5 * np.vectorize(math.erf)(x.astype(np.float64) / math.sqrt(2)))).astype(np.float32)

    def head(self, hidden: np.ndarray) -> Arrays:
        path = "cls.predictions"
        dense = self.linear(hidden, f"{path}.transform.dense", "transform")
        self.out[f"{path}.transform.dense"] = dense
        activated = self.gelu(dense)
        transformed = self.norm(activated, f"{path}.transform.LayerNorm", "transform")
        self.out[f"{path}.transform"] = transformed
        logits = transformed @ self.w["bert.embeddings.word_embeddings.weight"].T
        if not self.has("decoder bias missing"):
            logits = logits + self.w[f"{path}.bias"]
        if self.has("logits doubled"):
            logits = logits * 2
        if self.has("texts exchanged"):
            logits = logits[::-1]
        if self.has("one number wrong"):
            logits = logits.copy()
            logits[1, 2, 3] += 0.5
        if self.has("logits never copied"):
            logits = np.zeros_like(logits)
        if self.has("half precision"):
            logits = logits.astype(np.float16).astype(np.float32)
        if self.has("logits axes exchanged"):
            logits = logits.swapaxes(1, 2)
        if self.has("padding rows"):
            logits = logits.copy()
            logits[self.out["input_ids"] == 0] = 1.0
        if self.has("a number is NaN"):
            logits = logits.copy()
            logits[1, 2, 3] = np.nan
        if self.has("one text alone"):
            logits = logits[1]
        self.out[path] = logits
        return self.out
