"""Learners' LayerNorm, residual sums, GELU, feed-forward part and head."""

import math

import numpy as np

erf = np.vectorize(math.erf)


def layer_norm(x, gamma, beta, eps):
    mean = x.mean(axis=-1, keepdims=True)
    centred = x - mean
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    normalized = centred / np.sqrt(variance + eps)
    return {"mean": mean, "variance": variance, "normalized": normalized, "output": normalized * gamma + beta}


def layer_norm_by_loop(x, gamma, beta, eps):
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape[:-1]):
        row = x[place]
        y[place] = gamma * (row - row.mean()) / np.sqrt(row.var() + eps) + beta
    return y


def add_and_norm(x, attended, feed_forward, norms, eps):
    def norm(x, name):
        n = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)
        return n * norms[name + ".weight"] + norms[name + ".bias"]

    first, second = "attention.output.LayerNorm", "output.LayerNorm"
    middle = norm(x + attended, first)
    fed = feed_forward(middle)
    return {"middle": middle, "fed": fed, "output": norm(middle + fed, second)}


def add_and_norm_by_list(x, attended, feed_forward, norms, eps):
    residual = x
    for name, f in (("attention.output", lambda _: attended), ("output", feed_forward)):
        total = residual + f(residual)
        centred = total - total.mean(axis=2, keepdims=True)
        residual = centred * (np.square(centred).mean(axis=2, keepdims=True) + eps) ** -0.5
        residual = norms[f"{name}.LayerNorm.weight"] * residual + norms[f"{name}.LayerNorm.bias"]
    return residual


def gelu(x):
    cdf = 0.5 * (1 + erf(x / math.sqrt(2)))
    return {"cdf": cdf, "output": x * cdf}


def gelu_by_erfc(x):
    return np.array([v * math.erfc(-v / 2**0.5) / 2 for v in x.ravel()]).reshape(x.shape)


