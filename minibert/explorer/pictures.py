"""Attention and the logit lens as pictures, through matplotlib (the extra `plot`), without a display."""

import io
import os
from typing import Any

import numpy as np

from minibert.backend import to_numpy
from minibert.errors import InputError, MinibertError
from minibert.explorer.predictions import choose_places, lens
from minibert.explorer.tokens import Row, encode, readable
from minibert.files.output import output_file

FORMATS = ("png", "svg", "pdf")
MOST_LABELS = 48  # tokens whose names fit along an axis


def plot_attention(
    model: Any,
    tokenizer: Any,
    text: str,
    path: str | os.PathLike[str] | None = None,
    *,
    layer: int | None = None,
    head: int | None = None,
    pair: str | None = None,
) -> Any:
    """Attention as a matplotlib figure: one head large, all heads of a layer, or, without either, all heads.

    Args:
        model: any of the 23 classes.
        tokenizer, text, pair: the text, and a second one, as the tokenizer makes them tokens.
        path: a .png, .svg or .pdf file to write.
        layer, head: which to draw; both count from 0.

    Returns:
        The figure; a notebook shows it. Rows are queries, columns keys; the colour goes with √probability.

    Raises:
        MinibertError: matplotlib is not installed.
        InputError: there is no such layer or head, or the file cannot be written.

    Example:
        >>> import minibert as mb
        >>> model = mb.BertForMaskedLM.from_pretrained("tiny-bert")
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> plot_attention(model, tokenizer, "the dog barked", layer=0, head=1)  # matplotlib  # doctest: +SKIP
        <ShownFigure size 520x520 with 1 Axes>
    """
    figure_class = _matplotlib("plot_attention")
    row = encode(tokenizer, text, pair)
    layers = _chosen("layer", layer, model.config.num_hidden_layers)
    heads = _chosen("head", head, model.config.num_attention_heads)
    if layer is None and head is not None:
        raise InputError(f"head {head} of which layer? Give layer= too.")
    attentions = model(**row.inputs, output_attentions=True, return_dict=True).attentions
    single = len(layers) == len(heads) == 1
    size = (5.2, 5.2) if single else (1 + 1.15 * len(heads), 0.8 + 1.15 * len(layers))
    figure = figure_class(figsize=size, layout="constrained")
    grid = figure.subplots(len(layers), len(heads), squeeze=False)
    for axes_row, layer_number in zip(grid, layers, strict=True):
        for axes, head_number in zip(axes_row, heads, strict=True):
            probs = to_numpy(attentions[layer_number])[0, head_number]
            axes.imshow(np.sqrt(probs), cmap="Blues", vmin=0.0, vmax=1.0, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if single:
                axes.set(title=f"layer {layer_number}, head {head_number}", xlabel="key", ylabel="query")
                _name_axes(axes, row)
            elif axes_row is grid[0]:
                axes.set_title(f"head {head_number}", fontsize=8)
            if not single and axes is axes_row[0]:
                axes.set_ylabel(f"layer {layer_number}", fontsize=8)
    return _write(figure, path)


def plot_logit_lens(
    model: Any,
    tokenizer: Any,
    text: str,
    path: str | os.PathLike[str] | None = None,
    *,
    places: Any = None,
    pair: str | None = None,
) -> Any:
    """What the language-model head makes of every layer's hidden state (nostalgebraist 2020), as a matplotlib figure.

    A column is a place, a row a layer; each cell holds the likeliest token there, coloured by its probability.

    Args:
        model: with a language-model head.
        tokenizer, text, pair, path: as of `plot_attention`.
        places: token numbers, "all", or None for the masked ones, or for all where none is masked.

    Returns:
        The figure.

    Raises:
        MinibertError: matplotlib is not installed.
        InputError: the model has no language-model head, there is no such place, or the file cannot be written.

    Example:
        >>> import minibert as mb
        >>> model = mb.BertForMaskedLM.from_pretrained("tiny-bert")
        >>> tokenizer = mb.AutoTokenizer.from_pretrained("tiny-bert")
        >>> plot_logit_lens(model, tokenizer, "the dog [MASK].", "lens.png")  # matplotlib  # doctest: +SKIP
        <ShownFigure size 275x228 with 2 Axes>
    """
    figure_class = _matplotlib("plot_logit_lens")
    row = encode(tokenizer, text, pair)
    chosen = choose_places(places, row.tokens) or list(range(len(row.tokens)))
    states = model(**row.inputs, output_hidden_states=True, return_dict=True).hidden_states
    scores = np.stack(list(lens(model, states, chosen)))  # (L + 1, places, V)
    best, sure = scores.argmax(axis=-1), np.exp(scores.max(axis=-1))
    figure = figure_class(figsize=(1.8 + 0.95 * len(chosen), 1.2 + 0.36 * len(states)), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(sure, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto", origin="lower")
    for (layer, place), id_ in np.ndenumerate(best):
        name = _known(tokenizer, int(id_))
        axes.text(place, layer, _plain(name), ha="center", va="center", fontsize=8,
                  color="white" if sure[layer, place] > 0.6 else "black")  # fmt: skip
    axes.set_xticks(range(len(chosen)), [_plain(row.tokens[place]["shown"]) for place in chosen], rotation=45)
    axes.set_yticks(range(len(states)), ["embeddings", *(f"layer {i}" for i in range(len(states) - 1))])
    figure.colorbar(image, ax=axes, label="probability")
    return _write(figure, path)


def _known(tokenizer: Any, id_: int) -> str:
    try:
        return readable(tokenizer, tokenizer.convert_ids_to_tokens(id_))
    except InputError:
        return f"#{id_}"


def _matplotlib(name: str) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MinibertError(
            f"{name} draws with matplotlib, which is not installed here: pip install 'minibert-numpy[plot]'."
        ) from None

    class ShownFigure(Figure):
        """A figure that a notebook shows as it is: pyplot, which would see to that, is not needed."""

        def _repr_png_(self) -> bytes:
            file = io.BytesIO()
            self.savefig(file, format="png")
            return file.getvalue()

    return ShownFigure


def _chosen(what: str, number: int | None, count: int) -> list[int]:
    if number is None:
        return list(range(count))
    if not 0 <= number < count:
        raise InputError(f"there is no {what} {number}: the model's {count} count from 0.")
    return [number]


def _name_axes(axes: Any, row: Row) -> None:
    if len(row.tokens) > MOST_LABELS:
        return
    names = [_plain(token["shown"]) for token in row.tokens]
    size = 9 if len(names) <= 20 else 6
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), names, fontsize=size)


def _plain(name: str) -> str:
    """A token as matplotlib should print it: a dollar would begin a formula.

    >>> _plain("$a$")
    '\\\\$a\\\\$'
    """
    return name.replace("$", r"\$").replace("\n", "↵")


def _write(figure: Any, path: str | os.PathLike[str] | None) -> Any:
    if path is None:
        return figure
    name = os.fspath(path)
    form = name.rpartition(".")[2].lower()
    if form not in FORMATS:
        raise InputError(f"{name} should end in .png, .svg or .pdf.")
    try:
        with output_file(name) as file:
            figure.savefig(file, format=form, dpi=150)
    except OSError as reason:
        raise InputError(f"{name} cannot be written: {reason.strerror or reason}.") from None
    return figure
