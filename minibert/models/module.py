"""Modules: the tree of a model's parts, each with a path, and the parameters they share.

A module holds parameters and nothing of a call. Its path is its name in every checkpoint
(`bert.encoder.layer.0.attention.self.query`), and its parameters' names are the path, a dot and the
parameter (`....weight`). All parameters of a model live in one `Parameters`, by these names.
"""

from typing import Any

from minibert import functional as F
from minibert.backend import Array
from minibert.forms import step
from minibert.models.parameters import Parameter, Parameters
from minibert.trace import Backward, Run


class Module:
    """A part of a model.

    Args:
        path: its name in the checkpoint, "" for a whole model.
        parameters: the parameters of the whole model.
    """

    def __init__(self, path: str, parameters: Parameters) -> None:
        self.path = path
        self.parameters = parameters
        self.names: dict[str, str] = {}  # attribute -> full name of its parameter

    def at(self, child: str) -> str:
        """The path of a part, or the name of a quantity, inside this module."""
        return f"{self.path}.{child}" if self.path else child

    def declare(
        self, attribute: str, shape: tuple[int, ...], kind: str, padding_idx: int | None = None, name: str | None = None
    ) -> None:
        """Declare a parameter of this module; `name` where it is not the path, a dot and the attribute."""
        self.names[attribute] = name or self.at(attribute)
        self.parameters.declare(self.names[attribute], shape, kind, padding_idx)


class Linear(Module):
    """y = x Wᵀ + b. Parameters: weight (O, I), bias (O,)."""

    weight = Parameter()
    bias = Parameter()

    def __init__(self, path: str, parameters: Parameters, inputs: int, outputs: int, shape: str, formula: str) -> None:
        super().__init__(path, parameters)
        self.shape, self.formula = shape, formula
        self.declare("weight", (outputs, inputs), "normal")
        self.declare("bias", (outputs,), "zeros")

    def forward(self, x: Array, run: Run, also: tuple[str, ...] = ()) -> Array:
        """x (..., I) -> y (..., O)."""
        run.save(self.path, x)
        return run.record(self.path, F.linear(x, self.weight, self.bias), self.shape, self.formula, also)

    def backward(self, dy: Array | None, back: Backward) -> Any:
        """dy (..., O) -> dx (..., I), or None where no gradient arrives."""
        dy = back.arrive(self.path, dy)
        if dy is None:
            return None
        dx, dweight, dbias = F.linear_backward(dy, back.saved(self.path), self.weight)
        back.add(self.names["weight"], dweight)
        back.add(self.names["bias"], dbias)
        return dx


@step
def activate(dense: Linear, activation: F.Activation, x: Array, run: Run, path: str) -> Array:
    """x (..., I) -> f(x Wᵀ + b) (..., O); x Wᵀ + b, which backward needs, is kept at `path`."""
    y = dense.forward(x, run)
    run.save(path, y)
    return activation.forward(y)


def activate_backward(dense: Linear, activation: F.Activation, dy: Array, back: Backward, path: str) -> Array:
    """dy (..., O) -> dx (..., I). forward: y = f(x Wᵀ + b), so the linear map's output gets dy f'(x Wᵀ + b)."""
    return dense.backward(activation.backward(dy, back.saved(path)), back)


