"""Learners' gradients."""

import math

import numpy as np


def linear_backward(dy, x, weight):
    dy2, x2 = dy.reshape(-1, dy.shape[-1]), x.reshape(-1, x.shape[-1])
    return {"dx": dy @ weight, "dweight": dy2.T @ x2, "dbias": dy2.sum(axis=0)}


def linear_backward_by_text(dy, x, weight):
    dx, dweight, dbias = np.empty_like(x), np.zeros_like(weight), np.zeros(len(weight))
    for b in range(len(x)):
        dx[b] = dy[b] @ weight
        dweight += dy[b].T @ x[b]
        dbias += dy[b].sum(axis=0)
    return dx, dweight, dbias


def layer_norm_backward(dy, normalized, rstd, gamma):
    dn = dy * gamma
    mean1 = dn.mean(axis=-1, keepdims=True)
    mean2 = (dn * normalized).mean(axis=-1, keepdims=True)
    dx = rstd * (dn - mean1 - normalized * mean2)
    dgamma = (dy * normalized).sum(axis=(0, 1))
    dbeta = dy.sum(axis=(0, 1))
    return {"dnormalized": dn, "dx": dx, "dgamma": dgamma, "dbeta": dbeta}


def layer_norm_backward_by_matrix(dy, normalized, rstd, gamma):
    D = len(gamma)
    dx = np.zeros_like(dy)
    for place in np.ndindex(*dy.shape[:2]):
        n = normalized[place]
        jacobian = rstd[place] * (np.eye(D) - 1 / D - np.outer(n, n) / D)
        dx[place] = jacobian @ (gamma * dy[place])
    return dx, np.einsum("btd,btd->d", dy, normalized), np.einsum("btd->d", dy)


def softmax_backward(dprobs, probs):
    total = (dprobs * probs).sum(-1, keepdims=True)
    return {"row_sum": total, "dscores": probs * (dprobs - total)}


def softmax_backward_by_matrix(dprobs, probs):
    jacobian = probs[..., :, None] * (np.eye(probs.shape[-1]) - probs[..., None, :])
    return np.einsum("...ij,...i->...j", jacobian, dprobs)


def attention_backward(dcontext, query, key, value, probs):
    root = math.sqrt(query.shape[-1])
    dvalue = probs.swapaxes(2, 3) @ dcontext
    dprobs = dcontext @ value.swapaxes(2, 3)
    dscores = probs * (dprobs - (dprobs * probs).sum(axis=-1, keepdims=True))
    dscores = dscores / root
    dquery = dscores @ key
    dkey = dscores.swapaxes(2, 3) @ query
    return {"dprobs": dprobs, "dvalue": dvalue, "dscores": dscores, "dquery": dquery, "dkey": dkey}


def attention_backward_einsum(dcontext, query, key, value, probs):
    dvalue = np.einsum("bnts,bntk->bnsk", probs, dcontext)
    dprobs = np.einsum("bntk,bnsk->bnts", dcontext, value)
    dscores = probs * dprobs - probs * (probs * dprobs).sum(3)[..., None]
    dquery = np.einsum("bnts,bnsk->bntk", dscores, key) / query.shape[-1] ** 0.5
    dkey = np.einsum("bnts,bntk->bnsk", dscores, query) / query.shape[-1] ** 0.5
    return dquery, dkey, dvalue


def embedding_backward(dy, ids, rows):
    dtable = np.zeros((rows, dy.shape[-1]))
    for b in range(ids.shape[0]):
        for t in range(ids.shape[1]):
            dtable[ids[b, t]] += dy[b, t]
    return dtable


def embedding_backward_onehot(dy, ids, rows):
    onehot = np.eye(rows)[ids]
    return np.einsum("btv,btd->vd", onehot, dy)


def cross_entropy_backward(logits, labels):
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)
    d = p.copy()
    counted = labels != -100
    for b, t in np.argwhere(counted):
        d[b, t, labels[b, t]] -= 1
    d[~counted] = 0
    return {"probs": p, "dlogits": d / counted.sum()}


def cross_entropy_backward_flat(logits, labels):
    flat, targets = logits.reshape(-1, logits.shape[-1]), labels.ravel()
    rows = np.flatnonzero(targets >= 0)
    out = np.zeros_like(flat)
    powers = np.exp(flat[rows])
    out[rows] = powers / powers.sum(1)[:, None]
    out[rows, targets[rows]] -= 1
    return (out / len(rows)).reshape(logits.shape)


