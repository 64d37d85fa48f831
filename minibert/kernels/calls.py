"""The kernels as Python functions: each makes room for its results and launches.

Inputs are C-contiguous CuPy arrays of one dtype, as `usable` and the functions named `fits_...` check.
`primitives.py` and `steps.py` attach these functions to the plain steps that say what they compute.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import Array, array_module
from minibert.functional.layer_norm import LayerNormCache
from minibert.kernels.launch import ceil_div, launch, number_of, on_card, usable

_THREADS = 256  # a block of a launch over single values
_ROWS = 4  # rows a block, one warp each
_SHARED = 48 * 1024  # bytes of shared memory that every card gives a block


def _over_values(name: str, like: Array, size: int, *args: Any) -> None:
    launch(name, like, (ceil_div(size, _THREADS),), (_THREADS,), *args)


def _over_rows(name: str, like: Array, rows: int, *args: Any, of_block: int = _ROWS, shared: int = 0) -> None:
    launch(name, like, (ceil_div(rows, of_block),), (32, of_block), *args, shared=shared)


# softmax


def fits_masked_softmax(query: Array, keys: int, mask: Array | None) -> bool:
    """Whether the kernel can take scores of query (B, N, T, K) and this many keys, with a mask (B, 1, 1 or T, S)."""
    batch, _, tokens, _ = query.shape
    if not on_card(query):
        return False
    shapes = ((batch, 1, 1, keys), (batch, 1, tokens, keys))
    return mask is None or (usable(mask) and mask.dtype == query.dtype and mask.shape in shapes)


def masked_softmax(
    scores: Array, mask: Array | None, divisor: float, kept: Array | None = None, keep_scale: float = 1.0
) -> tuple[Array, Array]:
    """scores (B, N, T, S), which are written over, -> softmax(scores / divisor + mask), and what dropout leaves of it.

    Both are the same array without a dropout mask.
    """
    _, heads, tokens, keys = scores.shape
    probs = scores
    dropped = None if kept is None else array_module(scores).empty_like(scores)
    rows = scores.size // keys
    mask_rows = 1 if mask is None else mask.shape[2]
    _over_rows(
        "masked_softmax", scores, rows, scores, mask, kept, probs, dropped,
        rows, keys, heads * tokens, tokens, mask_rows, float(divisor), float(keep_scale),
    )  # fmt: skip
    return probs, probs if dropped is None else dropped


def masked_softmax_backward(
    ddropped: Array, probs: Array, divisor: float, kept: Array | None = None, keep_scale: float = 1.0
) -> Array:
    """ddropped (B, N, T, S), probs (B, N, T, S) before dropout -> dscores, of the scores before the division."""
    dscores = array_module(probs).empty_like(probs)
    keys = probs.shape[-1]
    rows = probs.size // keys
    _over_rows(
        "masked_softmax_backward", probs, rows, ddropped, probs, kept, dscores,
        rows, keys, float(divisor), float(keep_scale),
    )  # fmt: skip
    return dscores


# layer norm


def fits_layer_norm(x: Array, *others: Array | None, kept: Array | None = None) -> bool:
    """Whether the kernel can take these: one row must fit the shared memory of a block."""
    return usable(x, *others) and _fits_kept(kept, x) and x.shape[-1] * number_of(x.dtype).itemsize <= _SHARED


def residual_layer_norm(
    x: Array,
    weight: Array,
    beta: Array,
    eps: float,
    bias: Array | None = None,
    residual: Array | None = None,
    kept: Array | None = None,
    keep_scale: float = 1.0,
    keep_cache: bool = True,
) -> tuple[Array, LayerNormCache | None]:
    """x (..., D) -> LayerNorm(dropout(x + bias) + residual), and with keep_cache what backward needs."""
    xp = array_module(x)
    width = x.shape[-1]
    rows = x.size // width
    number = number_of(x.dtype)
    y = xp.empty_like(x)
    cache = None
    if keep_cache:
        cache = LayerNormCache(xp.empty_like(x), xp.empty((*x.shape[:-1], 1), dtype=number))
    of_block = max(1, min(_ROWS, _SHARED // (width * number.itemsize)))
    _over_rows(
        "residual_layer_norm", x, rows, x, bias, kept, residual, weight, beta, y, *(cache or (None, None)),
        rows, width, float(keep_scale), float(eps), of_block=of_block, shared=of_block * width * number.itemsize,
    )  # fmt: skip
    return y, cache


def layer_norm_backward(dy: Array, cache: LayerNormCache, weight: Array) -> tuple[Array, Array, Array]:
    """dy (..., D) -> dx (..., D), dweight (D,), dbias (D,)."""
    dx = array_module(dy).empty_like(dy)
    width = dy.shape[-1]
    rows = dy.size // width
    _over_rows("layer_norm_backward", dy, rows, dy, *cache, weight, dx, rows, width)
    dbias, dweight = column_sums(dy, cache.normalized)
    return dx, dweight, dbias


# sums over rows


def column_sum(x: Array) -> Array:
    """x (..., D) -> its sum over all rows (D,)."""
    return _sums(x, None)[0]


def column_sums(x: Array, other: Array) -> tuple[Array, Array]:
    """x (..., D), other (..., D) -> Σ x and Σ x other, over all rows: (D,) each."""
    total, products = _sums(x, other)
    return total, products


def _sums(x: Array, other: Array | None) -> list[Array]:
    """In chunks of rows, a block each; then the chunks are added."""
    xp = array_module(x)
    width = x.shape[-1]
    rows = x.size // width
    of_chunk = max(64, ceil_div(rows, 256))
    chunks = ceil_div(rows, of_chunk)
    parts = [xp.empty((chunks, width), dtype=number_of(x.dtype)) for _ in range(1 if other is None else 2)]
    products = None if other is None else parts[1]
    launch(
        "column_sums", x, (ceil_div(width, 32), chunks), (32, 8), x, other, parts[0], products, rows, width, of_chunk
    )
    return [_add_chunks(part, x) for part in parts]


def _add_chunks(parts: Array, like: Array) -> Array:
    chunks, width = parts.shape
    out = array_module(like).empty((width,), dtype=like.dtype)
    _over_values("add_chunks", like, width, parts, out, chunks, width)
    return out


# activations, by the kernel's name: "gelu_erf" or "gelu_tanh"


def activation(kernel: str, x: Array) -> Array:
    """x (..., F) -> f(x)."""
    y = array_module(x).empty_like(x)
    _over_values(f"bias_{kernel}", x, x.size, x, None, None, y, x.size, x.shape[-1])
    return y


def bias_activation(kernel: str, x: Array, bias: Array, keep_sum: bool) -> Array:
    """x (..., F), bias (F,) -> f(x + bias). x is written over: with keep_sum by x + bias, else by the result."""
    y = array_module(x).empty_like(x) if keep_sum else x
    _over_values(f"bias_{kernel}", x, x.size, x, bias, x if keep_sum else None, y, x.size, x.shape[-1])
    return y


def activation_backward(kernel: str, dy: Array, x: Array) -> Array:
    """dy, x (..., F) -> dy f'(x)."""
    dx = array_module(x).empty_like(x)
    _over_values(f"{kernel}_backward", x, x.size, dy, x, dx, x.size)
    return dx


