"""Learners' masks, heads and attention."""

import math

import numpy as np


def mask(scores, attention_mask):
    bias = (1.0 - attention_mask) * -10000.0
    bias = bias[:, np.newaxis, np.newaxis, :]
    return {"added": bias, "masked": scores + bias}


def mask_by_where(scores, attention_mask):
    seen = attention_mask[:, None, None, :] == 1
    return np.where(seen, scores, -np.inf)


def split_heads(x, heads):
    B, T, D = x.shape
    cut = x.reshape(B, T, heads, D // heads)
    return {"cut": cut, "heads_first": cut.swapaxes(1, 2)}


def split_heads_by_column(x, heads):
    K = x.shape[-1] // heads
    return np.stack([x[..., n * K : (n + 1) * K] for n in range(heads)], axis=1)


def merge_heads(x):
    B, N, T, K = x.shape
    return np.swapaxes(x, 1, 2).reshape(B, T, N * K)


def merge_heads_by_column(x):
    return np.concatenate([x[:, n] for n in range(x.shape[1])], axis=-1)


def attention(x, weights, attention_mask, heads):
    B, T, D = x.shape
    K = D // heads

    def project(name):
        y = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return y.reshape(B, T, heads, K).transpose(0, 2, 1, 3)

    query, key, value = project("query"), project("key"), project("value")
    scores = query @ key.transpose(0, 1, 3, 2)
    scores = scores / math.sqrt(K)
    scores = scores + (1 - attention_mask[:, None, None, :]) * -1e9
    probs = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probs = probs / probs.sum(axis=-1, keepdims=True)
    context = probs @ value
    context = context.transpose(0, 2, 1, 3).reshape(B, T, D)
    return {"query": query, "key": key, "value": value, "scores": scores, "probs": probs, "context": context}


def attention_einsum(x, weights, attention_mask, heads):
    def project(name):
        w = weights[name + ".weight"].reshape(heads, -1, x.shape[-1])
        return np.einsum("btd,nkd->bntk", x, w) + weights[name + ".bias"].reshape(heads, 1, -1)

    q, k, v = project("query"), project("key"), project("value")
    s = np.einsum("bntk,bnsk->bnts", q, k) * q.shape[-1] ** -0.5
    s = np.where(attention_mask[:, None, None] == 0, np.finfo(s.dtype).min, s)
    p = np.exp(s)
    p /= p.sum(axis=3)[..., None]
    return np.einsum("bnts,bnsk->btnk", p, v).reshape(x.shape)


def attention_by_head(x, weights, attention_mask, heads):
    columns = np.split(np.arange(x.shape[-1]), heads)
    contexts = []
    for own in columns:
        q, k, v = (x @ weights[f"{n}.weight"][own].T + weights[f"{n}.bias"][own] for n in ("query", "key", "value"))
        s = q @ k.swapaxes(1, 2) / np.sqrt(len(own))
        powers = np.exp(s) * attention_mask[:, None, :]
        contexts.append(powers / powers.sum(-1)[..., None] @ v)
    return np.concatenate(contexts, axis=-1)


def causal_mask(attention_mask, tokens):
    B, S = attention_mask.shape
    causal = np.tril(np.ones((S, S), dtype=int))[S - tokens :]
    return {"causal": causal, "allowed": causal * attention_mask[:, None, None, :]}


def causal_mask_by_loop(attention_mask, tokens):
    B, S = attention_mask.shape
    allowed = np.zeros((B, 1, tokens, S), bool)
    for b in range(B):
        for t in range(tokens):
            for s in range(S - tokens + t + 1):
                allowed[b, 0, t, s] = attention_mask[b, s] == 1
    return allowed


def cache(x, positions, weights, past_key, past_value):
    past, new = past_key.shape[1], x.shape[1]
    hidden = x + positions[past : past + new]
    query = hidden @ weights["query.weight"].T
    key = np.concatenate((past_key, hidden @ weights["key.weight"].T), axis=1)
    value = np.concatenate((past_value, hidden @ weights["value.weight"].T), axis=1)
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(x.shape[-1])
    for t in range(new):
        scores[:, t, past + t + 1 :] = -1e9
    probs = np.exp(scores - scores.max(-1, keepdims=True))
    context = probs / probs.sum(-1, keepdims=True) @ value
    return {"hidden": hidden, "key": key, "value": value, "scores": scores, "context": context}


def cache_token_by_token(x, positions, weights, past_key, past_value):
    contexts = []
    for t in range(x.shape[1]):
        h = x[:, t] + positions[past_key.shape[1]]
        past_key = np.append(past_key, (h @ weights["key.weight"].T)[:, None], axis=1)
        past_value = np.append(past_value, (h @ weights["value.weight"].T)[:, None], axis=1)
        s = np.einsum("bk,bsk->bs", h @ weights["query.weight"].T, past_key) / math.sqrt(h.shape[-1])
        p = np.exp(s)
        contexts.append(np.einsum("bs,bsk->bk", p / p.sum(1, keepdims=True), past_value))
    return np.stack(contexts, axis=1), past_key, past_value


RIGHT = {
    "mask": [mask, mask_by_where],
    "split_heads": [split_heads, split_heads_by_column],
    "merge_heads": [merge_heads, merge_heads_by_column],
    "attention": [attention, attention_einsum, attention_by_head],
    "causal_mask": [causal_mask, causal_mask_by_loop],
    "cache": [cache, cache_token_by_token],
}
WRONG = {
    "mask": [
        (mask, "scores + bias", "scores * attention_mask[:, None, None]", "multiplied"),
        (mask, "[:, np.newaxis, np.newaxis, :]", "[:, np.newaxis, :, np.newaxis]", "on the query axis"),
        (mask_by_where, "[:, None, None, :]", "[:, None, :, None]", "on the query axis"),
        (mask, "(1.0 - attention_mask)", "attention_mask", "the wrong way round"),
        (mask, "* -10000.0", "* -1.0", "too small"),
        (mask, "(1.0 - attention_mask) * -10000.0", "1.0 * attention_mask", "added as it is"),
        (mask, "* -10000.0", "* 10000.0", ""),
        (mask, "-10000.0", "-np.inf", "minus infinity times zero"),
        (mask_by_where, "attention_mask[:, None, None, :] == 1",
         "(attention_mask[:, None, None, :] * attention_mask[:, None, :, None]) == 1", "on both axes"),
        (mask_by_where, "-np.inf", "0.0", "multiplied"),
        (mask_by_where, "attention_mask[:, None, None, :]", "attention_mask[0]", "first text's mask for all"),
        (mask, "* -10000.0", "* -100.0", ""),
        (mask_by_where, "scores, -np.inf", "-np.inf, scores", "the wrong way round"),
    ],
    "split_heads": [
        (split_heads, "cut.swapaxes(1, 2)", "x.reshape(B, heads, T, D // heads)", "no transpose"),
        (split_heads, "x.reshape(B, T, heads, D // heads)", "x.reshape(B, T, D // heads, heads).swapaxes(2, 3)",
         "heads fastest"),
        (split_heads_by_column, "n * K : (n + 1) * K", "n::heads", "heads fastest"),
        (split_heads_by_column, "axis=1", "axis=2", "not exchanged"),
        (split_heads, "cut.swapaxes(1, 2)", "cut.transpose(0, 2, 3, 1)", "columns before tokens"),
        (split_heads_by_column, "axis=1", "axis=0", "heads before texts"),
        (split_heads, "cut.swapaxes(1, 2)", "cut.swapaxes(1, 2).reshape(B * heads, T, -1)", "texts and heads joined"),
        (split_heads_by_column, "in range(heads)", "in reversed(range(heads))", "heads from the end"),
        (split_heads, "cut.swapaxes(1, 2)", "cut.swapaxes(0, 1)", ""),
        (split_heads_by_column, "n * K : (n + 1) * K", "0 : K", ""),
    ],
    "merge_heads": [
        (merge_heads, "np.swapaxes(x, 1, 2)", "x", "no transpose"),
        (merge_heads, "np.swapaxes(x, 1, 2)", "x.transpose(0, 2, 3, 1)", "heads fastest"),
        (merge_heads_by_column, "np.concatenate(", "sum(", ""),
        (merge_heads, "np.swapaxes(x, 1, 2).reshape(B, T, N * K)", "x.sum(axis=1)", "summed"),
        (merge_heads, "np.swapaxes(x, 1, 2).reshape(B, T, N * K)", "x.mean(axis=1)", "averaged"),
        (merge_heads, "np.swapaxes(x, 1, 2).reshape(B, T, N * K)", "np.swapaxes(x, 1, 2)", "not merged"),
        (merge_heads_by_column, "in range(x.shape[1])", "in reversed(range(x.shape[1]))", "heads from the end"),
        (merge_heads, "reshape(B, T, N * K)", "reshape(B * T, N * K)", "texts and tokens joined"),
        (merge_heads_by_column, "axis=-1", "axis=1", ""),
        (merge_heads_by_column, "in range(x.shape[1])", "in range(1)", "first head alone"),
    ],
    "attention": [
        (attention, "reshape(B, T, heads, K).transpose(0, 2, 1, 3)", "reshape(B, heads, T, K)", "no transpose"),
        (attention, '.weight"].T', '.weight"]', "W instead of Wᵀ"),
        (attention_einsum, " * q.shape[-1] ** -0.5", "", "√K forgotten"),
        (attention, ' + weights[f"{name}.bias"]', "", "bias forgotten"),
        (attention, "reshape(B, T, heads, K).transpose(0, 2, 1, 3)", "reshape(B, T, K, heads).transpose(0, 3, 1, 2)",
         "heads fastest"),
        (attention, "scores = scores / math.sqrt(K)", "", "√K forgotten"),
        (attention, "math.sqrt(K)", "K", "K for √K"),
        (attention, "math.sqrt(K)", "math.sqrt(D)", "√D for √K"),
        (attention, "scores / math.sqrt(K)", "scores * math.sqrt(K)", "times √K"),
        (attention_by_head, "len(own)", "heads", "√N for √K"),
        (attention, "[:, None, None, :]) * -1e9", "[:, None, :, None]) * -1e9", "mask on the query axis"),
        (attention, "scores + (1 - attention_mask[:, None, None, :]) * -1e9",
         "scores * attention_mask[:, None, None, :]", "mask multiplied"),
        (attention, "(1 - attention_mask[:, None, None, :])", "attention_mask[:, None, None, :]",
         "mask the wrong way round"),
        (attention, "-1e9", "-1", "mask too small"),
        (attention, "-1e9", "-np.inf", "mask of minus infinity times zero"),
        (attention, "scores = scores + (1 - attention_mask[:, None, None, :]) * -1e9", "", "mask forgotten"),
        (attention_by_head, " * attention_mask[:, None, :]", "", "mask forgotten"),
        (attention_einsum, "np.where(attention_mask[:, None, None] == 0, np.finfo(s.dtype).min, s)", "s",
         "mask forgotten"),
        (attention_by_head, "powers.sum(-1)[..., None]", "np.exp(s).sum(-1)[..., None]", "mask after softmax"),
        (attention, "axis=-1", "axis=-2", "softmax over the queries"),
        (attention, "axis=-1", "axis=1", "softmax over the heads"),
        (attention_einsum, "p /= p.sum(axis=3)[..., None]", "", "not normalised"),
        (attention, "context.transpose(0, 2, 1, 3).reshape", "context.reshape", "merged without transpose"),
        (attention_einsum, "->btnk", "->btkn", "heads merged fastest"),
        (attention, "context = context.transpose(0, 2, 1, 3).reshape(B, T, D)", "", "heads not merged"),
        (attention_einsum, '"bnts,bnsk->btnk"', '"bnst,bnsk->btnk"', "shares transposed"),
        (attention, 'project("query"), project("key"), project("value")',
         'project("query"), project("key"), project("key")', "key used as value"),
        (attention, 'project("query"), project("key"), project("value")',
         'project("key"), project("query"), project("value")', "query and key exchanged"),
        (attention, "query @ key.transpose", "query @ query.transpose", "queries with queries"),
        (attention, "query @ key.transpose", "key @ query.transpose", "scores transposed"),
        (attention, "-1e9", "-7.0", ""),
        (attention, "query, key, value = ", "query, value, key = ", ""),
        (attention_by_head, "np.split(np.arange(x.shape[-1]), heads)", "[np.arange(x.shape[-1])] * heads", ""),
    ],
    "causal_mask": [
        (causal_mask, "np.tril(np.ones((S, S), dtype=int))", "np.tril(np.ones((S, S), dtype=int), -1)", "not itself"),
        (causal_mask_by_loop, "S - tokens + t + 1", "S - tokens + t", "not itself"),
        (causal_mask_by_loop, "S - tokens + t + 1", "min(S, S - tokens + t + 2)", "one ahead"),
        (causal_mask, "np.tril", "np.triu", "the wrong triangle"),
        (causal_mask, "[S - tokens :]", "[:tokens]", "remembered tokens forgotten"),
        (causal_mask_by_loop, "S - tokens + t + 1", "t + 1", "remembered tokens forgotten"),
        (causal_mask_by_loop, "attention_mask[b, s] == 1", "True", "padding forgotten"),
        (causal_mask, "np.tril(np.ones((S, S), dtype=int))", "np.ones((S, S), dtype=int)", "not causal"),
        (causal_mask_by_loop, "return allowed", "return ~allowed", "the wrong way round"),
        (causal_mask, "[:, None, None, :]", "[:, None, -tokens:, None]", "padding on the query axis"),
        (causal_mask, "causal * attention_mask[:, None, None, :]", "causal", ""),
        (causal_mask, "causal * attention_mask[:, None, None, :]", "causal * attention_mask[:, None, :]", ""),
        (causal_mask_by_loop, "range(tokens)", "range(1, tokens)", ""),
    ],
    "cache": [
        (cache, "positions[past : past + new]", "positions[:new]", "positions from 0"),
        (cache, "positions[past : past + new]", "positions[past - 1 : past + new - 1]", "positions one too early"),
        (cache, "positions[past : past + new]", "positions[past + 1 : past + new + 1]", "positions one too late"),
        (cache, "x + positions[past : past + new]", "x", "no positions"),
        (cache_token_by_token, " + positions[past_key.shape[1]]", "", "no positions"),
        (cache, "past + t + 1 :", "t + 1 :", "mask without the past"),
        (cache, "past + t + 1 :", "past + t :", "not itself"),
        (cache, "past + t + 1 :", "past + new :", "looks ahead"),
        (cache, " / math.sqrt(x.shape[-1])", "", "√K forgotten"),
        (cache_token_by_token, " / math.sqrt(h.shape[-1])", "", "√K forgotten"),
        (cache, '(past_key, hidden @ weights["key.weight"].T)', '(hidden @ weights["key.weight"].T, past_key)',
         "new before remembered"),
        (cache, 'np.concatenate((past_key, hidden @ weights["key.weight"].T), axis=1)',
         'hidden @ weights["key.weight"].T', ""),
        (cache_token_by_token, "past_value = np.append(past_value, (h", "_ = np.append(past_value, (h", ""),
        (cache, "past + t + 1 :", "past + t + 2 :", ""),
    ],
}  # fmt: skip
