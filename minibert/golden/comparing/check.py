"""`check`: a model, or a port of one, against a golden pack; nothing of either side is kept."""

import os
from collections.abc import Iterable
from typing import Any

from minibert.golden.comparing.diff import diff
from minibert.golden.comparing.differing_rules import differing_rules
from minibert.golden.comparing.isolated_model import check_model_isolated
from minibert.golden.comparing.isolated_port import check_port_isolated
from minibert.golden.comparing.judge import MULTIPLE, Judge, weights_of
from minibert.golden.comparing.name_map import Names
from minibert.golden.comparing.propagated_model import check_model_propagated
from minibert.golden.comparing.report import Report
from minibert.golden.comparing.selection import Selection
from minibert.golden.errors import GoldenError
from minibert.golden.packs.manifest import sections_of_model
from minibert.golden.packs.pack import Pack, open_pack
from minibert.models.files import PreTrainedModel

_SIZES = (
    "model_type", "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
    "max_position_embeddings", "type_vocab_size", "input_embedding_size", "output_embedding_size",
)  # fmt: skip
MODES = ("propagated", "isolated")


def check(
    path: str | os.PathLike[str] | Pack,
    model: Any,
    *,
    mode: str = "propagated",
    names: Names | None = None,
    partial: bool | None = None,
    only: str | Iterable[str] | None = None,
    multiple: float = MULTIPLE,
    precision: str | None = None,
    weights: Any = None,
) -> Report:
    """Run a model on a pack's inputs and compare every value as it is computed.

    Args:
        path: the golden pack; it also says whether there is a backward pass, and with which inputs.
        model: a model of minibert; or, of a port, its arrays by name (then this is `diff`) or with mode="isolated"
            {point name or glob: function of golden inputs}, see `GoldenInputs`.
        mode: "propagated": the model runs as it is, so a mistake shows from the first divergence on. "isolated": each
            step is given golden inputs, so a mistake shows at its own step only.
        names, partial, only, multiple, precision, weights: as of `diff`; `weights` are by default the model's own.

    Returns:
        A Report: `.ok`, `.first`, one row a tensor.

    Raises:
        GoldenError, WeightFileError: the pack cannot be read, or is of a model with other sizes.

    Example:
        >>> import tempfile, minibert as mb
        >>> config = mb.BertConfig(vocab_size=9, hidden_size=4, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=6, initializer_range=1.0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pack = mb.golden.record(mb.BertModel(config), {"input_ids": [[1, 2]]}, f"{folder}/pack.safetensors")
        ...     report = mb.golden.check(pack, mb.BertModel(config.changed({"layer_norm_eps": 1e-3})))
        >>> report.first.name, report.first.diagnosis
        ('embeddings.LayerNorm.rstd', 'wrong epsilon: 0.001 in LayerNorm, where 1e-12 belongs')
    """
    pack = open_pack(path)
    if mode not in MODES:
        raise GoldenError(f"mode {mode!r} is not known: choose one of {', '.join(MODES)}.")
    isolated = mode == "isolated"
    if isinstance(model, PreTrainedModel):
        if names is not None:
            raise GoldenError("names maps the arrays of a port; a model of minibert has the pack's own names.")
        _check_same_kind(pack, model)
        weights = model if weights is None else weights
    elif not isolated:
        return diff(
            pack, model, names=names, partial=partial, only=only, multiple=multiple, precision=precision,
            weights=weights,
        )  # fmt: skip
    judge = Judge(pack, multiple, precision, weights_of(weights), explain_all=isolated)
    selection = Selection(pack, only)
    if not isinstance(model, PreTrainedModel):
        return check_port_isolated(pack, model, judge, selection)
    if isolated:
        report = check_model_isolated(pack, model, judge, selection)
    else:
        report = check_model_propagated(pack, model, judge, selection, partial)
    report.notes += differing_rules(pack.manifest, sections_of_model(model))
    return report


def _check_same_kind(pack: Pack, model: PreTrainedModel) -> None:
    golden = pack.manifest["model"]
    name = type(model).__name__
    if golden.get("class") != name:
        raise GoldenError(f"{pack.path.name} is a pack of {golden.get('class')}, and the model is a {name}.")
    for field in _SIZES:
        size, own = golden.get("config", {}).get(field), getattr(model.config, field, None)
        if size != own:
            raise GoldenError(f"{pack.path.name} is of another model: its {field} is {size}, this model's is {own}.")