# dropout


def _fits_kept(kept: Array | None, x: Array) -> bool:
    return kept is None or (
        kept.shape == x.shape and kept.dtype.itemsize == 1 and kept.flags.c_contiguous
    )


def fits_dropout(x: Array, kept: Array) -> bool:
    """Whether the kernel can take these."""
    return usable(x) and isinstance(kept, array_module(x).ndarray) and _fits_kept(kept, x)


def dropout(x: Array, kept: Array, keep_scale: float) -> Array:
    """x, kept (...) -> x kept scale."""
    y = array_module(x).empty_like(x)
    _over_values("dropout", x, x.size, x, kept, y, x.size, float(keep_scale))
    return y


_MASK_DRAWS = 16  # draws of 64 bits a thread, as masks.cu has it


def fits_draw_mask(rng: np.random.Generator, size: int, xp: ModuleType) -> bool:
    """Whether the kernel can go on with this generator's stream: NumPy's default generator, and something to draw."""
    known = isinstance(rng, np.random.Generator) and type(rng.bit_generator) is np.random.PCG64
    return known and size > 0 and xp is not np and hasattr(xp, "RawKernel")


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], threshold: int, xp: ModuleType) -> Array:
    """rng.integers(0, 65536, shape, uint16) >= threshold, made on the GPU; the generator goes on as if it had drawn."""
    kept = xp.empty(shape, dtype=bool)
    state = rng.bit_generator.state
    left, left_bits = int(state["has_uint32"]), int(state["uinteger"])
    halves = [_signed(state["state"][name] >> shift) for name in ("state", "inc") for shift in (64, 0)]
    draws = max(1, ceil_div(ceil_div(kept.size, 2) - left, 2))
    _over_values(
        "draw_mask", kept, ceil_div(draws, _MASK_DRAWS), kept, kept.size, threshold, *halves, left, left_bits
    )
    _pass_over(rng, kept.size, left)
    return kept


def _pass_over(rng: np.random.Generator, size: int, left: int) -> None:
    """Bring the generator to where drawing `size` numbers of 16 bits would have: 32 bits give two, 64 four."""
    pairs = ceil_div(size, 2) - left  # beyond what was left over
    draws = ceil_div(pairs, 2)
    bits: Any = rng.bit_generator
    uinteger = bits.state["uinteger"]
    if draws > 0:
        bits.advance(draws - 1)
        uinteger = int(bits.random_raw()) >> 32
    bits.state = {**bits.state, "has_uint32": pairs % 2, "uinteger": uinteger}


