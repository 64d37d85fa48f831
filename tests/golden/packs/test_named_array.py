"""Arrays of a run: what stands before a name says what kind of array it is."""

from pathlib import Path

import numpy as np

from minibert.golden import open_pack
from minibert.golden.packs import named_array
from minibert.golden.packs.named_array import NamedArray
from minibert.golden.recording.call import Call
from tests.golden.models import batch, bert

PREFIXES = {
    named_array.INPUT_PREFIX: named_array.INPUT,
    named_array.SEED_PREFIX: named_array.INPUT,
    named_array.GRADIENT_PREFIX: named_array.GRADIENT,
    named_array.PARAMETER_GRADIENT_PREFIX: named_array.PARAMETER_GRADIENT,
}


def kind_of(name: str) -> str:
    return next((kind for prefix, kind in PREFIXES.items() if name.startswith(prefix)), named_array.VALUE)


def test_a_prefix_says_the_kind(pack: Path) -> None:
    entries = open_pack(pack).entries
    assert {entry.kind for entry in entries.values()} == {*PREFIXES.values(), named_array.VALUE}
    for name, entry in entries.items():
        assert entry.kind == kind_of(name), name


def test_no_prefix_is_the_beginning_of_another() -> None:
    for prefix in PREFIXES:
        assert [other for other in PREFIXES if other.startswith(prefix)] == [prefix]


def test_a_run_gives_its_arrays_one_after_the_other() -> None:
    """On the host, with a letter an axis and the formula; the seeds of backward come after the inputs."""
    model, arrays = bert(), list[NamedArray]()
    seed = np.ones((2, 7, 40), np.float32)
    call = Call.read(batch(), {"logits": seed})
    call.put_inputs(arrays.append)
    assert [each.name for each in arrays] == [*(f"input/{name}" for name in batch()), "seed/logits"]
    np.testing.assert_array_equal(arrays[-1].array, seed)
    call.run(model, arrays.append)
    kinds = [each.kind for each in arrays]
    assert set(kinds) == {*PREFIXES.values(), named_array.VALUE}
    for each in arrays:
        assert isinstance(each.array, np.ndarray)
        assert each.kind == kind_of(each.name)
        if each.kind == named_array.VALUE:
            assert len(each.shape.split()) == each.array.ndim
            assert each.formula
