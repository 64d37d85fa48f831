"""The tutorials: each notebook is what its source says, and running it again gives the outputs that it shows."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tutorials" / "build.py"


def build_script():
    """The script that makes the notebooks; its folder is no package, and `build` the name of another one."""
    spec = importlib.util.spec_from_file_location("build_tutorials", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = build_script()
SOURCES = sorted(build.HERE.glob("[0-9]*.py"))
NAMES = [path.stem for path in SOURCES]


def stored(path: Path) -> list[dict]:
    return json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]


def text_of(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def shown(cell: dict) -> list[tuple[str, str]]:
    """What a reader sees under a cell: (kind, text); of a picture or a page only that it is there."""
    found: list[tuple[str, str]] = []
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            if found and found[-1][0] == output["name"]:
                found[-1] = (output["name"], found[-1][1] + text_of(output["text"]))
            else:
                found.append((output["name"], text_of(output["text"])))
            continue
        data = output["data"]
        rich = sorted(set(data) - {"text/plain"})
        found.append(("/".join(rich), "") if rich else ("text", text_of(data["text/plain"])))
    return found


def test_there_are_tutorials():
    assert len(SOURCES) >= 8
    assert {path.stem for path in build.HERE.glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_the_notebook_has_the_cells_of_its_source(path):
    cells = [(cell["cell_type"], text_of(cell["source"])) for cell in stored(path)]
    assert cells == build.cells(path.read_text(encoding="utf-8"))
    assert cells[0][0] == "markdown"
    assert cells[0][1].startswith("# ")


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_what_is_shown_is_the_same_on_every_machine(path):
    outputs = [output for cell in stored(path) for output in shown(cell)]
    assert outputs
    for kind, text in outputs:
        assert kind != "stderr", text
        assert not text.startswith("<Figure"), "a picture that is not shown"
        assert not re.search(r"0x[0-9a-f]{6}|/(home|tmp|root|usr|work)/|it/s", text), text


def test_the_overview_names_them_in_their_order():
    readme = (build.HERE / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((\d\d_\w+)\.ipynb\)", readme)
    assert linked == NAMES


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_running_it_again_shows_the_same(path):
    for library in ("nbclient", "nbformat", "ipykernel", "matplotlib"):
        pytest.importorskip(library, reason="runs the notebooks: pip install -e '.[tutorials]'")
    again = build.run(build.notebook(path.read_text(encoding="utf-8")))
    for number, (cell, new) in enumerate(zip(stored(path), again["cells"], strict=True)):
        assert shown(new) == shown(cell), f"cell {number} of {path.stem}:\n{text_of(cell['source'])}"


def test_a_changed_source_or_output_is_seen(tmp_path):
    cells = build.cells("# %% [markdown]\n# # A\n\n# %%\n1 + 1\n\n# %%\nx = 1\n")
    assert cells == [("markdown", "# A"), ("code", "1 + 1"), ("code", "x = 1")]
    one = {"outputs": [{"output_type": "execute_result", "data": {"text/plain": ["2"]}}]}
    two = {"outputs": [{"output_type": "execute_result", "data": {"text/plain": ["3"]}}]}
    assert shown(one) == [("text", "2")] != shown(two)
    parts = [{"output_type": "stream", "name": "stdout", "text": text} for text in (["a\n"], "b\n")]
    assert shown({"outputs": parts}) == [("stdout", "a\nb\n")]
