"""The same twenty steps with PyTorch and transformers, and with the dropout masks that minibert drew."""

from typing import Any

import numpy as np
import torch
import transformers
from torch import nn

from minibert.backend import to_numpy
from tests.training.runs import ADAMW, CONFIGS, MAX_NORM, STEPS, WARMUP, batches, build, config_class

transformers.logging.set_verbosity_error()


def build_torch(name: str, **changes: Any) -> nn.Module:
    """The reference's model in float64, with the weights of `runs.build`."""
    config = getattr(transformers, config_class(name))(**{**CONFIGS[name], **changes}, attn_implementation="eager")
    model = getattr(transformers, name)(config).double()
    state = {key: torch.tensor(to_numpy(value)) for key, value in build(name, **changes).state_dict().items()}
    model.load_state_dict(state, strict=False)
    model.tie_weights()
    return model


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """transformers' rule: no decay for biases and LayerNorm weights."""
    decayed = [
        p for n, p in model.named_parameters() if not (n.endswith("bias") or "layernorm" in n.lower().replace("_", ""))
    ]
    rest = [p for n, p in model.named_parameters() if n.endswith("bias") or "layernorm" in n.lower().replace("_", "")]
    return [{"params": decayed, "weight_decay": ADAMW["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]


class Masked(nn.Module):
    """Dropout with given masks, one a step."""

    def __init__(self, p: float, masks: list[np.ndarray]) -> None:
        super().__init__()
        self.p, self.masks = p, list(masks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.tensor(to_numpy(self.masks.pop(0))).double() / (1.0 - self.p)


def use_masks(model: nn.Module, masks: list[dict[str, np.ndarray]]) -> int:
    """Put the recorded masks in the place of every dropout module of their path; gives how many.

    A module that a pass uses twice (RoBERTa's classification head) is recorded as `<path>.0` and `<path>.1`.
    """
    paths: dict[str, list[str]] = {}
    for name in masks[0]:
        path = name.removesuffix(".mask")
        module = path[:-2] if path[-2:] in (".0", ".1") else path
        paths.setdefault(module, []).append(name)
    for path, names in paths.items():
        parent, _, attribute = path.rpartition(".")
        owner = model.get_submodule(parent)
        dropout = getattr(owner, attribute)
        assert isinstance(dropout, nn.Dropout), path
        setattr(owner, attribute, Masked(dropout.p, [step[name] for step in masks for name in sorted(names)]))
    return len(paths)


def train_torch(model: nn.Module, name: str) -> tuple[list[float], list[float]]:
    """-> the losses and the gradient norms of every step."""
    optimizer = torch.optim.AdamW(parameter_groups(model), lr=ADAMW["lr"], betas=ADAMW["betas"], eps=ADAMW["eps"])
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, norms = [], []
    for batch in batches(name):
        loss = model(**{key: torch.tensor(value) for key, value in batch.items()}).loss
        loss.backward()
        losses.append(float(loss.detach()))
        norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)))
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return losses, norms
