"""Reports as text, JSON, Markdown and JUnit XML."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from minibert.golden import GoldenError, diff
from tests.golden.models import ported


def test_text(pack: Path) -> None:
    good, bad = str(diff(pack, ported())), str(diff(pack, ported("tanh GELU")))
    assert good.startswith("OK: 37 of 37 tensors within 16 x their noise floor")
    assert bad.startswith("DIFFERS: ")
    for words in ("first divergence:", "bert.encoder.layer.0.intermediate\n", "= gelu(dense)", "noise floors",
                  "golden ", "ulp, cosine", "diagnosis: tanh-GELU for erf-GELU", "after it, "):  # fmt: skip
        assert words in bad


def test_json_markdown_and_junit(pack: Path) -> None:
    report = diff(pack, ported("tanh GELU"))
    data = json.loads(report.format("json"))
    assert data["ok"] is False
    assert data["first"] == "bert.encoder.layer.0.intermediate"
    row = next(each for each in data["tensors"] if each["name"] == data["first"])
    assert row["max_abs"] > row["tolerance"] == 16 * row["floor"]
    assert {"max_rel", "ulp", "cosine", "nmse", "worst_index", "golden", "other", "diagnosis"} <= set(row)
    markdown = report.format("markdown")
    assert markdown.startswith("**DIFFERS: ")
    assert "First divergence: `bert.encoder.layer.0.intermediate` = gelu(dense)" in markdown
    assert "| `bert.encoder.layer.0.intermediate` | differs | " in markdown
    assert "> tanh-GELU for erf-GELU" in markdown
    suite = ElementTree.fromstring(report.format("junit"))
    assert int(suite.get("failures", "0")) == len(report.failures) == len(suite.findall("testcase/failure"))
    assert int(suite.get("tests", "0")) == len(report.rows) == len(suite.findall("testcase"))
    assert int(suite.get("skipped", "0")) == len(suite.findall("testcase/skipped")) > 0
    with pytest.raises(GoldenError, match="format 'pdf' is not known: choose one of text, json, markdown, junit"):
        report.format("pdf")
    with pytest.raises(KeyError, match="the report has no tensor 'x'"):
        report["x"]
    assert repr(report).startswith("<Report differs: 37 compared, ")


def test_json_has_no_bare_infinity(pack: Path) -> None:
    values = ported()
    values["cls.predictions"] = np.full_like(values["cls.predictions"], np.inf)
    text = diff(pack, values).format("json")
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name))["ok"] is False


def test_nan_is_said_first(forward_pack: Path) -> None:
    text = str(diff(forward_pack, ported("a number is NaN")))
    assert "differs: 1 number is NaN on one side only; elsewhere off by" in text
    assert "diagnosis: 1 of 560 numbers are NaN" in text
