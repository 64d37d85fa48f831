"""The arithmetic under the primitives: products, sums, and the error function.

Each is one line of NumPy or a short piece of numerics, and a step of its own, because another array library or a
narrower dtype wants it done in another way (see `minibert/forms.py`).
"""

from minibert.backend import Array, array_module
from minibert.forms import step


@step
def matmul(a: Array, b: Array) -> Array:
    """a (..., M, K), b (..., K, N) -> a b (..., M, N), one product for every place of the leading axes.

    >>> import numpy as np
    >>> matmul(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    array([[11.]])
    """
    return a @ b


@step
def column_sum(x: Array) -> Array:
    """x (..., D) -> its sum over all other axes (D,)."""
    return x.sum(axis=tuple(range(x.ndim - 1)))


@step
def scatter_add(ids: Array, rows: Array, out: Array, skipped: int | None = None) -> None:
    """ids (M,), rows (M, D) -> out (V, D), in place: out[ids[i]] += rows[i] for every i, repeated ids included.

    `out[ids] += rows` would keep only the last of several equal ids. Rows whose id is `skipped` are left out.

    >>> import numpy as np
    >>> out = np.zeros((3, 1))
    >>> scatter_add(np.array([2, 0, 2]), np.array([[1.0], [10.0], [100.0]]), out)
    >>> out.ravel()
    array([ 10.,   0., 101.])
    """
    if skipped is not None:
        counted = ids != skipped
        ids, rows = ids[counted], rows[counted]
    if ids.size:
        places, sums = sums_by_id(rows, ids)
        out[places] += sums


@step
def sums_by_id(rows: Array, ids: Array) -> tuple[Array, Array]:
    """rows (M, D), ids (M,) -> the ids that occur (U,), and the sum of each one's rows (U, D).

    The rows of one id are brought together by a stable sort and summed in that order: the same bits at every run.
    """
    xp = array_module(rows)
    order = xp.argsort(ids, kind="stable")
    ordered = ids[order]
    first = xp.ones(ids.shape, dtype=bool)  # where another id begins
    first[1:] = ordered[1:] != ordered[:-1]
    starts = xp.flatnonzero(first)
    return ordered[starts], xp.add.reduceat(rows[order], starts, axis=0)


# erf(x) = x P(x²) for |x| < 1, and 1 - exp(-x²) Q((x - 2) / (x + 2)) beyond, both fitted at Chebyshev
# points with 40 digits (lowest power first). Greatest error against 40 digits: 2.3e-16 relative.
_ERF_NEAR = (
    1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792,
    0.0052239776248180145, -0.000854832698083379, 0.0001205533111164271, -1.4925595266831182e-05,
    1.6461000484121368e-06, -1.6350312701054695e-07, 1.4659775274047436e-08, -1.1372848856791674e-09,
    5.957176147748911e-11,
)  # fmt: skip
_ERF_FAR = (
    0.25539567631050575, -0.4271858474139584, 0.2416581942424663, -0.07897858101573252,
    0.003732892404355026, 0.006997461739225791, -0.0008471432526235886, -0.0009819770266183269,
    4.355565506579931e-05, 0.0001743611292917758, 2.752458636015109e-05, -2.757869831388864e-05,
    -1.39598516877637e-05, 1.3768440869681734e-06, 3.7532415259755377e-06, 1.2782870915296196e-06,
    -5.018225754743103e-07, -6.671840021542764e-07, 1.7257109341386674e-07,
)  # fmt: skip


@step
def erf(x: Array) -> Array:
    """x (...) -> 2/√π ∫₀ˣ exp(-t²) dt (...), in x's dtype; float64 is right to 2.3e-16 relative.

    >>> import numpy as np
    >>> erf(np.array([0.0, 1.0, 7.0])).round(6).tolist()
    [0.0, 0.842701, 1.0]
    """
    xp = array_module(x)
    magnitude = xp.minimum(xp.abs(x), 6.5)  # erf(6.5) = 1 in float64
    near = x * polynomial(_ERF_NEAR, xp.square(xp.minimum(magnitude, 1.0)))
    far = 1.0 - xp.exp(-xp.square(magnitude)) * polynomial(_ERF_FAR, (magnitude - 2.0) / (magnitude + 2.0))
    return xp.where(magnitude < 1.0, near, xp.copysign(far, x))


def polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    """x (...) -> the sum of coefficients[i] xⁱ (...) by Horner's rule, in x's dtype."""
    total = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        total += coefficient
        total *= x
    total += coefficients[0]
    return total
