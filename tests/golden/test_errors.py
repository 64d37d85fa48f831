"""The error of golden values: caught as minibert's own and as a ValueError, and public under `mb.golden`."""

from pathlib import Path

import pytest

import minibert as mb
from minibert.golden.errors import GoldenError


def test_it_is_caught_in_every_way() -> None:
    assert mb.golden.GoldenError is GoldenError
    for kind in (GoldenError, mb.MinibertError, ValueError):
        with pytest.raises(kind, match=r"^record takes a model of minibert, not a dict: see record_reference\.$"):
            mb.golden.record({}, {}, Path("pack"))  # type: ignore[arg-type]
