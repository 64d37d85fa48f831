"""The command `minibert explore`: a page, or one sentence."""

from pathlib import Path

import pytest

from minibert.cli import main
from tests import small_checkpoints
from tests.explorer.pages import data_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with its tokenizer."""
    return small_checkpoints.save("bert", "ForMaskedLM", tmp_path_factory.mktemp("checkpoint"))


class TestCommand:
    def test_writes_a_page(self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        target = tmp_path / "page.html"
        command = [
            "explore",
            str(folder),
            "A [MASK] fox.",
            "-o",
            str(target),
            "--gradients",
            "--layers",
            "0",
            "--top",
            "2",
        ]
        assert main(command) == 0
        assert capsys.readouterr().out.startswith(f"{target}: 0.")
        data = data_of(target.read_text(encoding="utf-8"))
        assert data["model"]["class"] == "BertForMaskedLM"
        assert (data["layers"], len(data["predictions"]), len(data["attributions"])) == ([0], 1, 1)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["./no/such/model", "fox"], "no/such/model"),
            (["FOLDER", "fox", "--layers", "one"], "--layers takes numbers with commas between them, not 'one'."),
            (["FOLDER", "fox", "-o", "no/folder/page.html"], "there is no folder no/folder."),
            (["FOLDER", "fox " * 80], "but the model has positions for 64"),
        ],
    )
    def test_mistakes(self, arguments: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["explore", *(str(folder) if each == "FOLDER" else each for each in arguments)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("minibert: ")
        assert words in error
        assert "Traceback" not in error
