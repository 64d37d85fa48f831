"""Notebooks from the tutorials' sources: run the cells of `NN_name.py`, store them with outputs in `NN_name.ipynb`.

    python tutorials/build.py [NN_name ...]

Without a name, all of them. A source is a Python file in percent format: `# %%` begins a cell of code,
`# %% [markdown]` one of text, whose lines are comments. Edit the source, run this, look at the notebook, commit both: a
test runs every notebook again and compares its cells with the source and its outputs with those that are stored.

Needs `pip install -e '.[tutorials]'`.
"""

import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SECONDS = 300  # for one cell, on a slow machine


def cells(source: str) -> list[tuple[str, str]]:
    """(kind, text) of each cell, in order; the kind is "code" or "markdown".

    >>> cells("# %% [markdown]\\n# # Title\\n#\\n# Text\\n\\n# %%\\n1 + 1\\n")
    [('markdown', '# Title\\n\\nText'), ('code', '1 + 1')]
    """
    found: list[tuple[str, str]] = []
    for part in ("\n" + source).split("\n# %%")[1:]:
        head, _, body = part.partition("\n")
        if head.strip() == "[markdown]":
            lines = body.strip().splitlines()
            found.append(("markdown", "\n".join(line[2 if line.startswith("# ") else 1 :] for line in lines)))
        else:
            found.append(("code", body.strip()))
    return found


def notebook(source: str) -> Any:
    """The source as a notebook (nbformat's) that has not been run."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    made = [new_code_cell(text) if kind == "code" else new_markdown_cell(text) for kind, text in cells(source)]
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number}"  # the same each time, so that a new build changes what has changed
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=made, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def run(unrun: Any) -> Any:
    """Run all cells in this folder, in a fresh interpreter; raises CellExecutionError when a cell raises."""
    import nbclient

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    client = nbclient.NotebookClient(
        unrun, timeout=SECONDS, kernel_name="python3", record_timing=False, coalesce_streams=True
    )
    return client.execute(cwd=str(HERE))


def main() -> None:
    import nbformat

    paths = [HERE / f"{Path(name).stem}.py" for name in sys.argv[1:]] or sorted(HERE.glob("[0-9]*.py"))
    for path in paths:
        nbformat.write(run(notebook(path.read_text(encoding="utf-8"))), path.with_suffix(".ipynb"))
        print(path.with_suffix(".ipynb").name, flush=True)


if __name__ == "__main__":
    main()
