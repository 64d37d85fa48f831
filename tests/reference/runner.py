"""Running a case with transformers in float64, forward and backward, with hooks on what it computes."""

import warnings
from typing import Any

import numpy as np
import torch
import transformers
from torch import nn

from tests.random_cases import Case, config_name

transformers.logging.set_verbosity_error()


def build(case: Case, state: dict[str, np.ndarray]) -> nn.Module:
    """The reference's model of the case, in float64, with these weights."""
    config = getattr(transformers, config_name(case.class_name))(**case.config, attn_implementation="eager")
    config.tie_word_embeddings = case.config["tie_word_embeddings"]  # RemBERT's constructor forgets it
    model = getattr(transformers, case.class_name)(config, **case.options).double().eval()
    tensors = {name: torch.tensor(array) for name, array in state.items()}
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert not unexpected, unexpected
    tied = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias", "lm_head.decoder.weight",
            "lm_head.decoder.bias"}  # fmt: skip
    assert set(missing) <= tied, missing
    model.tie_weights()
    return model


def tensors(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs as torch has them."""
    return {
        name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in inputs.items()
    }


def forward(model: nn.Module, case: Case, inputs: dict[str, Any] | None = None) -> Any:
    """The output of the case's call, after the earlier one that fills the cache, if there is one."""
    inputs = tensors(case.inputs) if inputs is None else inputs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if case.past is not None:
            with torch.no_grad():
                cache = model(**tensors(case.past)).past_key_values
            inputs = {**inputs, "past_key_values": cache}
        return model(**inputs)


def loss_in_double(case: Case, output: Any) -> torch.Tensor:
    """The reference computes a causal loss in float32 whatever the model; here it is in the model's own dtype."""
    if "labels" in case.inputs and ("Causal" in case.class_name or "LMHead" in case.class_name):
        labels = torch.tensor(case.inputs["labels"])[:, 1:].reshape(-1)
        logits = output.logits[:, :-1].reshape(-1, output.logits.shape[-1])
        return nn.functional.cross_entropy(logits, labels)
    return output.loss
