"""What a card says of memory: exactly what a pass keeps, and bounds that a measured pass respects."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.commands.card.gather import gather_card
from minibert.commands.card.memory import _kept_by, kept_bytes, parameter_bytes
from tests.commands.card.cases import CASES
from tests.small_checkpoints import model, save


def test_parameters_take_as_many_bytes_as_the_arrays() -> None:
    count = model("bert", "Model").num_parameters()
    for dtype in ("float32", "float64"):
        arrays = model("bert", "Model", dtype=dtype).state_dict().values()
        assert parameter_bytes(count)[dtype] == sum(array.nbytes for array in arrays)
    assert parameter_bytes(count)["float16"] == 2 * count


@pytest.mark.parametrize(("family", "head"), CASES)
def test_kept_bytes_are_those_of_the_model_itself(family: str, head: str) -> None:
    whole = model(family, head, num_hidden_layers=4)
    kept = kept_bytes(type(whole), whole.config, 3, 35)
    assert kept.backward == _kept_by(whole, 3, 35, "backward")
    assert kept.trace == _kept_by(whole, 3, 35, "*")


def test_a_model_without_a_pooler_keeps_less() -> None:
    whole = model("bert", "Model")
    with_pooler = kept_bytes(type(whole), whole.config, 2, 9)
    without = kept_bytes(type(whole), whole.config, 2, 9, {"add_pooling_layer": False})
    assert without.trace < with_pooler.trace


def test_the_lower_bounds_hold_and_are_near(tmp_path: Path) -> None:
    """A real pass, measured: it takes at least what the card says, and not many times that."""
    sizes = {"hidden_size": 96, "num_attention_heads": 4, "intermediate_size": 384, "vocab_size": 900}
    save("bert", "ForMaskedLM", tmp_path, **sizes)
    memory = gather_card(str(tmp_path), 8, 63)["memory"]
    trained = mb.BertForMaskedLM.from_pretrained(tmp_path)
    optimizer, ids = mb.AdamW(trained, 1e-3), np.full((8, 63), 7)
    labels = trained.example_labels(trained.config, ids)
    own = memory["weights"]["float32"]

    def peak(step: Any) -> int:
        tracemalloc.start()
        step()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    def train() -> None:
        trained.train(0)
        trace = mb.Trace("backward")
        trained(input_ids=ids, **labels, trace=trace)
        optimizer.step(trained.backward(trace))

    forward = own + peak(lambda: trained(input_ids=ids))
    assert memory["forward_at_least"] <= forward <= 2.5 * memory["forward_at_least"]
    training = own + peak(train)
    assert 0.9 * memory["training_at_least"] <= training <= 2 * memory["training_at_least"]
