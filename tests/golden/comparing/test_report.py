"""A report writes itself: for people as text, and in the forms that programs read."""

from pathlib import Path

import pytest

from minibert.golden import diff
from minibert.golden.comparing.formats import FORMATS, write
from minibert.golden.comparing.report import Report
from minibert.golden.comparing.results import DIFFERS, OK, TensorResult
from tests.golden.models import ported


def report(*verdicts: str) -> Report:
    rows = [TensorResult(f"value {i}", verdict) for i, verdict in enumerate(verdicts)]
    return Report("golden", "other", "propagated", 16.0, rows)


def test_a_report_says_in_brief_whether_all_is_well() -> None:
    assert repr(report(OK, OK)) == "<Report ok: 2 compared, 0 beyond>"
    assert repr(report(OK, DIFFERS)) == "<Report differs: 2 compared, 1 beyond>"


def test_a_report_is_its_rows() -> None:
    made = report(OK, DIFFERS)
    assert [row.name for row in made] == ["value 0", "value 1"]
    assert made["value 1"].verdict == DIFFERS
    with pytest.raises(KeyError):
        made["value 2"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_report_writes_itself(form: str) -> None:
    made = report(OK, DIFFERS)
    assert made.format(form) == write(made, form)
    assert "value 1" in made.format(form)


def test_text_is_what_it_prints(pack: Path) -> None:
    compared = diff(pack, ported("tanh GELU"))
    assert isinstance(compared, Report)
    assert str(compared) == compared.format() == compared.format("text")
