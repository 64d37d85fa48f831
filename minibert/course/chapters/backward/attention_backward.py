"""The backward of scaled dot-product attention."""

import math

import numpy as np

from minibert.course.chapters.parts import softmax
from minibert.course.exercise import Exercise


def draw(rng, B, N, T, K):
    query, key, value, dcontext = rng.normal(size=(4, B, N, T, K))
    hidden = np.where(np.arange(T) < T - 1, 0, -1e30) * (np.arange(B)[:, None, None, None] > 0)
    probs = softmax(query @ key.swapaxes(-1, -2) / math.sqrt(K) + hidden)
    return {"dcontext": dcontext, "query": query, "key": key, "value": value, "probs": probs}


exercise = Exercise(
    "attention_backward",
    "f(dcontext, query, key, value, probs)",
    """
    The forward, in heads: scores = query keyᵀ / √K, probs = softmax(scores), context = probs value. dcontext
    (B, N, T, K) says how the loss changes with the context; go back through the three lines, the last one first, to
    dquery, dkey and dvalue. A product c = a b has da = dc bᵀ and db = aᵀ dc.
    """,
    draw,
    [{"B": 2, "N": 2, "T": 3, "K": 4}, {"B": 3, "N": 2, "T": 4, "K": 3}],
    results=("dquery", "dkey", "dvalue"),
)


@exercise.step("B N T T")
def dprobs(dcontext, value):
    """forward: context = probs value, so dprobs = dcontext valueᵀ"""
    return dcontext @ value.swapaxes(-1, -2)


@exercise.step("B N T K")
def dvalue(dcontext, probs):
    """forward: context = probs value, so dvalue = probsᵀ dcontext"""
    return probs.swapaxes(-1, -2) @ dcontext


@exercise.step("B N T T", also=[lambda dscores, query: dscores / math.sqrt(query.shape[-1])])
def dscores(dprobs, probs):
    """softmax's backward, p (dp - Σ dp p) over each row"""
    return probs * (dprobs - (dprobs * probs).sum(axis=-1, keepdims=True))


@exercise.step("B N T K")
def dquery(dscores, key):
    """forward: scores = query keyᵀ / √K, so dquery = dscores key / √K"""
    return dscores @ key / math.sqrt(key.shape[-1])


@exercise.step("B N T K")
def dkey(dscores, query):
    """forward: scores = query keyᵀ / √K, so dkey = dscoresᵀ query / √K"""
    return dscores.swapaxes(-1, -2) @ query / math.sqrt(query.shape[-1])


def softmax_backward(dprobs, probs):
    """dprobs -> dscores, both (B, N, T, T)."""
    return probs * (dprobs - (dprobs * probs).sum(axis=-1, keepdims=True))


def scaled(name, words, scale):
    """Declare another factor than 1 / √K, beside dquery and dkey or in dscores already."""
    exercise.mistake(
        name, words,
        dquery=lambda dscores, key: dscores @ key * scale(key.shape[-1]),
        dkey=lambda dscores, query: dscores.swapaxes(-1, -2) @ query * scale(query.shape[-1]),
    )  # fmt: skip
    exercise.mistake(
        name, words,
        dscores=lambda dprobs, probs, query: softmax_backward(dprobs, probs) * scale(query.shape[-1]),
        dquery=lambda dscores, key: dscores @ key,
        dkey=lambda dscores, query: dscores.swapaxes(-1, -2) @ query,
    )  # fmt: skip


scaled("√K forgotten", "dquery and dkey are not divided by √K; forward: scores = query keyᵀ / √K", lambda K: 1.0)
scaled("divided twice", "dquery and dkey are divided by K, by √K twice", lambda K: 1 / K)
scaled("times √K", "dquery and dkey are multiplied with √K; they are divided by it", math.sqrt)
exercise.mistake("√K forgotten in dquery", "dquery is not divided by √K; forward: scores = query keyᵀ / √K",
                 dquery=lambda dscores, key: dscores @ key)  # fmt: skip
exercise.mistake("√K forgotten in dkey", "dkey is not divided by √K; forward: scores = query keyᵀ / √K",
                 dkey=lambda dscores, query: dscores.swapaxes(-1, -2) @ query)  # fmt: skip
exercise.mistake(
    "probs not transposed", "dvalue is probs dcontext; it is probsᵀ dcontext: a value gets from all that saw it",
    dvalue=lambda dcontext, probs: probs @ dcontext,
)  # fmt: skip
exercise.mistake(
    "dkey not transposed", "dkey is dscores query; it is dscoresᵀ query: a key gets from all that saw it",
    dkey=lambda dscores, query: dscores @ query / math.sqrt(query.shape[-1]),
)  # fmt: skip
exercise.mistake(
    "dquery transposed", "dquery is dscoresᵀ key; it is dscores key",
    dquery=lambda dscores, key: dscores.swapaxes(-1, -2) @ key / math.sqrt(key.shape[-1]),
)  # fmt: skip
exercise.mistake(
    "query for key", "dquery is made of the queries; it is dscores times the keys",
    dquery=lambda dscores, query: dscores @ query / math.sqrt(query.shape[-1]),
)  # fmt: skip
exercise.mistake(
    "key for query", "dkey is made of the keys; it is dscoresᵀ times the queries",
    dkey=lambda dscores, key: dscores.swapaxes(-1, -2) @ key / math.sqrt(key.shape[-1]),
)  # fmt: skip
exercise.mistake(
    "softmax's sum forgotten", "softmax's backward is p dp here; it is p (dp - Σ dp p)",
    dscores=lambda dprobs, probs: probs * dprobs,
)  # fmt: skip
exercise.mistake(
    "softmax as a sigmoid", "softmax's backward is p (1 - p) dp here, a sigmoid's; it is p (dp - Σ dp p)",
    dscores=lambda dprobs, probs: probs * (1 - probs) * dprobs,
)  # fmt: skip
exercise.mistake(
    "softmax's backward forgotten", "dprobs goes on as it is; softmax's backward, p (dp - Σ dp p), stands between",
    dscores=lambda dprobs: dprobs,
)  # fmt: skip
exercise.mistake(
    "softmax's sum over the queries", "Σ dp p runs over the queries; it runs over the keys, the last axis",
    dscores=lambda dprobs, probs: probs * (dprobs - (dprobs * probs).sum(axis=-2, keepdims=True)),
)  # fmt: skip
exercise.mistake(
    "dprobs transposed", "dprobs is value dcontextᵀ; it is dcontext valueᵀ",
    dprobs=lambda dcontext, value: value @ dcontext.swapaxes(-1, -2),
)  # fmt: skip
