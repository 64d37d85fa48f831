"""BERT on one page: from ids to the pre-training loss, and every gradient back, in float64 NumPy.

The model of Devlin et al. 2018, an encoder of Vaswani et al. 2017 with LayerNorm after each residual sum, and its two
tasks: the masked words and the next sentence. Each forward returns its value and what its backward needs; the backward
stands under it, walks the same steps in reverse, and adds to `grads`. No dropout, no files, no checks, nothing fast:
that is `minibert.models`, which gives the same numbers.

`weights` holds arrays by the names of a checkpoint, linear maps as (out, in); `grads` has the same names and shapes.
Shapes: B texts, T tokens, D hidden width, N heads, K = D / N, F feed-forward width, V vocabulary; ... any axes.
"""

import math

import numpy as np

erf = np.vectorize(math.erf, otypes=[float])


def bert(weights, input_ids, token_type_ids, attention_mask, labels, next_sentence_label, heads, eps=1e-12):
    """ids, types, mask, labels (B, T), next_sentence_label (B,) -> loss (), logits (B, T, V), (B, 2), kept."""
    hidden, at_embeddings = embeddings(weights, input_ids, token_type_ids, eps)
    at_layers: list = []
    while f"bert.encoder.layer.{len(at_layers)}.output.dense.weight" in weights:
        name = f"bert.encoder.layer.{len(at_layers)}"
        hidden, at_layer = layer(weights, name, hidden, attention_mask, heads, eps)
        at_layers.append(at_layer)
    pooled = np.tanh(linear(weights, "bert.pooler.dense", hidden[:, 0]))  # of [CLS], the first token
    word_logits, at_head = masked_words(weights, hidden, eps)
    next_logits = linear(weights, "cls.seq_relationship", pooled)
    word_loss, dword_logits = cross_entropy(word_logits, labels)
    next_loss, dnext_logits = cross_entropy(next_logits, next_sentence_label)
    kept = at_embeddings, at_layers, at_head, hidden, pooled, dword_logits, dnext_logits
    return word_loss + next_loss, word_logits, next_logits, kept


def bert_backward(weights, kept):
    """-> grads: of the loss, with respect to every weight."""
    at_embeddings, at_layers, at_head, hidden, pooled, dword_logits, dnext_logits = kept
    grads = {name: np.zeros_like(weight) for name, weight in weights.items()}
    dpooled = linear_backward(weights, grads, "cls.seq_relationship", dnext_logits, pooled)
    dhidden = masked_words_backward(weights, grads, dword_logits, at_head)
    dtanh = dpooled * (1 - pooled**2)
    dhidden[:, 0] += linear_backward(weights, grads, "bert.pooler.dense", dtanh, hidden[:, 0])
    for i in reversed(range(len(at_layers))):
        dhidden = layer_backward(weights, grads, f"bert.encoder.layer.{i}", dhidden, at_layers[i])
    embeddings_backward(weights, grads, dhidden, at_embeddings)
    return grads


def embeddings(weights, input_ids, token_type_ids, eps):
    """ids, types (B, T) -> hidden (B, T, D): LayerNorm(word + position + token type)."""
    words = weights["bert.embeddings.word_embeddings.weight"][input_ids]
    positions = weights["bert.embeddings.position_embeddings.weight"][: input_ids.shape[1]]
    types = weights["bert.embeddings.token_type_embeddings.weight"][token_type_ids]
    hidden, at_norm = layer_norm(weights, "bert.embeddings.LayerNorm", words + positions + types, eps)
    return hidden, (input_ids, token_type_ids, at_norm)


def embeddings_backward(weights, grads, dhidden, kept):
    """dhidden (B, T, D) -> into grads. A row looked up twice gets both; `+=` at repeated ids keeps the last."""
    input_ids, token_type_ids, at_norm = kept
    dsum = layer_norm_backward(weights, grads, "bert.embeddings.LayerNorm", dhidden, at_norm)
    np.add.at(grads["bert.embeddings.word_embeddings.weight"], input_ids, dsum)
    grads["bert.embeddings.position_embeddings.weight"][: dsum.shape[1]] += dsum.sum(axis=0)
    np.add.at(grads["bert.embeddings.token_type_embeddings.weight"], token_type_ids, dsum)


