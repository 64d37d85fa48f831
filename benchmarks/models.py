"""BERT-base beside PyTorch: inference and one optimiser step, time and peak memory; and what a trace costs.

    python -m benchmarks.models [inference|tracing|training|load] [--threads 1] [--rounds 5] [--json results.json]

Needs the extra `reference`. Both sides have random weights, the same shapes and, in training, dropout 0.1, AdamW and
logits at the labelled places only.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.side_by_side import compare, show

BATCH, TOKENS = (int(size) for size in os.environ.get("MINIBERT_BENCHMARK_SHAPE", "8,128").split(","))
VOCABULARY = 30522


def _batch() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    ids = rng.integers(1000, VOCABULARY, size=(BATCH, TOKENS))
    labels = np.where(rng.random(ids.shape) < 0.15, ids, -100)
    return ids, labels


def minibert_inference() -> Callable[[], Any]:
    import minibert as mb

    model, (ids, _) = mb.BertModel(mb.BertConfig()), _batch()
    return lambda: model(ids)


def _minibert_traced(keep: str) -> Callable[[], Any]:
    import minibert as mb

    model, (ids, _) = mb.BertModel(mb.BertConfig()), _batch()
    return lambda: model(ids, trace=mb.Trace(keep))


def minibert_traced() -> Callable[[], Any]:
    return _minibert_traced("*")


def minibert_taped() -> Callable[[], Any]:
    return _minibert_traced("backward")


def _torch_model(name: str, attention: str = "eager") -> Any:
    import torch
    import transformers

    torch.set_num_threads(int(os.environ["MINIBERT_BENCHMARK_THREADS"]))
    config = transformers.BertConfig(attn_implementation=attention)
    return getattr(transformers, name)(config)


def torch_inference() -> Callable[[], Any]:
    import torch

    model, ids = _torch_model("BertModel").eval(), torch.tensor(_batch()[0])

    def step() -> None:
        with torch.inference_mode():
            model(ids)

    return step


def torch_sdpa_inference() -> Callable[[], Any]:
    import torch

    model, ids = _torch_model("BertModel", "sdpa").eval(), torch.tensor(_batch()[0])

    def step() -> None:
        with torch.inference_mode():
            model(ids)

    return step


def _minibert_training(checkpointing: bool) -> Callable[[], Any]:
    import minibert as mb

    model, (ids, labels) = mb.BertForMaskedLM(mb.BertConfig()).train(0), _batch()
    optimizer = mb.AdamW(model, lr=1e-5)
    if checkpointing:
        model.gradient_checkpointing_enable()

    def step() -> None:
        trace = mb.Trace("backward")
        model(ids, labels=labels, logits_to_keep="labels", trace=trace)
        gradients = model.backward(trace)
        mb.clip_grad_norm(gradients, 1.0)
        optimizer.step(gradients)

    return step


def minibert_training() -> Callable[[], Any]:
    return _minibert_training(checkpointing=False)


def minibert_checkpointed_training() -> Callable[[], Any]:
    return _minibert_training(checkpointing=True)


def torch_training() -> Callable[[], Any]:
    import torch

    model = _torch_model("BertForMaskedLM").train()
    ids, labels = (torch.tensor(array) for array in _batch())
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    chosen = labels != -100

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        hidden = model.bert(ids).last_hidden_state[chosen]  # logits at the labelled places only, as on our side
        loss = torch.nn.functional.cross_entropy(model.cls(hidden), labels[chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


def load() -> dict[str, float]:
    """Seconds to open a BERT-base checkpoint of 440 MB, once it is in the system's cache."""
    import minibert as mb

    with tempfile.TemporaryDirectory() as folder:
        mb.BertForMaskedLM(mb.BertConfig()).save_pretrained(folder)
        size = (Path(folder) / "model.safetensors").stat().st_size
        seconds = []
        for _ in range(5):
            started = time.perf_counter()
            mb.BertForMaskedLM.from_pretrained(folder)
            seconds.append(time.perf_counter() - started)
    return {"megabytes": round(size / 1e6), "seconds": round(sorted(seconds)[2], 4)}


SUITES = {
    "inference": {
        "minibert": "benchmarks.models:minibert_inference",
        "PyTorch sdpa": "benchmarks.models:torch_sdpa_inference",
        "PyTorch eager": "benchmarks.models:torch_inference",
    },
    "tracing": {
        "everything kept": "benchmarks.models:minibert_traced",
        "kept for backward": "benchmarks.models:minibert_taped",
        "no trace": "benchmarks.models:minibert_inference",
    },
    "training": {
        "minibert": "benchmarks.models:minibert_training",
        "minibert, checkpointed": "benchmarks.models:minibert_checkpointed_training",
        "PyTorch eager": "benchmarks.models:torch_training",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, "load"], default=[*SUITES, "load"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the results here")
    arguments = parser.parse_args()
    results: dict[str, Any] = {}
    for suite in arguments.suites:
        if suite == "load":
            results[suite] = load()
            print(f"\nload: {results[suite]}")
            continue
        results[suite] = compare(SUITES[suite], rounds=arguments.rounds, threads=arguments.threads)
        results[suite]["shape"] = [BATCH, TOKENS]
        show(f"BERT-base {suite}, {BATCH} x {TOKENS}", results[suite])
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