def act(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def feed_forward(x, weights):
    wide = x @ weights["intermediate.dense.weight"].T + weights["intermediate.dense.bias"]
    active = act(wide)
    return {
        "intermediate": wide,
        "activated": active,
        "output": active @ weights["output.dense.weight"].T + weights["output.dense.bias"],
    }


def feed_forward_einsum(x, weights):
    wide = np.einsum("btd,fd->btf", x, weights["intermediate.dense.weight"]) + weights["intermediate.dense.bias"]
    return np.einsum("btf,df->btd", act(wide), weights["output.dense.weight"]) + weights["output.dense.bias"]


def mlm_head(hidden, weights, eps):
    dense = hidden @ weights["transform.dense.weight"].T + weights["transform.dense.bias"]
    active = act(dense)
    n = (active - active.mean(-1, keepdims=True)) / np.sqrt(active.var(-1, keepdims=True) + eps)
    transformed = n * weights["transform.LayerNorm.weight"] + weights["transform.LayerNorm.bias"]
    logits = transformed @ weights["word_embeddings.weight"].T + weights["bias"]
    return {"dense": dense, "activated": active, "transformed": transformed, "logits": logits}


def mlm_head_by_word(hidden, weights, eps):
    h = act(np.tensordot(hidden, weights["transform.dense.weight"], (2, 1)) + weights["transform.dense.bias"])
    h = h - h.mean(-1)[..., None]
    h = h / np.sqrt((h * h).mean(-1) + eps)[..., None]
    h = h * weights["transform.LayerNorm.weight"] + weights["transform.LayerNorm.bias"]
    words = zip(weights["word_embeddings.weight"], weights["bias"])
    return np.stack([(h * word).sum(-1) + bias for word, bias in words], axis=-1)


RIGHT = {
    "layer_norm": [layer_norm, layer_norm_by_loop],
    "add_and_norm": [add_and_norm, add_and_norm_by_list],
    "gelu": [gelu, gelu_by_erfc],
    "feed_forward": [feed_forward, feed_forward_einsum],
    "mlm_head": [mlm_head, mlm_head_by_word],
}
WRONG = {
    "layer_norm": [
        (layer_norm_by_loop, "row - row.mean()", "row", "mean kept"),
        (layer_norm, "centred / np", "x / np", "mean kept"),
        (layer_norm, "np.sqrt(variance + eps)", "(np.sqrt(variance) + eps)", "eps outside the root"),
        (layer_norm_by_loop, "row.var()", "row.var(ddof=1)", "unbiased variance"),
        (layer_norm, "axis=-1", "axis=1", "over the tokens"),
        (layer_norm, "axis=-1", "axis=None", "over the whole batch"),
        (layer_norm, "axis=-1", "axis=(1, 2)", "over tokens and width"),
        (layer_norm_by_loop, "row.mean()", "x.mean()", ""),
        (layer_norm, "np.sqrt(variance + eps)", "(variance + eps)", "root forgotten"),
        (layer_norm_by_loop, "np.sqrt(row.var() + eps)", "row.std()", "no eps"),
        (layer_norm, " * gamma", "", "gamma forgotten"),
        (layer_norm_by_loop, " + beta", "", "beta forgotten"),
        (layer_norm, "(centred * centred)", "(x * x)", "mean of squares"),
        (layer_norm, "normalized * gamma + beta", "(normalized + beta) * gamma", "beta before gamma"),
        (layer_norm, "axis=-1", "axis=0", ""),
        (layer_norm, "(centred * centred)", "abs(centred)", ""),
    ],
    "add_and_norm": [
        (add_and_norm, "norm(x + attended, first)", "x + norm(attended, first)", "norm before the sum"),
        (add_and_norm_by_list, "residual + f(residual)", "f(residual)", ""),
        (add_and_norm, "norm(middle + fed, second)", "norm(x + fed, second)", "residual from the layer's input"),
        (add_and_norm, "norm(middle + fed, second)", "norm(x + attended + fed, second)",
         "residual from before the norm"),
        (add_and_norm, "norm(middle + fed, second)", "norm(fed, second)", "second residual forgotten"),
        (add_and_norm, "norm(x + attended, first)", "norm(attended, first)", "first residual forgotten"),
        (add_and_norm, "norm(x + attended, first)", "x + attended", "first norm forgotten"),
        (add_and_norm, "norm(middle + fed, second)", "middle + fed", "second norm forgotten"),
        (add_and_norm, "feed_forward(middle)", "feed_forward(x)", "feed-forward of the wrong input"),
        (add_and_norm, '"attention.output.LayerNorm", "output.LayerNorm"',
         '"output.LayerNorm", "attention.output.LayerNorm"', "the other norm's parameters"),
        (add_and_norm, '"attention.output.LayerNorm", "output.LayerNorm"',
         '"attention.output.LayerNorm", "attention.output.LayerNorm"', "one norm for both"),
        (add_and_norm, "+ eps)", ")", "no eps"),
        (add_and_norm_by_list, "total.mean(axis=2, keepdims=True)", "0", ""),
        (add_and_norm, "x.var(-1, keepdims=True)", "x.var(-1, keepdims=True, ddof=1)", "unbiased variance"),
        (add_and_norm, "middle + fed", "middle - fed", ""),
    ],
    "gelu": [
        (gelu, "x * cdf", "cdf", "Φ alone"),
        (gelu, "x / math.sqrt(2)", "x", "erf without √2"),
        (gelu, "x / math.sqrt(2)", "x * math.sqrt(2)", "erf of √2 x"),
        (gelu, "1 + erf(x / math.sqrt(2))", "1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))", ""),
        (gelu_by_erfc, " / 2 for", " for", "half forgotten"),
        (gelu_by_erfc, "v * math.erfc(-v / 2**0.5) / 2", "v / (1 + math.exp(-1.702 * v))", "sigmoid form"),
        (gelu_by_erfc, "v * math.erfc(-v / 2**0.5) / 2", "v * math.erf(v / 2**0.5) / 2", "one forgotten"),
        (gelu_by_erfc, "v * math.erfc(-v / 2**0.5) / 2", "max(v, 0)", "ReLU"),
        (gelu_by_erfc, "v * math.erfc(-v / 2**0.5) / 2", "v / (1 + math.exp(-v))", "SiLU"),
        (gelu_by_erfc, "v * math.erfc(-v / 2**0.5) / 2",
         "0.5 * v * (1 + math.tanh((2 / math.pi) ** 0.5 * (v + 0.044715 * v**3)))", "tanh form"),
        (gelu_by_erfc, "v * math.erfc(-v / 2**0.5) / 2", "v * math.erfc(v / 2**0.5) / 2", ""),
    ],
    "feed_forward": [
        (feed_forward, "act(wide)", "wide", "no activation"),
        (feed_forward, "act(wide)", "np.maximum(wide, 0)", "ReLU"),
        (feed_forward_einsum, "act(wide)",
         "0.5 * wide * (1 + np.tanh((2 / math.pi) ** 0.5 * (wide + 0.044715 * wide**3)))", "tanh form"),
        (feed_forward, ' + weights["intermediate.dense.bias"]', "", "first bias forgotten"),
        (feed_forward_einsum, ' + weights["output.dense.bias"]', "", "second bias forgotten"),
        (feed_forward_einsum, "return np.einsum", "return x + np.einsum", "residual added"),
        (feed_forward, '"output": active @ weights["output.dense.weight"].T + weights["output.dense.bias"]',
         '"output": act(active @ weights["output.dense.weight"].T + weights["output.dense.bias"])',
         "activation at the end too"),
        (feed_forward, "act(wide)", "wide * (1 + erf(wide)) / 2", "erf without √2"),
        (feed_forward, "act(wide)", "np.tanh(wide)", ""),
    ],
    "mlm_head": [
        (mlm_head, "act(dense)", "dense", "activation forgotten"),
        (mlm_head, ' + weights["bias"]', "", "decoder's bias forgotten"),
        (mlm_head, 'weights["transform.dense.weight"].T', 'weights["transform.dense.weight"]', "W instead of Wᵀ"),
        (mlm_head_by_word, "(2, 1)", "(2, 0)", "W instead of Wᵀ"),
        (mlm_head, ' + weights["transform.dense.bias"]', "", "transform's bias forgotten"),
        (mlm_head_by_word, "np.sqrt((h * h).mean(-1) + eps)", "(np.sqrt((h * h).mean(-1)) + eps)",
         "eps outside the root"),
        (mlm_head, "act(dense)", "np.maximum(dense, 0)", "ReLU"),
        (mlm_head, "transformed @", "active @", ""),
        (mlm_head, "(active - active.mean(-1, keepdims=True))", "active", "mean kept"),
        (mlm_head_by_word, "h = h - h.mean(-1)[..., None]", "", ""),
        (mlm_head, "logits = transformed", "logits = hidden", ""),
        (mlm_head_by_word, " + eps)", ")", "no eps"),
    ],
}  # fmt: skip
