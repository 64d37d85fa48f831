"""The stand-in itself: it refuses what it says, and where it computes it does what CuPy documents."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from minibert.backend import array_module, load_backend, move, to_numpy
from tests import strict_cupy
from tests.strict_cupy import Refused, card, functions, transfers
from tests.strict_cupy.array import ndarray

REFUSED: dict[str, Callable[[Any, Any], Any]] = {
    "np.asarray": lambda cp, x: np.asarray(x),
    "np.array of a list": lambda cp, x: np.array([x[0], x[1]]),
    "a NumPy ufunc": lambda cp, x: np.exp(x),
    "a NumPy function": lambda cp, x: np.concatenate([x, x]),
    "+ a NumPy array": lambda cp, x: x + np.ones(3),
    "a NumPy array +": lambda cp, x: np.ones(3) + x,
    "+= a NumPy array": lambda cp, x: x.__iadd__(np.ones(3)),
    "a NumPy array +=": lambda cp, x: np.ones((2, 3)).__iadd__(x),
    "== a NumPy array": lambda cp, x: x == np.ones(3),
    "@ a NumPy array": lambda cp, x: x @ np.ones((3, 2)),
    "+ a list": lambda cp, x: x + list("abc"),
    "+ None": lambda cp, x: x + None,
    "where with a NumPy mask": lambda cp, x: cp.where(np.ones((2, 3), bool), x, 0),
    "where with a NumPy array": lambda cp, x: cp.where(x > 0, np.ones(3), x),
    "stack of both": lambda cp, x: cp.stack([x, np.ones((2, 3))]),
    "matmul of NumPy's": lambda cp, x: cp.matmul(np.ones((2, 3)), np.ones((3, 2))),
    "sum of NumPy's": lambda cp, x: cp.sum(np.ones(3)),
    "a NumPy index": lambda cp, x: x[np.array([0, 1])],
    "a list as an index": lambda cp, x: x[[0, 1]],
    "a list in an index": lambda cp, x: x[:, [0, 1]],
    "True as an index": lambda cp, x: x[True],
    "an array in a slice": lambda cp, x: x[: cp.asarray(1)],
    "two masks": lambda cp, x: x[x[:, 0] > 0, x[0] > 0],
    "assigning a NumPy array": lambda cp, x: x.__setitem__(0, np.ones(3)),
    "assigning a list": lambda cp, x: x.__setitem__(0, [1.0, 2.0, 3.0]),
    "writing twice to one place": lambda cp, x: x.__setitem__(cp.asarray([0, 0]), x[:2]),
    "bool": lambda cp, x: bool(x[0, 0]),
    "if any": lambda cp, x: 1 if x.any() else 2,
    "and": lambda cp, x: x.any() and x.all(),
    "float": lambda cp, x: float(x.sum()),
    "int": lambda cp, x: int(x.argmax()),
    "range": lambda cp, x: range(x.argmax()),
    "a NumPy scalar of it": lambda cp, x: np.float32(x.sum()),
    "max of Python": lambda cp, x: max(x[0]),
    "numbers one by one": lambda cp, x: list(x[0]),
    "in": lambda cp, x: 1.0 in x[0],
    "str": lambda cp, x: str(x),
    "format": lambda cp, x: f"{x.sum():g}",
    "where=": lambda cp, x: cp.add(x, x, where=x > 0),
    "sum(where=)": lambda cp, x: cp.sum(x, where=x > 0),
    "x.sum(initial=)": lambda cp, x: x.sum(initial=0.0),
    "x.mean(where=)": lambda cp, x: x.mean(where=x > 0),
    "too many arguments": lambda cp, x: cp.flatnonzero(x, 1),
    "maximum.reduce": lambda cp, x: cp.maximum.reduce(x),
    "multiply.at": lambda cp, x: cp.multiply.at(x, 0, 2.0),
    "logical_and.accumulate": lambda cp, x: cp.logical_and.accumulate(x),
    "out= of NumPy's": lambda cp, x: cp.exp(x, out=np.empty((2, 3))),
    "x.sum(out=) of NumPy's": lambda cp, x: x.sum(axis=0, out=np.empty(3)),
    "an unstable sort": lambda cp, x: x.argsort(kind="quicksort"),
    "random numbers": lambda cp, x: cp.random.rand(3),
    "set of a list": lambda cp, x: x.set([[1.0]]),
}
ABSENT = {
    "cupy": ("errstate", "einsum_path", "memmap", "float128", "matrix", "char", "object_", "seterr", "vecdot"),
    "ndarray": ("setflags", "ctypes", "itemset", "tostring", "newbyteorder", "__index__", "__contains__", "dumpx"),
    "flags": ("writeable", "aligned"),
}


@pytest.fixture
def x(cupy: ModuleType) -> Any:
    return cupy.asarray(np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("what", REFUSED)
def test_refused(cupy: ModuleType, x: Any, what: str) -> None:
    with pytest.raises((Refused, TypeError)) as found:
        REFUSED[what](cupy, x)
    assert isinstance(found.value, Refused) or what in ("range", "+ None", "in", "a NumPy scalar of it"), found.value


def test_what_cupy_has_not_is_not_here(cupy: ModuleType, x: Any) -> None:
    for name in ABSENT["cupy"]:
        assert not hasattr(cupy, name), name
    for name in ABSENT["ndarray"]:
        assert not hasattr(x, name), name
    for name in ABSENT["flags"]:
        assert not hasattr(x.flags, name), name


def test_nothing_here_is_not_in_cupy(cupy: ModuleType) -> None:
    recorded = set(functions.STORED["classes"]["cupy.ndarray"]) | set(dir(object)) | {"__module__", "__weakref__"}
    assert {name for name in dir(ndarray) if not name.startswith("_") or name.startswith("__")} <= recorded
    for name, module in strict_cupy.MODULES.items():
        if name != "cupyx.scipy":
            public = {each for each in vars(module) if not each.startswith("_")}
            modules = {each.rpartition(".")[2] for each in strict_cupy.MODULES if each.rpartition(".")[0] == name}
            assert public - modules <= set(functions.RECORDED[name])


def test_the_production_path(cupy: ModuleType) -> None:
    assert load_backend("cupy") is cupy is sys.modules["cupy"]
    x = move(np.ones(2), cupy, "float32")
    assert array_module(x, np.ones(2)) is cupy
    assert x.dtype == np.float32
    assert move(x, cupy) is x
    np.testing.assert_array_equal(to_numpy(x), [1, 1])


def test_it_is_gone_afterwards() -> None:
    before = sys.modules.get("cupy")
    with strict_cupy.installed() as module:
        assert sys.modules["cupy"] is module
    assert sys.modules.get("cupy") is before


def test_transfers_are_counted(cupy: ModuleType) -> None:
    x = cupy.asarray([1.0, 0.0, 2.0])
    assert transfers.counts == {"to device": 1}
    assert [x.get().tolist(), cupy.asnumpy(x).tolist(), x.tolist(), [x[0].item(), 0, 2]] == [[1, 0, 2]] * 4
    assert transfers.counts == {"to device": 1, "to host": 4}
    assert (x + 1.0).sum().ndim == 0
    assert transfers.counts == {"to device": 1, "to host": 4}
    assert (x[x > 0].size, cupy.flatnonzero(x).size, x.nonzero()[0].size) == (2, 2, 2)
    assert transfers.counts["wait"] == 3
    with transfers.forbid("to host"), pytest.raises(Refused, match=r"item\(\) here"):
        x.sum().item()
    with transfers.forbid("wait"), pytest.raises(Refused, match="a boolean index here"):
        x[x > 0]


def test_numpys_numbers(cupy: ModuleType) -> None:
    """What is not refused is computed as NumPy computes it."""
    rng = np.random.default_rng(0)
    host = rng.normal(size=(3, 4, 5)).astype(np.float32)
    x = cupy.asarray(host)
    for ours, expected in [
        (x * 2.0 + 1, host * 2.0 + 1),
        (1.0 / x, 1.0 / host),
        (np.float32(2) * x, np.float32(2) * host),
        (x.sum(axis=(0, 1)), host.sum(axis=(0, 1))),
        (x.mean(axis=-1, keepdims=True), host.mean(axis=-1, keepdims=True)),
        (x.transpose(2, 0, 1).reshape(5, -1), host.transpose(2, 0, 1).reshape(5, -1)),
        (x @ x.swapaxes(-1, -2), host @ host.swapaxes(-1, -2)),
        (x[:, None, 1:, ::2], host[:, None, 1:, ::2]),
        (x[cupy.asarray([2, 0])], host[[2, 0]]),
        (x[:, cupy.asarray([[1], [3]]), cupy.asarray([0, 4])], host[:, [[1], [3]], [0, 4]]),
        (x[x > 0], host[host > 0]),
        (cupy.where(x > 0, x, 0.0), np.where(host > 0, host, np.float32(0.0))),
        (cupy.concatenate([x, x], axis=1), np.concatenate([host, host], axis=1)),
        (cupy.take_along_axis(x, x.argsort(axis=-1), axis=-1), np.sort(host, axis=-1)),
        (cupy.add.reduceat(x, cupy.asarray([0, 2]), axis=1), np.add.reduceat(host, [0, 2], axis=1)),
        (cupy.clip(x, -0.5, 0.5), np.clip(host, -0.5, 0.5)),
        (x.clip(-0.5, 0.5), host.clip(-0.5, 0.5)),
        (cupy.arange(3, dtype="float32"), np.arange(3, dtype="float32")),
        (-x, -host),
        (abs(x), abs(host)),
        ((x > 0) & ~(x > 1), (host > 0) & ~(host > 1)),
    ]:
        assert isinstance(ours, ndarray)
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours.get(), expected)


def test_dtypes_are_those_of_cupys_loops(cupy: ModuleType) -> None:
    one = {name: cupy.ones(2, name) for name in ("float16", "float32", "float64", "int64", "int8", "bool")}
    for ours, expected in [
        (one["float32"] + 1.0, "float32"),
        (one["float32"] * np.float64(1.0), "float64"),
        (one["float32"] + one["float64"], "float64"),
        (one["float32"] + one["int64"], "float64"),
        (one["int64"] / 2, "float64"),
        (one["bool"] * one["float16"], "float16"),
        (cupy.sqrt(one["int8"]), "float16"),
        (cupy.exp(one["int64"]), "float64"),
        (one["bool"].sum(), "int64"),
        (one["float16"].mean(), "float16"),
    ]:
        assert ours.dtype == expected
    with pytest.raises(np._core._exceptions.UFuncTypeError):
        one["int64"].__iadd__(1.5)


def test_indices_wrap_around(cupy: ModuleType) -> None:
    x = cupy.asarray([10, 11, 12])
    assert x[cupy.asarray([3, -1, 7, -4])].get().tolist() == [10, 12, 11, 12]
    x[cupy.asarray([4])] = 5
    assert x.get().tolist() == [10, 5, 12]
    with pytest.raises(IndexError):
        x[3]  # a Python int is checked


def test_empty_is_garbage(cupy: ModuleType) -> None:
    assert np.isnan(cupy.empty((2, 2), "float32").get()).all()
    assert np.isnan(cupy.empty_like(cupy.ones(3)).get()).all()
    assert (cupy.empty(3, "int64").get() > 1 << 40).all()


def test_views_know_their_owner(cupy: ModuleType) -> None:
    x = cupy.zeros((4, 6))
    for view in (x[1:], x.reshape(6, 4), x.T, x[0], x[None], x.swapaxes(0, 1)[2:], x.ravel(), x.view()):
        assert view.base is x
    for copy in (x + 0, x[cupy.asarray([1])], x.copy(), x.T.reshape(-1), x.astype("float64"), x[x == 0]):
        assert copy.base is None
    assert x.astype("float64", copy=False) is x
    view = x.T[1]
    view += 1.0
    assert x.get().sum() == 4


def test_atomic_sums_come_in_no_order(cupy: ModuleType) -> None:
    import cupyx

    rng = np.random.default_rng(0)
    rows, ids = rng.normal(size=2000).astype("float32"), rng.integers(0, 2, size=2000)
    found = []
    for _ in range(4):
        out = cupy.zeros(2, "float32")
        cupyx.scatter_add(out, cupy.asarray(ids), cupy.asarray(rows))
        found.append(out.get())
        np.testing.assert_allclose(out.get(), [rows[ids == i].sum() for i in range(2)], rtol=1e-4)
    assert len({each.tobytes() for each in found}) > 1


def test_memory_is_counted_and_runs_out(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    before = card.used
    x = cupy.zeros((1024, 1024), "float32")
    assert card.used == before + (4 << 20)
    assert x[1:].T.base is x
    assert card.used == before + (4 << 20)
    free, total = cupy.cuda.runtime.memGetInfo()
    assert (free, total) == (card.total - card.used, card.total)
    del x
    assert card.used == before
    monkeypatch.setattr(card, "total", before + 1000)
    with pytest.raises(cupy.cuda.memory.OutOfMemoryError, match="allocating 2,000 bytes"):
        cupy.zeros(250)


def test_tests_may_mix_where_they_are_let_off(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    x = cupy.asarray([1.0, 2.0])
    monkeypatch.setattr(strict_cupy.rules, "lenient_folder", strict_cupy.rules.TESTS)
    np.testing.assert_array_equal(x, [1.0, 2.0])
    assert float((x * np.array([3.0, 4.0])).sum()) == pytest.approx(11.0)
    assert x.sum() == pytest.approx(3.0)
    assert np.exp(x).shape == (2,)
    x[...] = np.zeros(2)
    with pytest.raises(Refused):  # the library is not
        _call_of_the_library(x)


def _call_of_the_library(x: Any) -> Any:
    from minibert.pipelines.scores import sigmoid

    return sigmoid(x)  # NumPy's alone
