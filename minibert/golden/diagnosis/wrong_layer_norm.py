"""Known mistakes of LayerNorm; gamma and beta are read off the golden values where the weights are not at hand."""

import numpy as np

from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair

_EPSILONS = (1e-12, 1e-5, 1e-6, 1e-8, 1e-7, 1e-4, 1e-3, 1e-9, 1e-10, 0.0)


def wrong_layer_norm(pair: TensorPair) -> Mistakes:
    """What LayerNorm gives of the same input with another epsilon, variance, axis, or a part left out."""
    x = _input(pair)
    inner = _inner_path(pair)
    affine = _affine(pair, inner)
    if x is None or affine is None:
        return
    yield from wrong_norms(pair, x, *affine)
    yield from _other_norms(pair, inner, normalize(x, epsilon(pair)))
    yield from _norm_before_the_sum(pair, x, affine)


def wrong_norms(pair: TensorPair, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> Mistakes:
    """x (..., D), gamma, beta (D,): what stands for LayerNorm(x)."""
    yield "LayerNorm is missing: the value is its input (in a pre-norm layer it would stand before the step)", x
    for words, normalized in _wrong_normalized(pair, x):
        yield words, normalized * gamma + beta
    plain = normalize(x, epsilon(pair))
    yield "LayerNorm's gamma and beta are missing", plain
    yield "LayerNorm's beta (bias) is missing", plain * gamma
    yield "LayerNorm's gamma (weight) is missing", plain + beta
    yield "LayerNorm's gamma and beta are exchanged", plain * beta + gamma


def _other_norms(pair: TensorPair, inner: str, normalized: np.ndarray) -> Mistakes:
    """The parameters of another LayerNorm of the pack."""
    for entry in pair.pack.results():
        path = entry.name.removesuffix(".normalized")
        if path == entry.name or path == inner:
            continue
        affine = _affine_of(pair, path, pair.golden_value(path.removesuffix(".LayerNorm")))
        if affine is not None and len(affine[0]) == normalized.shape[-1]:
            yield f"LayerNorm has the parameters of another one, {path}", normalized * affine[0] + affine[1]


def _norm_before_the_sum(pair: TensorPair, total: np.ndarray, affine: tuple[np.ndarray, np.ndarray]) -> Mistakes:
    """x + LayerNorm(f(x)) for LayerNorm(x + f(x))."""
    dense = pair.value_fed(f"{pair.name}.dense")
    if f"{pair.name}.sum" not in pair.pack or dense is None or dense.shape != total.shape:
        return
    gamma, beta = affine
    words = "x + LayerNorm(f(x)) for LayerNorm(x + f(x)): the sum is normalised, residual and all"
    yield words, total - dense + normalize(dense, epsilon(pair)) * gamma + beta


def seen_after_layer_norm(pair: TensorPair, mistakes: Mistakes) -> Mistakes:
    """Mistakes of the sum that LayerNorm is applied to, after LayerNorm."""
    affine = _affine(pair, _inner_path(pair))
    if affine is None:
        return
    for words, total in mistakes:
        if total is not None:
            yield words, normalize(total, epsilon(pair)) * affine[0] + affine[1]


def wrong_inside_layer_norm(pair: TensorPair) -> Mistakes:
    """`rstd` and `normalized`, which stand inside a LayerNorm."""
    x = _input(pair)
    if x is None:
        return
    if pair.name.endswith(".normalized"):
        yield from _wrong_normalized(pair, x)
        return
    variance = x.var(axis=-1, keepdims=True)
    for eps in _EPSILONS:
        if eps != epsilon(pair):
            yield _epsilon_words(pair, eps), 1.0 / np.sqrt(variance + eps)
    width = x.shape[-1]
    if width > 1:
        yield "unbiased variance: divided by D - 1", 1.0 / np.sqrt(
            variance * width / (width - 1) + epsilon(pair)
        )
    yield "epsilon is outside the root", 1.0 / (np.sqrt(variance) + epsilon(pair))


def _wrong_normalized(pair: TensorPair, x: np.ndarray) -> Mistakes:
    own = epsilon(pair)
    for eps in _EPSILONS:
        if eps != own:
            yield _epsilon_words(pair, eps), normalize(x, eps)
    mean, variance, width = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True), x.shape[-1]
    if width > 1:
        unbiased = variance * width / (width - 1)
        yield "unbiased variance: LayerNorm divides by D, not by D - 1", (x - mean) / np.sqrt(unbiased + own)
    for eps in dict.fromkeys((own, *_EPSILONS)):
        other = "" if eps == own else f", and it is {eps:g} where {own:g} belongs"
        yield f"epsilon is added outside the root of the variance{other}", (x - mean) / (np.sqrt(variance) + eps)
    yield "the mean is not subtracted, as in RMSNorm", x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + own)
    yield "the mean is not subtracted: x / √(variance + epsilon)", x / np.sqrt(variance + own)
    yield "divided by the variance instead of its root", (x - mean) / (variance + own)
    if x.ndim == 3 and x.shape[1] > 1:
        over = x - x.mean(axis=1, keepdims=True)
        yield "normalised over the tokens, not over the hidden width", over / np.sqrt(
            x.var(axis=1, keepdims=True) + own
        )
    for axes, what in ((tuple(range(x.ndim)), "the whole batch"), (tuple(range(1, x.ndim)), "a whole text")):
        over = x - x.mean(axis=axes, keepdims=True)
        words = f"normalised over {what}: each token has its own mean and variance"
        yield words, over / np.sqrt(x.var(axis=axes, keepdims=True) + own)