def layer(weights, name, hidden, attention_mask, heads, eps):
    """hidden (B, T, D) -> (B, T, D): attention, then feed-forward, each added to its input and normalised."""
    context, at_attention = attention(weights, f"{name}.attention.self", hidden, attention_mask, heads)
    attended = linear(weights, f"{name}.attention.output.dense", context)
    middle, at_first = layer_norm(weights, f"{name}.attention.output.LayerNorm", hidden + attended, eps)
    wide = linear(weights, f"{name}.intermediate.dense", middle)  # (B, T, F)
    active = gelu(wide)
    fed = linear(weights, f"{name}.output.dense", active)
    y, at_second = layer_norm(weights, f"{name}.output.LayerNorm", middle + fed, eps)
    return y, (context, at_attention, at_first, middle, wide, active, at_second)


def layer_backward(weights, grads, name, dy, kept):
    """dy (B, T, D) -> dhidden (B, T, D). What went two ways, into a step and past it, gets both gradients."""
    context, at_attention, at_first, middle, wide, active, at_second = kept
    dsecond = layer_norm_backward(weights, grads, f"{name}.output.LayerNorm", dy, at_second)
    dactive = linear_backward(weights, grads, f"{name}.output.dense", dsecond, active)
    dwide = dactive * gelu_derivative(wide)
    dmiddle = dsecond + linear_backward(weights, grads, f"{name}.intermediate.dense", dwide, middle)
    dfirst = layer_norm_backward(weights, grads, f"{name}.attention.output.LayerNorm", dmiddle, at_first)
    dcontext = linear_backward(weights, grads, f"{name}.attention.output.dense", dfirst, context)
    return dfirst + attention_backward(weights, grads, f"{name}.attention.self", dcontext, at_attention)


def attention(weights, name, hidden, attention_mask, heads):
    """hidden (B, T, D), mask (B, T) -> context (B, T, D): softmax(q kᵀ / √K + mask) v, in N heads."""
    query, key, value = (
        split_heads(linear(weights, f"{name}.{part}", hidden), heads) for part in ("query", "key", "value")
    )
    scores = query @ key.swapaxes(-1, -2) / math.sqrt(query.shape[-1])  # (B, N, T, T)
    scores = scores + np.where(attention_mask == 1, 0.0, -1e30)[:, None, None, :]  # of the keys, for every query
    probs = np.exp(scores - scores.max(axis=-1, keepdims=True))
    probs = probs / probs.sum(axis=-1, keepdims=True)
    return merge_heads(probs @ value), (hidden, query, key, value, probs)


def attention_backward(weights, grads, name, dcontext, kept):
    """dcontext (B, T, D) -> dhidden (B, T, D), the sum of what comes through query, key and value."""
    hidden, query, key, value, probs = kept
    dcontext = split_heads(dcontext, query.shape[1])
    dprobs, dvalue = dcontext @ value.swapaxes(-1, -2), probs.swapaxes(-1, -2) @ dcontext
    dscores = probs * (dprobs - (dprobs * probs).sum(axis=-1, keepdims=True)) / math.sqrt(query.shape[-1])
    dquery, dkey = dscores @ key, dscores.swapaxes(-1, -2) @ query
    return sum(
        linear_backward(weights, grads, f"{name}.{part}", merge_heads(d), hidden)
        for part, d in (("query", dquery), ("key", dkey), ("value", dvalue))
    )


