"""Known mistakes of a residual sum: one of its two terms missing, doubled, or taken from elsewhere."""

import numpy as np

from minibert.golden.diagnosis.tensor_pair import Mistakes, TensorPair
from minibert.golden.diagnosis.wrong_numbers import dropout_before_sum


def wrong_residual_sum(pair: TensorPair, name: str) -> Mistakes:
    """The sum of a dense output and its residual, gone wrong; `name` is the sum's."""
    path = name[: -len(".sum")]
    dense, total = pair.value_fed(f"{path}.dense"), pair.golden_value(name)
    if dense is None or total is None:
        return
    golden_dense = pair.golden_value(f"{path}.dense")
    residual = total - (dense if golden_dense is None else golden_dense)
    yield from wrong_sums(dense, residual)
    if pair.name == name:
        words = dropout_before_sum(pair, dense, residual)
        if words:
            yield words, None
    if name.endswith(".attention.output.sum"):
        return
    outer = path.rsplit(".", 1)[0]  # the layer
    before = _layer_input(pair, outer)
    if before is not None and before.shape == dense.shape:
        yield "wrong residual: the layer's input was added, where the attention's output belongs", dense + before
    unnormalised = pair.golden_value(f"{outer}.attention.output.sum")
    if unnormalised is not None:
        words = "wrong residual: the attention's sum was added as it was before its LayerNorm"
        yield words, dense + unnormalised


def wrong_sums(dense: np.ndarray, residual: np.ndarray) -> Mistakes:
    """What stands for dense + residual."""
    yield "the residual connection is missing", dense
    yield "only the residual is there: what the step computed was not added", residual
    yield "the residual was added twice", dense + 2 * residual
    yield "the step's output was added twice", 2 * dense + residual
    yield "the residual was subtracted", dense - residual


def _layer_input(pair: TensorPair, layer: str) -> np.ndarray | None:
    """What enters a layer, `bert.encoder.layer.1`."""
    stem, _, number = layer.rpartition(".")
    if not number.isdigit():
        return None
    if int(number):
        return pair.golden_value(f"{stem}.{int(number) - 1}.output")
    mapped = pair.golden_value(f"{pair.prefix}encoder.embedding_hidden_mapping_in")
    return pair.golden_value(f"{pair.prefix}embeddings") if mapped is None else mapped