def _epsilon_words(pair: TensorPair, eps: float) -> str:
    return f"wrong epsilon: {eps:g} in LayerNorm, where {epsilon(pair):g} belongs"


def epsilon(pair: TensorPair) -> float:
    """What belongs under the root."""
    return float(pair.config.get("layer_norm_eps", 1e-12))


def normalize(x: np.ndarray, eps: float) -> np.ndarray:
    """x (..., D) -> (x - mean) / √(variance + eps)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + eps)


def _inner_path(pair: TensorPair) -> str:
    """The module of the LayerNorm that makes the value, `bert.embeddings.LayerNorm`."""
    name = pair.name
    if name.endswith((".rstd", ".normalized")):
        return pair.parent
    return next((path for path in (name, f"{name}.LayerNorm") if f"{path}.normalized" in pair.pack), name)


def _input(pair: TensorPair) -> np.ndarray | None:
    """What LayerNorm is applied to: the sum beside it, or the activation before it."""
    path = _inner_path(pair)
    outer = path.rsplit(".", 1)[0]
    for name in (f"{outer}.sum", f"{outer}.activation"):
        if name in pair.pack:
            return pair.value_fed(name)
    return None


def _affine(pair: TensorPair, path: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Gamma and beta (D,) of the LayerNorm that makes the value."""
    return _affine_of(pair, path, pair.golden)


def _affine_of(pair: TensorPair, path: str, y: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Gamma and beta (D,) of any LayerNorm, whose golden output is y."""
    gamma, beta = pair.weight(f"{path}.weight"), pair.weight(f"{path}.bias")
    if gamma is not None and beta is not None:
        return gamma, beta
    return None if y is None else _fitted(pair.golden_value(f"{path}.normalized"), y)


def _fitted(n: np.ndarray | None, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Gamma and beta (D,) of y = gamma n + beta, by least squares; None where n does not tell."""
    if n is None or n.shape != y.shape or n.size // n.shape[-1] < 2:
        return None
    n, y = n.reshape(-1, n.shape[-1]), y.reshape(-1, y.shape[-1])
    centred = n - n.mean(axis=0)
    spread = (centred * centred).sum(axis=0)
    if not spread.all():
        return None
    gamma = (centred * (y - y.mean(axis=0))).sum(axis=0) / spread
    return gamma, y.mean(axis=0) - gamma * n.mean(axis=0)
