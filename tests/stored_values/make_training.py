"""Makes training.json: what PyTorch and transformers give for the runs of tests/training.

    python tests/stored_values/make_training.py

Needs the extra `reference`; the tests that read the file need only NumPy. Values are float64, written in full.
"""

import json
import platform
from pathlib import Path

import numpy as np
import torch
import transformers

from tests.training import runs, small, torch_runs

OUTPUT = Path(__file__).with_name("training.json")
SCHEDULES = [
    ("linear", {}),
    ("cosine", {"num_cycles": 1.7}),
    ("cosine_with_restarts", {"num_cycles": 3}),
    ("polynomial", {"power": 2.5, "lr_end": 1e-4}),
    ("constant", {}),
    ("constant_with_warmup", {}),
    ("inverse_sqrt", {}),
]
OPTIMIZERS = [
    ("AdamW", {"lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-3, "weight_decay": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
]


def main() -> None:
    found = {
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "numpy": np.__version__,
        },
        "twenty_steps": {name: twenty_steps(name) for name in runs.CONFIGS},
        "optimizers": [
            {"name": name, "options": options, "values": optimizer(name, options)} for name, options in OPTIMIZERS
        ],
        "clipping": [clipping(limit) for limit in (0.1, 2.0, 100.0)],
        "schedules": [{"name": name, "options": options, "rates": rates(name, options)} for name, options in SCHEDULES],
        "masking": masking(),
    }
    OUTPUT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def twenty_steps(name: str) -> dict[str, list[float]]:
    losses, norms = torch_runs.train_torch(torch_runs.build_torch(name).eval(), name)
    return {"losses": losses, "norms": norms}


def gradients() -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.normal(size=(2, 3)) for _ in range(5)]


def optimizer(name: str, options: dict) -> list[list[list[float]]]:
    """The parameter after each of five steps, from zeros plus 0.5."""
    parameter = torch.full((2, 3), 0.5, dtype=torch.float64, requires_grad=True)
    made = getattr(torch.optim, name)([parameter], **options)
    values = []
    for gradient in gradients():
        parameter.grad = torch.tensor(gradient)
        made.step()
        values.append(parameter.detach().tolist())
    return values


def clipping(limit: float) -> dict:
    tensors = [torch.zeros(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(5)]
    for tensor, gradient in zip(tensors, gradients(), strict=True):
        tensor.grad = torch.tensor(gradient)
    norm = float(torch.nn.utils.clip_grad_norm_(tensors, limit))
    return {"limit": limit, "norm": norm, "first": tensors[0].grad.tolist()}


def rates(name: str, options: dict) -> list[float]:
    made = torch.optim.AdamW([torch.zeros(1)], lr=0.1)
    schedule = transformers.get_scheduler(name, made, 5, 20, scheduler_specific_kwargs=options or None)
    values = []
    for _ in range(24):
        values.append(float(schedule.get_last_lr()[0]))
        made.step()
        schedule.step()
    return values


def masking() -> dict:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("\n".join([*small.SPECIAL, *small.WORDS]), encoding="utf-8")
        tokenizer = transformers.BertTokenizerFast(str(path))
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, return_tensors="np", seed=9, mlm_probability=0.5)
    batch = collator([{"input_ids": ids} for ids in small.texts(6)])
    return {name: batch[name].tolist() for name in ("input_ids", "labels")}


if __name__ == "__main__":
    main()