def _signed(number: int) -> int:
    """The low 64 bits as C's long long has them."""
    low = number & (1 << 64) - 1
    return low - (1 << 64) if low >> 63 else low


# cross entropy


class CardCrossEntropyCache(NamedTuple):
    """What backward needs, all of it on the card."""

    logits: Array  # (M, C)
    labels: Array  # (M,)
    log_sums: Array  # (M,) log Σ exp
    counted: Array  # () how many rows count
    ignored: int
    shape: tuple[int, ...]  # of the logits as they were given


def cross_entropy(
    logits: Array, labels: Array, ignored: int, shape: tuple[int, ...]
) -> tuple[Array, CardCrossEntropyCache]:
    """logits (M, C), labels (M,) -> loss (), and what backward needs; `shape` is the logits' own."""
    xp = array_module(logits)
    rows, classes = logits.shape
    number = number_of(logits.dtype)
    losses, log_sums = xp.empty((rows,), dtype=number), xp.empty((rows,), dtype=number)
    loss, count = xp.empty((), dtype=number), xp.empty((), dtype=number)
    threads = _row_threads(classes)
    launch(
        "cross_entropy_rows", logits, (rows,), (threads,), logits, labels, losses, log_sums, rows, classes, ignored
    )
    launch("cross_entropy_mean", logits, (1,), (_row_threads(rows),), losses, labels, loss, count, rows, ignored)
    return loss, CardCrossEntropyCache(logits, labels, log_sums, count, ignored, shape)


def cross_entropy_backward(dloss: Array | float, cache: CardCrossEntropyCache) -> Array:
    """dloss () -> dlogits, of the logits' own shape."""
    logits = cache.logits
    xp = array_module(logits)
    dloss = xp.asarray(dloss, dtype=cache.log_sums.dtype)
    dlogits = xp.empty_like(logits)
    rows, classes = logits.shape
    launch(
        "cross_entropy_backward", logits, (rows,), (_row_threads(classes),),
        logits, cache.labels, cache.log_sums, cache.counted, dloss, dlogits, classes, cache.ignored,
    )  # fmt: skip
    return dlogits.reshape(cache.shape)


def _row_threads(values: int) -> int:
    """Threads of a block that shares a row: whole warps, 1024 at most."""
    return min(1024, 32 * ceil_div(values, 32))


# AdamW


def adamw(
    theta: Array, master: Array | None, gradient: Array, m: Array, v: Array,
    beta1: float, beta2: float, shrink: float, step_size: float, root_correction: float, eps: float,
) -> None:  # fmt: skip
    """One parameter's step, in place."""
    _over_values(
        "adamw", theta, theta.size, theta, master, gradient, m, v, theta.size,
        float(beta1), float(beta2), float(shrink), float(step_size), float(root_correction), float(eps),
    )  # fmt: skip


# scatter-add


def scatter_add(ids: Array, rows: Array, out: Array, skipped: int) -> None:
    """ids (M,), rows (M, D), out (V, D): out[ids[i]] += rows[i], ids equal to `skipped` left out."""
    xp = array_module(out)
    ids, rows = ids.astype("int64", copy=False), xp.ascontiguousarray(rows)
    order = xp.argsort(ids)  # CuPy's is stable
    ordered = ids[order]
    places, width = rows.shape
    parts = xp.empty((places, width), dtype=number_of(out.dtype))
    threads = min(_THREADS, 32 * ceil_div(width, 32))
    launch("scatter_parts", out, (places,), (threads,), ordered, order, rows, parts, places, width, skipped)
    launch("scatter_totals", out, (places,), (threads,), ordered, parts, out, places, width, skipped)


# heads


def split_heads(xs: list[Array], biases: list[Array], heads: int) -> list[Array]:
    """Up to three x (B, T, N K), each with its bias (N K,), -> x + bias as (B, N, T, K), contiguous."""
    xp = array_module(xs[0])
    batch, tokens, width = xs[0].shape
    ys = [xp.empty((batch, heads, tokens, width // heads), dtype=x.dtype) for x in xs]
    padded = [part + [None] * (3 - len(xs)) for part in (xs, biases, ys)]
    size = xs[0].size
    launch(
        "split_heads", xs[0], (ceil_div(size, _THREADS), len(xs)), (_THREADS,),
        *padded[0], *padded[1], *padded[2], size, tokens, heads, width // heads,
    )  # fmt: skip
    return ys


def merge_heads(x: Array) -> Array:
    """x (B, N, T, K) -> (B, T, N K)."""
    batch, heads, tokens, width = x.shape
    y = array_module(x).empty((batch, tokens, heads * width), dtype=x.dtype)
    _over_values("merge_heads", x, x.size, x, y, x.size, tokens, heads, width)
    return y


