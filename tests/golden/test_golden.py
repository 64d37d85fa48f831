"""The names that minibert.golden gives."""

import minibert as mb
from minibert.golden import check


def test_public_names() -> None:
    assert mb.golden.check is check
    assert set(mb.golden.__all__) <= set(dir(mb.golden))
