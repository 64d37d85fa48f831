"""Printing reports: every format, several at once, a file beside, and the exit code."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

import minibert as mb
from minibert.commands.golden_actions.report import DIFFERS, FORMATS, add_report_arguments, print_reports
from minibert.golden.errors import GoldenError
from tests.golden.models import bert

Options = Callable[..., argparse.Namespace]


@pytest.fixture
def options() -> Options:
    parser = argparse.ArgumentParser()
    add_report_arguments(parser)
    return lambda *words: parser.parse_args(words)


@pytest.fixture(scope="module")
def good(pack: Path) -> mb.golden.Report:
    return mb.golden.check(pack, bert(), only=["bert.embeddings"])


@pytest.fixture(scope="module")
def bad(pack: Path) -> mb.golden.Report:
    return mb.golden.check(pack, bert(seed=1), only=["bert.embeddings"])


def test_the_exit_code_says_whether_all_agree(options: Options, good: object, bad: object) -> None:
    assert print_reports([good, good], options()) == 0
    assert print_reports([good, bad], options()) == DIFFERS == 3


def test_every_format_is_one_that_its_readers_take(
    options: Options, bad: object, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {}
    for form in FORMATS:
        print_reports([bad], options("--format", form))
        shown[form] = capsys.readouterr().out
    assert shown["text"].startswith("DIFFERS: ")
    assert json.loads(shown["json"])["ok"] is False
    assert "|" in shown["markdown"]
    assert ElementTree.fromstring(shown["junit"]).tag == "testsuite"
    assert len(set(shown.values())) == len(FORMATS)
    print_reports([bad], options("--json"))
    assert capsys.readouterr().out == shown["json"]


def test_several_reports_are_a_list_in_json_and_paragraphs_in_text(
    options: Options, good: object, bad: object, capsys: pytest.CaptureFixture[str]
) -> None:
    print_reports([good, bad], options("--json"))
    assert [report["ok"] for report in json.loads(capsys.readouterr().out)] == [True, False]
    print_reports([good, bad], options())
    assert len(capsys.readouterr().out.split("\n\n")) >= 2


def test_the_report_is_written_as_it_is_printed(
    options: Options, good: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "report.txt"
    assert print_reports([good], options("-o", str(file))) == 0
    assert file.read_text(encoding="utf-8") == capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_named(options: Options, good: object, tmp_path: Path) -> None:
    file = tmp_path / "no" / "report"
    with pytest.raises(GoldenError, match="cannot be written: No such file or directory") as error:
        print_reports([good], options("-o", str(file)))
    assert str(error.value).startswith(str(file))
