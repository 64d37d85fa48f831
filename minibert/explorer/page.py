"""The page itself: the data in the template, one file that reads nothing else and works without a network."""

import html
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

from minibert.errors import InputError, NotFiniteError
from minibert.explorer.gather import Options, gather
from minibert.files.output import output_file
from minibert.finite import find_not_finite

SCRIPTS = ("data", "state", "draw", "tokens", "attention", "values", "predictions", "gradients", "main")


class Page(str):
    """The HTML of a page; a notebook shows it in a frame of its own."""

    __slots__ = ()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page; a file of that name is replaced whole or not at all. Raises InputError."""
        target = Path(path)
        if target.is_dir():
            raise InputError(f"{target} is a folder: give the name of the page to write, such as page.html.")
        if not target.parent.is_dir():
            raise InputError(f"{target} cannot be written: there is no folder {target.parent}.")
        try:
            with output_file(target) as file:
                file.write(self.encode("utf-8"))
        except OSError as reason:
            raise InputError(f"{target} cannot be written: {reason.strerror or reason}.") from None
        return target

    def _repr_html_(self) -> str:
        """A frame for notebooks: the page's styles and keys stay inside it."""
        return (
            '<iframe title="minibert explorer" style="width: 100%; height: 760px; border: 1px solid #8884" '
            f'sandbox="allow-scripts" srcdoc="{html.escape(self)}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<minibert page, {len(self.encode('utf-8')) / 1e6:.2f} MB>"


def explore(
    model: Any,
    tokenizer: Any,
    text: str,
    path: str | os.PathLike[str] | None = None,
    *,
    pair: str | None = None,
    layers: Any = None,
    places: Any = None,
    top: int = 8,
    gradients: Any = False,
    integrated: int = 0,
    trace: Any = None,
    attributions: Any = None,
    title: str = "",
) -> Page:
    """One text through one model as a page: tokens, attention, every value, predictions and gradients.

    Args:
        model: any of the 23 classes.
        tokenizer, text: the text, as the tokenizer makes it tokens.
        path: the .html file to write; without it nothing is written.
        pair: a second text.
        layers: numbers of the layers to show, where the text is too long to show all.
        places: at which tokens to show predictions: numbers, "all", or None for the masked ones.
        top: predictions a layer.
        gradients: True for those of the largest logit (of a language model at the first masked place), or
            (field, index) for those of that number of the output, as of `gradient_x_input`.
        integrated: steps of integrated gradients of the same number; 0 for none.
        trace: a trace of this text, with edits or gradients of your own, instead of a new pass.
        attributions: {title: Attribution} to show too.
        title: of the page; by default the model's class and the text's beginning.

    Returns:
        The page: a str of HTML, which a notebook shows in a frame.

    Raises:
        InputError: the text has too many tokens, an option does not fit, or the file cannot be written.
        TraceError: the trace is of another text, or lacks what the page shows.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> model = mb.BertForMaskedLM.from_pretrained("tiny-bert")
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = mb.explore(model, tokenizer, "the dog [MASK].", f"{folder}/dog.html")
        ...     print(len(os.listdir(folder)))
        1
        >>> page[:15], "http://" in page or "https://" in page
        ('<!doctype html>', False)
    """
    if integrated < 0:
        raise InputError(f"integrated is {integrated}: a number of steps belongs there, or 0 for none.")
    if integrated and gradients is False:
        gradients = True
    options = Options(pair, layers, places, top, gradients, integrated, trace, attributions)
    data = gather(model, tokenizer, text, options)
    try:
        page = Page(render(data, title or f"{type(model).__name__}: {' '.join(text.split())[:60]}"))
    except ValueError as reason:  # JSON holds no infinity, and nothing that is no number
        found = find_not_finite(model.parameters)
        why = f"the weight {found}" if found else f"a value of it is infinite or no number ({reason})"
        raise NotFiniteError(f"{why}: no page was made.") from None
    if path is not None:
        page.save(path)
    return page


def render(data: dict[str, Any], title: str) -> str:
    """The template with the data in it."""
    template = files("minibert.explorer") / "template"

    def read(name: str) -> str:
        return (template / name).read_text(encoding="utf-8")

    script = "\n".join(read(f"{name}.js") for name in SCRIPTS)
    page = read("page.html")
    parts = {
        "@title@": html.escape(title).encode("utf-8", "replace").decode("utf-8"),
        "@style@": read("page.css"),
        "@script@": f'"use strict";\n(() => {{\n{script}\n}})();',
        "@data@": as_json(data),
    }
    return re.sub("|".join(parts), lambda mark: parts[mark[0]], page)


def as_json(data: Any) -> str:
    """JSON that no text can end early: inside a script element, only `<` could begin a tag or a comment.

    >>> print(as_json(["</script>", "\\ud800"]))
    ["\\u003c/script>","?"]
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no character
