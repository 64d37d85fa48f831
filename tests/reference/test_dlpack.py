"""PyTorch's tensors as inputs: checked and read by DLPack, without torch being imported by the library."""

import numpy as np
import pytest

import minibert as mb
from tests.small_models import small_inputs, small_model

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.reference


def test_tensors_as_inputs() -> None:
    model = small_model("BertForMaskedLM", "float32")
    inputs = small_inputs(model, labels=True)
    expected = model(**inputs)
    found = model(**{name: torch.tensor(np.asarray(value)) for name, value in inputs.items()})
    np.testing.assert_array_equal(mb.to_numpy(found.logits), mb.to_numpy(expected.logits))
    np.testing.assert_array_equal(mb.to_numpy(found.loss), mb.to_numpy(expected.loss))


def test_the_memory_is_shared() -> None:
    tensor = torch.arange(6.0).reshape(2, 3)
    array = mb.to_numpy(tensor)
    assert array.dtype == np.float32
    tensor[0, 0] = 7.0
    assert array[0, 0] == 7.0


def test_a_tensor_that_requires_a_gradient() -> None:
    model = small_model("BertModel", "float32")
    embedded = torch.zeros((1, 3, model.config.hidden_size), requires_grad=True)
    with pytest.raises(mb.InputError, match=r"^inputs_embeds: the torch\.Tensor cannot be read as an array: "):
        model(inputs_embeds=embedded)
