"""`device=0`, as the pages write it: the GPU, or an error that says what to write without one."""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minibert as mb
from minibert.backend import array_module, load_backend
from minibert.errors import BackendError
from tests import strict_cupy
from tests.documentation.examples import BERT, REMBERT, ROBERTA

pytestmark = pytest.mark.filterwarnings("ignore:.*drawn anew from seed", "ignore:float16 on the CPU")
PLANTS = "Plants create [MASK] through a process known as photosynthesis."


def test_without_a_gpu_the_pipeline_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)  # as if it were not installed
    with pytest.raises(mb.BackendError, match=r"^device 0 is a GPU; device=-1 or 'cpu' computes with NumPy\. backend"):
        mb.pipeline(task="fill-mask", model=BERT, dtype="float16", device=0)
    inputs = mb.AutoTokenizer.from_pretrained(BERT)(PLANTS, return_tensors="np")
    model = mb.AutoModelForMaskedLM.from_pretrained(BERT, device_map="auto")
    assert model.device == "cpu"
    assert inputs.to(model.device) is inputs
    assert isinstance(inputs["input_ids"], np.ndarray)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """CuPy and a card, or where one of them is not here a stand-in with their rules."""
    try:
        load_backend("cupy")
    except BackendError:
        pass
    else:
        yield
        return
    monkeypatch.setattr(strict_cupy.rules, "lenient_folder", strict_cupy.rules.TESTS)
    with strict_cupy.installed():
        yield


@pytest.mark.usefixtures("gpu")
@pytest.mark.parametrize(("name", "mask"), [(BERT, "[MASK]"), (ROBERTA, "<mask>"), (REMBERT, "[MASK]")])
def test_on_a_gpu(name: str, mask: str) -> None:
    text = PLANTS.replace("[MASK]", mask)
    there = mb.pipeline(task="fill-mask", model=name, dtype="float16", device=0)
    here = mb.pipeline(task="fill-mask", model=name, device=-1)
    assert (there.device, here.device) == ("cuda:0", "cpu")
    expected = {answer["token"]: answer["score"] for answer in here(text, top_k=50)}
    for answer in there(text):
        assert answer["score"] == pytest.approx(expected[answer["token"]], abs=0.02)
    model = mb.AutoModelForMaskedLM.from_pretrained(name, dtype="float16", device_map="auto")
    inputs = mb.AutoTokenizer.from_pretrained(name)(text, return_tensors="np").to(model.device)
    assert {array_module(array).__name__ for array in inputs.values()} == {"cupy"}
    assert model(**inputs).logits.shape[:2] == inputs["input_ids"].shape


def test_attention_implementations_give_the_same_numbers() -> None:
    inputs = mb.AutoTokenizer.from_pretrained(BERT)(PLANTS, return_tensors="np")

    def logits(**options: Any) -> np.ndarray:
        return mb.AutoModelForMaskedLM.from_pretrained(BERT, **options)(**inputs).logits

    for implementation in ("sdpa", "eager"):
        np.testing.assert_array_equal(logits(attn_implementation=implementation), logits())
    with pytest.raises(mb.ConfigError, match=r"^attn_implementation is 'flash_attention_2': minibert has one"):
        logits(attn_implementation="flash_attention_2")
