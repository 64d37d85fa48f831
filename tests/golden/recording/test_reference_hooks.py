"""Hooks on a PyTorch model: what goes in and out of its modules, copied before anything is done to it in place."""

from typing import Any

import numpy as np
import pytest

from minibert.golden.errors import GoldenError
from minibert.golden.recording.call import Call
from minibert.golden.recording.reference_hooks import hooked_run

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[reference]'")

pytestmark = pytest.mark.reference

IDS = np.array([[2, 1, 2]])
NAMES = {
    "input_ids": "input_ids", "words.word_embeddings": "embeddings.words", "LayerNorm": "embeddings", "sum": "sum",
    "loss": "loss",
}  # fmt: skip


class Words(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.word_embeddings = torch.nn.Embedding(4, 3)

    def forward(self, ids: Any) -> Any:
        return self.word_embeddings(ids)


class Output:
    def __init__(self, logits: Any, loss: Any) -> None:
        self.logits, self.loss = logits, loss


class Model(torch.nn.Module):
    """A lookup and a norm; what the lookup gave is then written over."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.LayerNorm = Words(), torch.nn.LayerNorm(3)

    def forward(self, input_ids: Any, labels: Any = None, return_dict: bool = True) -> Output:
        assert return_dict
        words = self.words(input_ids)
        total = words + 1.0
        words.detach().zero_()
        y = self.LayerNorm(total)
        return Output(y, None if labels is None else ((y - labels) ** 2).sum())


def run(backward: bool, **more: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
    torch.manual_seed(0)
    model = Model().double()
    return model, hooked_run(torch, model, Call.read({"input_ids": IDS, **more}, backward), NAMES)


def test_what_goes_in_and_out_has_its_name_in_a_pack() -> None:
    model, found = run(backward=False)
    assert sorted(found) == ["embeddings", "embeddings.words", "input_ids", "sum"]
    table = model.words.word_embeddings.weight.detach().numpy()
    np.testing.assert_array_equal(found["input_ids"], IDS)
    np.testing.assert_array_equal(found["embeddings.words"], table[IDS])
    np.testing.assert_allclose(found["sum"], table[IDS] + 1.0)
    expected = (found["sum"] - found["sum"].mean(-1, keepdims=True)) / np.sqrt(found["sum"].var(-1) + 1e-5)[..., None]
    np.testing.assert_allclose(found["embeddings"], expected, rtol=1e-10)


def test_gradients_of_values_and_of_parameters() -> None:
    labels = np.arange(9.0).reshape(1, 3, 3)
    model, found = run(backward=True, labels=labels)
    residual = 2 * (found["embeddings"] - labels)
    np.testing.assert_allclose(found["loss"], (residual**2).sum() / 4)
    np.testing.assert_allclose(found["grad/embeddings"], residual)
    np.testing.assert_allclose(found["parameter_grad/LayerNorm.bias"], residual.sum(axis=(0, 1)))
    table = np.zeros((4, 3))
    np.add.at(table, IDS, found["grad/sum"])
    np.testing.assert_allclose(found["parameter_grad/words.word_embeddings.weight"], table, atol=1e-14)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_models_own_gradients_and_hooks_stay_as_they_were() -> None:
    model = Model().double()
    before = torch.ones_like(model.LayerNorm.bias)
    model.LayerNorm.bias.grad = before
    hooked_run(torch, model, Call.read({"input_ids": IDS, "labels": np.zeros((1, 3, 3))}, True), NAMES)
    assert model.LayerNorm.bias.grad is before
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in model.modules())


def test_refusals_are_one_sentence() -> None:
    with pytest.raises(GoldenError, match=r"^backward needs a loss, and the inputs have no labels\.$"):
        run(backward=True)
    with pytest.raises(GoldenError, match=r"^the reference refuses these inputs: .*unexpected keyword"):
        run(backward=False, nonsense=IDS)
