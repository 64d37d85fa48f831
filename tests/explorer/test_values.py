"""The walk holds every value of the trace."""

import numpy as np
import pytest

import minibert as mb
from tests.explorer.pages import FAMILIES, data_of, encoded, model, page, picture


@pytest.mark.parametrize("family", FAMILIES)
def test_walk_is_the_trace(family: str) -> None:
    trace = mb.Trace()
    model(family)(**encoded(family), trace=trace)
    data = data_of(page(family))
    values = data["walk"]["values"]
    assert [value["name"] for value in values] == list(trace)
    for value in values:
        array, point = trace[value["name"]], trace.points[value["name"]]
        assert value["shape"] == list(array.shape)
        assert (value["formula"], value["symbols"]) == (point.formula, point.shape.split())
        if "picture" in value and np.abs(array).max() < 1e30:
            table = array[0].reshape(value["picture"]["rows"], -1)[:, : value["picture"]["columns"]]
            bound = np.abs(table).max(axis=1, keepdims=True) / 250 + 1e-7
            assert (np.abs(picture(data, value["name"]) - table) <= bound).all(), value["name"]
        kept = array[array > -1e30]
        if kept.size:
            assert value["mean"] == pytest.approx(float(kept.mean()), rel=1e-3, abs=1e-6)