def split_heads(x, heads):
    """x (B, T, D) -> (B, N, T, K): head n is columns n K .. (n + 1) K."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def merge_heads(x):
    """x (B, N, T, K) -> (B, T, D): the reverse of `split_heads`, and its backward."""
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def masked_words(weights, hidden, eps):
    """hidden (B, T, D) -> logits (B, T, V): LayerNorm(gelu(x Wᵀ + b)), then the word embeddings once more."""
    dense = linear(weights, "cls.predictions.transform.dense", hidden)
    transformed, at_norm = layer_norm(weights, "cls.predictions.transform.LayerNorm", gelu(dense), eps)
    logits = transformed @ weights["bert.embeddings.word_embeddings.weight"].T + weights["cls.predictions.bias"]
    return logits, (hidden, dense, at_norm, transformed)


def masked_words_backward(weights, grads, dlogits, kept):
    """dlogits (B, T, V) -> dhidden (B, T, D). The decoder is the word embeddings: their gradient has two parts."""
    hidden, dense, at_norm, transformed = kept
    grads["cls.predictions.bias"] += dlogits.sum(axis=(0, 1))
    grads["bert.embeddings.word_embeddings.weight"] += np.einsum("btv,btd->vd", dlogits, transformed)
    dtransformed = dlogits @ weights["bert.embeddings.word_embeddings.weight"]
    dactive = layer_norm_backward(weights, grads, "cls.predictions.transform.LayerNorm", dtransformed, at_norm)
    ddense = dactive * gelu_derivative(dense)
    return linear_backward(weights, grads, "cls.predictions.transform.dense", ddense, hidden)


def linear(weights, name, x):
    """x (..., I) -> y (..., O): y = x Wᵀ + b."""
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def linear_backward(weights, grads, name, dy, x):
    """dy (..., O) -> dx (..., I): dW = dyᵀ x and db = Σ dy over all rows, dx = dy W."""
    dy_rows, x_rows = dy.reshape(-1, dy.shape[-1]), x.reshape(-1, x.shape[-1])
    grads[f"{name}.weight"] += dy_rows.T @ x_rows
    grads[f"{name}.bias"] += dy_rows.sum(axis=0)
    return dy @ weights[f"{name}.weight"]


def layer_norm(weights, name, x, eps):
    """x (..., D) -> y (..., D): y = gamma n + beta with n = (x - mean) / √(var + eps), over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    rstd = 1 / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps)
    n = centred * rstd
    return weights[f"{name}.weight"] * n + weights[f"{name}.bias"], (n, rstd)


def layer_norm_backward(weights, grads, name, dy, kept):
    """dy (..., D) -> dx (..., D). The two means are what flows through a row's mean and its variance."""
    n, rstd = kept
    rows = tuple(range(dy.ndim - 1))
    grads[f"{name}.weight"] += (dy * n).sum(axis=rows)
    grads[f"{name}.bias"] += dy.sum(axis=rows)
    dn = dy * weights[f"{name}.weight"]
    return rstd * (dn - dn.mean(axis=-1, keepdims=True) - n * (dn * n).mean(axis=-1, keepdims=True))


def gelu(x):
    """x (...) -> x Φ(x), with Φ the distribution function of the standard normal."""
    return x * (1 + erf(x / math.sqrt(2))) / 2


def gelu_derivative(x):
    """x (...) -> Φ(x) + x φ(x)."""
    return (1 + erf(x / math.sqrt(2))) / 2 + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def cross_entropy(logits, labels):
    """logits (..., C), labels (...) -> loss (), dlogits (..., C), over the rows whose label is not -100.

    loss = mean of -log softmax(logits)[label], so dlogits = (softmax(logits) - onehot(label)) / number of rows.
    """
    rows = np.nonzero(labels != -100)
    chosen = logits[rows] - logits[rows].max(axis=-1, keepdims=True)  # (M, C)
    log_probs = chosen - np.log(np.exp(chosen).sum(axis=-1, keepdims=True))
    onehot = np.eye(logits.shape[-1])[labels[rows]]
    dlogits = np.zeros_like(logits)
    dlogits[rows] = (np.exp(log_probs) - onehot) / len(onehot)
    return -(log_probs * onehot).sum() / len(onehot), dlogits
