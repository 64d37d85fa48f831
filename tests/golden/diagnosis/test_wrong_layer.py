"""Blocks whose inside is not handed out: mistakes are carried to the layer's end, with the weights at hand."""

import re
from pathlib import Path

import pytest

import minibert as mb
from tests.golden.diagnosis.test_diagnose import FAULTS, LAYER
from tests.golden.models import bert, ported

# a port that hands out what leaves each block, and no more
BLOCKS = re.compile(r"bert\.embeddings|bert\.encoder\.layer\.\d\.output|cls\.predictions")
UNSEEN = {"key bias missing", "mask value"}  # softmax sees neither
UNNAMED = {"attention dropout", "hidden dropout", "heads permuted"}
# where a block says more than its steps by themselves, or the same in other words
IN_A_BLOCK = {
    "query bias missing": "of the query, the bias is missing",
    "query weight transposed": "of the query, the weight is transposed",
    "query sign": "of the query, the sign is flipped",
    "key and value exchanged": "key and value are exchanged",
    "layers reversed": "layer 0 is computed with the weights of layer 1",
    "mask added as it is": "the mask itself, ones and zeros",
    "mask value": "",
    "attention output weight transposed": f"at {LAYER}.attention.output.dense: the weight is transposed",
    "intermediate bias missing": f"at {LAYER}.intermediate.dense: the bias is missing",
    "attention epsilon": f"at {LAYER}.attention.output.LayerNorm: wrong epsilon: 0.001",
}


@pytest.mark.parametrize(("fault", "where", "words"), FAULTS, ids=[fault for fault, _, _ in FAULTS])
def test_blocks_alone_are_diagnosed_with_the_weights(
    forward_pack: Path, fault: str, where: str, words: str
) -> None:
    if not where.startswith(LAYER):
        return
    values = {name: array for name, array in ported(fault).items() if BLOCKS.fullmatch(name)}
    first = mb.golden.diff(forward_pack, values, weights=bert()).first
    if fault in UNSEEN:
        assert first is None
        return
    assert first is not None
    assert first.name == f"{LAYER}.output"
    if fault in UNNAMED:
        assert first.diagnosis == ""
    else:
        words = IN_A_BLOCK.get(fault, words)
        assert words
        assert words in first.diagnosis


def test_a_layers_attention_alone_is_diagnosed_too(forward_pack: Path) -> None:
    name = f"{LAYER}.attention.output"
    for fault, words in (
        ("heads reshaped", "by reshaping to (B, N, T, K)"),
        ("mask on the queries", "axis of the queries"),
        ("pre-norm", "pre-norm for post-norm"),
        ("scale missing", "missing 1/√K"),
    ):
        first = mb.golden.diff(forward_pack, {name: ported(fault)[name]}, weights=bert()).first
        assert first is not None
        assert words in first.diagnosis


def test_without_the_weights_nothing_is_made_up(forward_pack: Path) -> None:
    values = {name: array for name, array in ported("heads reshaped").items() if BLOCKS.fullmatch(name)}
    first = mb.golden.diff(forward_pack, values).first
    assert first is not None
    assert first.diagnosis == ""
