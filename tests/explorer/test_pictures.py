"""The pictures, and what is said without matplotlib."""

import importlib.util
import sys
from pathlib import Path

import pytest

import minibert as mb
from tests import small_checkpoints
from tests.explorer.pages import TEXTS, model

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not here: pip install 'minibert-numpy[plot]'"
)


def arguments(family: str = "bert") -> tuple:
    return model(family), small_checkpoints.tokenizer(family), TEXTS[family]


@pytest.mark.parametrize("name", ["plot_attention", "plot_logit_lens"])
def test_without_matplotlib(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(mb.MinibertError, match=rf"^{name} draws with matplotlib, which is not installed here: pip"):
        getattr(mb, name)(*arguments())


@needs_matplotlib
class TestPictures:
    @pytest.mark.parametrize(("chosen", "count"), [({"layer": 1, "head": 2}, 1), ({"layer": 1}, 3), ({}, 6)])
    def test_attention(self, chosen: dict, count: int, tmp_path: Path) -> None:
        figure = mb.plot_attention(*arguments(), tmp_path / "attention.png", **chosen)
        assert len(figure.axes) == count
        assert (tmp_path / "attention.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize("name", ["plot_attention", "plot_logit_lens"])
    def test_a_notebook_shows_it(self, name: str) -> None:
        picture = getattr(mb, name)(*arguments())._repr_png_()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5000

    @pytest.mark.parametrize("family", ["bert", "roberta", "rembert"])
    def test_logit_lens(self, family: str, tmp_path: Path) -> None:
        figure = mb.plot_logit_lens(*arguments(family), tmp_path / "lens.svg", places="all")
        assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["embeddings", "layer 0", "layer 1"]
        assert "<svg" in (tmp_path / "lens.svg").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("chosen", "words"),
        [
            ({"layer": 5}, "there is no layer 5: the model's 2 count from 0"),
            ({"layer": 0, "head": -1}, "there is no head -1: the model's 3 count from 0"),
            ({"head": 1}, "head 1 of which layer"),
            ({"path": "picture.jpg"}, "should end in .png, .svg or .pdf"),
        ],
    )
    def test_mistakes(self, chosen: dict, words: str) -> None:
        with pytest.raises(mb.InputError, match=words):
            mb.plot_attention(*arguments(), **chosen)

    def test_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(mb.MinibertError, match="there is no folder"):
            mb.plot_attention(*arguments(), tmp_path / "missing" / "a.png", layer=0)

    def test_no_language_model_head(self) -> None:
        encoder = mb.BertModel(small_checkpoints.config("bert"))
        with pytest.raises(mb.InputError, match="BertModel has no language-model head"):
            mb.plot_logit_lens(encoder, small_checkpoints.tokenizer("bert"), "fox")
