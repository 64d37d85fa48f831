"""The page as a file: it reads nothing else, holds any text, and is written whole or not at all."""

import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest

import minibert as mb
from minibert.explorer import Page
from tests.explorer.pages import attention, big_page, data_of, page


@pytest.mark.parametrize(
    "text",
    ["</script><script>alert(1)</script>", "<!-- <script>", "\"quotes\" 'and' & &amp;", "@style@ @data@", "\u2028"],
)
def test_no_text_breaks_out_of_the_page(text: str) -> None:
    html = page("bert", f"fox {text}")
    assert data_of(html)["texts"][0]["text"] == f"fox {text}"
    assert html.count("<script") == 2
    assert html.count("</script>") == 2
    assert html.count("<style>") == 1


def test_page_reads_nothing_else() -> None:
    html = page("bert")
    assert not re.search(r"""(src|href)\s*=|@import|url\(|https?://|fetch\(|XMLHttpRequest|import\(""", html)
    assert "default-src 'none'" in html


def test_notebook_frame() -> None:
    html = page("bert", 'fox "quoted"')
    frame = html._repr_html_()
    assert frame.startswith("<iframe ")
    assert frame.count('"') == 8  # of its four attributes: the page's own are escaped
    assert repr(html).startswith("<minibert page, 0.")
    assert isinstance(html, str)


def test_saving_replaces_whole(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    target.write_text("old")
    html = page("bert", None, path=target)
    assert target.read_text(encoding="utf-8") == html
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert Page("x").save(tmp_path / "other.html").read_text() == "x"


def test_big_page_is_small_enough() -> None:
    html = big_page()
    assert len(html.encode()) < 5e6
    data = data_of(html)
    assert len(data["tokens"]) == 128
    assert data["attention"]["bits"] == 8
    sums = attention(data).sum(axis=-1)
    assert np.abs(sums - 1).max() < 0.05


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(mb.InputError, match=r"page\.html cannot be written: there is no folder .*missing\.$"):
        page("bert", path=tmp_path / "missing" / "page.html")


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(mb.InputError, match="is a folder: give the name of the page to write"):
        page("bert", path=tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may write everywhere cannot be refused")
def test_no_permission(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IREAD | stat.S_IEXEC)
    with pytest.raises(mb.InputError, match="cannot be written: Permission denied"):
        page("bert", path=tmp_path / "page.html")


def test_disk_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(mb.InputError, match=r"page\.html cannot be written: No space left on device\.$"):
        page("bert", path=tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