class LayerNorm(Module):
    """y = gamma (x - mean) / √(var + eps) + beta. Parameters: weight (D,) is gamma, bias (D,) is beta."""

    weight = Parameter()
    bias = Parameter()

    def __init__(self, path: str, parameters: Parameters, width: int, eps: float, shape: str) -> None:
        super().__init__(path, parameters)
        self.eps, self.shape = eps, shape
        self.declare("weight", (width,), "ones")
        self.declare("bias", (width,), "zeros")

    def forward(self, x: Array, run: Run, name: str | None = None, also: tuple[str, ...] = ()) -> Array:
        """x (..., D) -> y (..., D), recorded under `name` or the module's path."""
        y, cache = F.layer_norm(x, self.weight, self.bias, self.eps)
        return self.record(y, cache, run, name, also)

    def backward(self, dy: Array, back: Backward) -> Array:
        """dy (..., D) -> dx (..., D). The caller has met the output's name: `dy` has arrived there."""
        cache = back.saved(self.path)
        if back.keeps(self.at("normalized")):
            back.arrive(self.at("normalized"), dy * self.weight)
        if back.keeps(self.at("rstd")):  # normalized = centred rstd, so drstd = Σ dnormalized normalized / rstd
            by_row = (dy * self.weight * cache.normalized).sum(axis=-1, keepdims=True)
            back.arrive(self.at("rstd"), by_row / cache.rstd)
        dx, dweight, dbias = F.layer_norm_backward(dy, cache, self.weight)
        back.add(self.names["weight"], dweight)
        back.add(self.names["bias"], dbias)
        return dx

    def record(
        self, y: Array, cache: F.LayerNormCache | None, run: Run, name: str | None, also: tuple[str, ...]
    ) -> Array:
        """y (..., D) -> y (..., D), named; what backward needs is kept. A cache is there if `keeps_cache` says so."""
        if cache is not None and self.keeps_cache(run):
            run.save(self.path, cache)
            by_row = self.shape.rsplit(" ", 1)[0] + " 1"
            run.record(self.at("rstd"), cache.rstd, by_row, "1 / √(var(x) + eps)", editable=False)
            run.record(self.at("normalized"), cache.normalized, self.shape, "(x - mean(x)) rstd", editable=False)
        also = also if name is None else (*also, self.path)
        return run.record(name or self.path, y, self.shape, "gamma normalized + beta", also)

    def keeps_cache(self, run: Run) -> bool:
        """Whether somebody wants the normalised values and the deviations: a reader of the trace, or backward."""
        return run.keeps(self.at("normalized"), self.at("rstd"))


class Embedding(Module):
    """y = table[ids]. Parameter: weight (V, D); the row of `padding_idx` gets no gradient."""

    weight = Parameter()

    def __init__(
        self, path: str, parameters: Parameters, rows: int, width: int, padding_idx: int | None = None
    ) -> None:
        super().__init__(path, parameters)
        self.rows, self.padding_idx = rows, padding_idx
        self.declare("weight", (rows, width), "normal", padding_idx)

    def forward(self, ids: Array, run: Run) -> Array:
        """ids (...) -> rows (..., D)."""
        run.save(self.path, ids)
        return F.embedding(ids, self.weight)

    def backward(self, dy: Array, back: Backward) -> None:
        """dy (..., D): added to the rows that were looked up, on top of what a tied output layer added."""
        name = self.names["weight"]
        ids = back.saved(self.path)
        back.grads[name] = F.embedding_backward(dy, ids, self.rows, self.padding_idx, out=back.grads.get(name))


class Dropout(Module):
    """y = x mask / (1 - p) in training; in evaluation x itself, under the same name."""

    def __init__(self, path: str, parameters: Parameters, p: float, shape: str) -> None:
        super().__init__(path, parameters)
        self.p, self.shape = p, shape
        self.formula = f"x mask / {1.0 - p:g}"

    def alias(self, run: Run) -> tuple[str, ...]:
        """The other name that this step gives its input, where it leaves it as it is."""
        return (self.path,) if run.rng is None or self.p == 0.0 else ()

    def forward(self, x: Array, run: Run) -> Array:
        """x (...) -> y (...)."""
        mask = self.draw(x.shape, run)
        if mask is None:
            return x
        self.record_mask(mask, run)
        return run.record(self.path, F.dropout(x, mask, self.p), self.shape, self.formula)

    def backward(self, dy: Array | None, back: Backward) -> Any:
        """dy (...) -> dx (...), or None where no gradient arrives. forward: y = x mask / (1 - p)."""
        if dy is None or not back.has(self.path):
            return dy
        arrived = back.arrive(self.path, dy)
        return F.dropout_backward(arrived, back.saved(self.path), self.p)

    def draw(self, shape: tuple[int, ...], run: Run) -> Array | None:
        """A mask of this shape, kept for backward; None where nothing is dropped."""
        if run.rng is None or self.p == 0.0:
            return None
        mask = F.draw_dropout_mask(run.rng, shape, self.p, self.parameters.xp)
        run.save(self.path, mask)
        return mask

    def record_mask(self, mask: Array, run: Run) -> None:
        """Name the mask."""
        run.record(self.at("mask"), mask, self.shape, f"True with probability {1.0 - self.p:g}", editable=False)
