"""Learners' embeddings and pooling."""

import numpy as np


def embeddings(input_ids, token_type_ids, weights, eps):
    word = weights["word_embeddings.weight"][input_ids]
    position = weights["position_embeddings.weight"][np.arange(input_ids.shape[1])]
    kind = weights["token_type_embeddings.weight"][token_type_ids]
    x = word + position + kind
    mean = x.mean(-1, keepdims=True)
    var = x.var(-1, keepdims=True)
    y = (x - mean) / np.sqrt(var + eps)
    y = y * weights["LayerNorm.weight"] + weights["LayerNorm.bias"]
    return {"words": word, "positions": position, "types": kind, "total": x, "output": y}


def embeddings_by_loop(input_ids, token_type_ids, weights, eps):
    out = np.zeros((*input_ids.shape, weights["word_embeddings.weight"].shape[1]))
    for b in range(len(input_ids)):
        for t in range(len(input_ids[b])):
            out[b, t] += weights["word_embeddings.weight"][input_ids[b, t]]
            out[b, t] += weights["position_embeddings.weight"][t]
            out[b, t] += weights["token_type_embeddings.weight"][token_type_ids[b, t]]
            out[b, t] -= out[b, t].mean()
            out[b, t] /= np.sqrt((out[b, t] ** 2).mean() + eps)
    return out * weights["LayerNorm.weight"] + weights["LayerNorm.bias"]


def pool(hidden, attention_mask):
    sums = np.einsum("btd,bt->bd", hidden, attention_mask)
    counts = attention_mask.sum(-1)[:, None]
    mean = sums / counts
    return {"total": sums, "mean": mean, "vector": mean / np.linalg.norm(mean, axis=1)[:, None]}


def pool_by_loop(hidden, attention_mask):
    vectors = []
    for states, mask in zip(hidden, attention_mask):
        own = states[mask == 1]
        mean = own.mean(axis=0)
        vectors.append(mean / np.linalg.norm(mean))
    return np.array(vectors)


RIGHT = {"embeddings": [embeddings, embeddings_by_loop], "pool": [pool, pool_by_loop]}
WRONG = {
    "embeddings": [
        (embeddings, "np.arange(input_ids.shape[1])", "np.arange(input_ids.shape[1]) + 1", "positions from 1"),
        (embeddings_by_loop, "][t]", "][t + 2]", "positions from 2"),
        (embeddings, "word + position + kind", "word + kind", "positions forgotten"),
        (embeddings, "word + position + kind", "word + position", "types forgotten"),
        (embeddings, "[token_type_ids]", "[1 - token_type_ids]", "types exchanged"),
        (embeddings, "x.var(-1, keepdims=True)", "x.var(-1, keepdims=True, ddof=1)", "unbiased variance"),
        (embeddings, "np.sqrt(var + eps)", "(np.sqrt(var) + eps)", "eps outside the root"),
        (embeddings, "(x - mean) / ", "x / ", "mean kept"),
        (embeddings, "(-1, keepdims=True)", "(1, keepdims=True)", "over the tokens"),
        (embeddings, "(-1, keepdims=True)", "()", "over the whole batch"),
        (embeddings_by_loop, "+ eps)", ")", "no eps"),
        (embeddings, "[input_ids]", "[input_ids] * np.sqrt(weights['LayerNorm.weight'].size)", "times √D"),
        (embeddings, "y * weights", "weights", ""),
        (embeddings, "kind = weights", "kind = 2 * weights", ""),
    ],
    "pool": [
        (pool, '"btd,bt->bd", hidden, attention_mask', '"btd->bd", hidden', "padding in the sum"),
        (pool_by_loop, "[mask == 1]", "", "padding in the sum"),
        (pool, "attention_mask.sum(-1)[:, None]", "hidden.shape[1]", "divided by T"),
        (pool_by_loop, "own.mean(axis=0)", "own[0]", "first token"),
        (pool_by_loop, "own.mean(axis=0)", "own.max(axis=0)", "maximum"),
        (pool, "/ np.linalg.norm(mean, axis=1)[:, None]", "", "length kept"),
        (pool, "np.linalg.norm(mean, axis=1)[:, None]", "np.abs(mean).sum(1)[:, None]", "sum of magnitudes"),
        (pool, "np.linalg.norm(mean, axis=1)[:, None]", "np.linalg.norm(mean)", "one length for all"),
        (pool, "np.linalg.norm(mean, axis=1)[:, None]", "np.linalg.norm(mean, axis=0)", "length over the texts"),
        (pool_by_loop, "own.mean(axis=0)", "own[1:].mean(axis=0)", ""),
    ],
}  # fmt: skip