RIGHT = {
    "linear_backward": [linear_backward, linear_backward_by_text],
    "layer_norm_backward": [layer_norm_backward, layer_norm_backward_by_matrix],
    "softmax_backward": [softmax_backward, softmax_backward_by_matrix],
    "attention_backward": [attention_backward, attention_backward_einsum],
    "embedding_backward": [embedding_backward, embedding_backward_onehot],
    "cross_entropy_backward": [cross_entropy_backward, cross_entropy_backward_flat],
}
WRONG = {
    "linear_backward": [
        (linear_backward, "dy2.T @ x2", "x2.T @ dy2", "dweight transposed"),
        (linear_backward, "dy2.T @ x2", "dy.swapaxes(1, 2) @ x", "texts not added"),
        (linear_backward, "dy2.T @ x2", "dy2.T @ x2 / len(x)", "dweight averaged over texts"),
        (linear_backward, "dy2.T @ x2", "dy2.T @ x2 / len(x2)", "dweight averaged over tokens"),
        (linear_backward_by_text, "dweight += dy[b].T @ x[b]", "dweight = dy[b].T @ x[b]", "last text alone"),
        (linear_backward, "dy2.T @ x2", "dy[0].T @ x[0]", "first text alone"),
        (linear_backward, "dy2.sum(axis=0)", "dy2.mean(axis=0)", "dbias averaged"),
        (linear_backward, "dy2.sum(axis=0)", "dy.sum(axis=0)", "dbias over the texts alone"),
        (linear_backward, "dy2.sum(axis=0)", "dy2.sum()", "dbias one number"),
        (linear_backward_by_text, "dbias += dy[b].sum(axis=0)", "dbias = dy[b].sum(axis=0)", ""),
        (linear_backward, "dy @ weight", "-dy @ weight", ""),
    ],
    "layer_norm_backward": [
        (layer_norm_backward, "dn - mean1 -", "dn -", "mean of dn forgotten"),
        (layer_norm_backward, " - normalized * mean2", "", "mean of dn n forgotten"),
        (layer_norm_backward, " - mean1 - normalized * mean2", "", "both means forgotten"),
        (layer_norm_backward_by_matrix, " - 1 / D", "", "mean of dn forgotten"),
        (layer_norm_backward_by_matrix, " - np.outer(n, n) / D", "", "mean of dn n forgotten"),
        (layer_norm_backward_by_matrix, "rstd[place] * ", "", "rstd forgotten"),
        (layer_norm_backward, "rstd * (dn - mean1 - normalized * mean2)", "(dn - mean1 - normalized * mean2) / rstd",
         "divided by rstd"),
        (layer_norm_backward, "axis=-1", "axis=1", "means over the tokens"),
        (layer_norm_backward, ".mean(", ".sum(", "sums for means"),
        (layer_norm_backward, "- normalized * mean2", "+ normalized * mean2", "sign of the variance's term"),
        (layer_norm_backward, "- normalized * mean2", "- mean2", "n forgotten beside its mean"),
        (layer_norm_backward, "dn = dy * gamma", "dn = dy", "gamma forgotten"),
        (layer_norm_backward_by_matrix, "jacobian @ (gamma * dy[place])", "gamma * (jacobian @ dy[place])",
         "gamma at the end"),
        (layer_norm_backward, "(dy * normalized).sum", "dy.sum", "dgamma without n"),
        (layer_norm_backward, "(dy * normalized).sum", "(dn * normalized).sum", "dgamma of dn"),
        (layer_norm_backward, "axis=(0, 1)", "axis=0", "texts alone added"),
        (layer_norm_backward, "axis=(0, 1)", "axis=(0, 2)", ""),
        (layer_norm_backward, "rstd * (", "rstd**2 * (", ""),
    ],
    "softmax_backward": [
        (softmax_backward, "(dprobs - total)", "dprobs", "row's sum forgotten"),
        (softmax_backward, "(dprobs - total)", "(1 - probs) * dprobs", "as a sigmoid"),
        (softmax_backward, ".sum(-1", ".sum(-2", "sum over the queries"),
        (softmax_backward, ".sum(-1, keepdims=True)", ".sum(keepdims=True)", "sum over everything"),
        (softmax_backward, ".sum(-1", ".mean(-1", "mean for the sum"),
        (softmax_backward, "(dprobs * probs).sum", "dprobs.sum", "p forgotten in the sum"),
        (softmax_backward, "probs * (dprobs - total)", "dprobs - total", "p forgotten outside"),
        (softmax_backward, "probs * (dprobs - total)", "probs * dprobs - total", "sum without p outside"),
        (softmax_backward, "dprobs - total)", "dprobs + total)", "sign of the sum"),
        (softmax_backward_by_matrix, " - probs[..., None, :]", "", "row's sum forgotten"),
        (softmax_backward, "probs * (dprobs - total)", "probs**2 * (dprobs - total)", ""),
    ],
    "attention_backward": [
        (attention_backward, "dscores = dscores / root", "", "√K forgotten"),
        (attention_backward, "dscores = dscores / root", "dscores = dscores * root", "times √K"),
        (attention_backward_einsum, "query.shape[-1] ** 0.5", "query.shape[-1]", "divided twice"),
        (attention_backward, "probs.swapaxes(2, 3) @ dcontext", "probs @ dcontext", "probs not transposed"),
        (attention_backward, "dscores.swapaxes(2, 3) @ query", "dscores @ query", "dkey not transposed"),
        (attention_backward, "dscores @ key", "dscores.swapaxes(2, 3) @ key", "dquery transposed"),
        (attention_backward, "dscores @ key", "dscores @ query", "query for key"),
        (attention_backward, "dscores.swapaxes(2, 3) @ query", "dscores.swapaxes(2, 3) @ key", "key for query"),
        (attention_backward, "(dprobs - (dprobs * probs).sum(axis=-1, keepdims=True))", "dprobs",
         "softmax's sum forgotten"),
        (attention_backward_einsum, " - probs * (probs * dprobs).sum(3)[..., None]", "", "softmax's sum forgotten"),
        (attention_backward_einsum, "probs * dprobs - probs * (probs * dprobs).sum(3)[..., None]", "dprobs",
         "softmax's backward forgotten"),
        (attention_backward_einsum, "probs * dprobs - probs * (probs * dprobs).sum(3)[..., None]",
         "probs * (1 - probs) * dprobs", "softmax as a sigmoid"),
        (attention_backward, "sum(axis=-1", "sum(axis=-2", "softmax's sum over the queries"),
        (attention_backward_einsum, "key) / query.shape[-1] ** 0.5", "key)", "√K forgotten in dquery"),
        (attention_backward_einsum, "query) / query.shape[-1] ** 0.5", "query)", "√K forgotten in dkey"),
        (attention_backward_einsum, "return dquery, dkey, dvalue", "return dkey, dquery, dvalue", ""),
    ],
    "embedding_backward": [
        (embedding_backward, "+= dy", "= dy", "the last place alone"),
        (embedding_backward_onehot, 'return np.einsum("btv,btd->vd", onehot, dy)',
         "dtable = np.zeros((rows, dy.shape[-1])); dtable[ids] += dy; return dtable", "the last place alone"),
        (embedding_backward_onehot, 'np.einsum("btv,btd->vd", onehot, dy)',
         'np.einsum("btv,btd->vd", onehot, dy) / np.maximum(onehot.sum((0, 1)), 1)[:, None]',
         "averaged over the places"),
        (embedding_backward_onehot, 'np.einsum("btv,btd->vd", onehot, dy)',
         'np.einsum("btv,btd->vd", onehot, dy) / len(ids)', "averaged over the texts"),
        (embedding_backward, "range(ids.shape[0])", "range(1)", "first text alone"),
        (embedding_backward, "ids[b, t]] +=", "ids[b, t] - 1] +=", "ids from 1"),
        (embedding_backward, "dtable[ids[b, t]] += dy[b, t]", "if ids[b, t] != 0: dtable[ids[b, t]] += dy[b, t]",
         "row 0 left out"),
        (embedding_backward, "for t in range(ids.shape[1]):\n            dtable[ids[b, t]] += dy[b, t]",
         "dtable[ids[b]] += dy[b]", "the last place in each text"),
        (embedding_backward, "range(ids.shape[1])", "range(1, ids.shape[1])", ""),
        (embedding_backward, "return dtable", "return dtable.T", ""),
    ],
    "cross_entropy_backward": [
        (cross_entropy_backward, "d / counted.sum()", "d / counted.size", "divided by all tokens"),
        (cross_entropy_backward_flat, "len(rows)", "len(targets)", "divided by all tokens"),
        (cross_entropy_backward, "d / counted.sum()", "d", "not divided"),
        (cross_entropy_backward, "d / counted.sum()", "d / len(d)", "divided by the texts"),
        (cross_entropy_backward, "d[~counted] = 0", "", "tokens without a label get p"),
        (cross_entropy_backward_flat, "np.flatnonzero(targets >= 0)", "np.arange(len(targets))", ""),
        (cross_entropy_backward, "d / counted.sum()", "-d / counted.sum()", "sign flipped"),
        (cross_entropy_backward, "] -= 1", "] -= 0", "onehot forgotten"),
        (cross_entropy_backward, "(-1, keepdims=True)", "(1, keepdims=True)", "softmax over the tokens"),
        (cross_entropy_backward, "d / counted.sum()", "2 * d / counted.sum()", "twice as large"),
        (cross_entropy_backward, "d / counted.sum()", "d * p * (1 - p) / counted.sum()", "p (1 - p)"),
        (cross_entropy_backward, "d = p.copy()", "d = logits.copy()", ""),
        (cross_entropy_backward_flat, "powers / powers.sum(1)[:, None]", "flat[rows]", "softmax forgotten"),
        (cross_entropy_backward_flat, "-= 1", "-= 0.9", ""),
    ],
}  # fmt: skip
