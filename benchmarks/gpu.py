"""BERT-base on a GPU beside PyTorch on the same card: inference and one training step, time and memory.

    python -m benchmarks.gpu [--shapes 1x16,1x128,8x128,32x128,4x512] [--modes float32,tf32,float16]
                             [--steps inference,training] [--rounds 15] [--out results]

Needs a GPU, CuPy, and torch and transformers with CUDA. Both sides run in one process on one stream, taking turns, so
that both meet the same clocks; times are CUDA events' medians after a warm-up, memory is what each library's own pool
took at its peak. Training is masked-language-model loss, backward and AdamW; once without dropout, once with 0.1, where
minibert's masks are those that NumPy's generator would draw ("training with dropout"). PyTorch's float16 is
the model in half precision for inference, and autocast with a GradScaler for training.

Besides: kernels a layer (launches of the whole pass, the embeddings' taken off by comparing 12 layers with 11), and
transfers to the host inside layers, which must be 0. Results go to OUT.json and OUT.md, with the card's name.
"""

import argparse
import contextlib
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import minibert as mb
from minibert.backend import load_backend

VOCABULARY = 30522
SHAPES = "1x16,1x128,8x128,32x128,4x512"
Step = Callable[[], Any]


def batch_of(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """ids and labels (B, T), 15 % of them labelled."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1000, VOCABULARY, size=shape)
    return ids, np.where(rng.random(shape) < 0.15, ids, -100)


# the two sides: functions (shape, mode) -> step


def minibert_inference(shape: tuple[int, int], mode: str, layers: int = 12) -> Step:
    model = mb.BertModel(mb.BertConfig(num_hidden_layers=layers), backend="cupy", dtype=_dtype(mode))
    ids = load_backend("cupy").asarray(batch_of(shape)[0])
    return lambda: model(ids)


def minibert_training(shape: tuple[int, int], mode: str, dropout: bool = False) -> Step:
    model = mb.BertForMaskedLM(mb.BertConfig(), backend="cupy", dtype=_dtype(mode))
    if dropout:
        model.train(0)
    ids, labels = batch_of(shape)
    optimizer = mb.AdamW(model, lr=1e-5)
    scaler = mb.LossScaler(enabled=mode == "float16")

    def step() -> None:
        trace = mb.Trace("backward")
        model(ids, labels=labels, trace=trace)
        grads = scaler.unscale(model.backward(trace, {"loss": scaler.scale}))
        if scaler.update(grads):
            optimizer.step(grads)

    return step


def torch_inference(shape: tuple[int, int], mode: str, attention: str) -> Step:
    import torch

    model = _torch_model("BertModel", attention).eval()
    if mode == "float16":
        model = model.half()
    ids = torch.from_numpy(batch_of(shape)[0]).cuda()

    def step() -> Any:
        with torch.inference_mode():
            return model(ids)

    return step


def torch_training(shape: tuple[int, int], mode: str, attention: str, dropout: bool = False) -> Step:
    import torch

    model = _torch_model("BertForMaskedLM", attention, dropout).train()
    ids, labels = (torch.from_numpy(array).cuda() for array in batch_of(shape))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    scaler = torch.amp.GradScaler("cuda", enabled=mode == "float16")

    def step() -> None:
        with torch.autocast("cuda", dtype=torch.float16, enabled=mode == "float16"):
            loss = model(ids, labels=labels).loss
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    return step


def _torch_model(name: str, attention: str, dropout: bool = False) -> Any:
    import transformers

    p = 0.1 if dropout else 0.0
    config = transformers.BertConfig(
        attn_implementation=attention, hidden_dropout_prob=p, attention_probs_dropout_prob=p
    )
    return getattr(transformers, name)(config).cuda()


def _dtype(mode: str) -> str:
    return "float16" if mode == "float16" else "float32"


def set_precision(mode: str) -> None:
    """TF32 on both sides, or on neither."""
    import torch

    mb.allow_tf32(mode == "tf32")
    torch.backends.cuda.matmul.allow_tf32 = mode == "tf32"


# measuring


def milliseconds(cupy: Any, step: Step) -> float:
    """One step between two events. Both libraries use the default stream, on which the events are recorded."""
    begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    begin.record()
    step()
    end.record()
    end.synchronize()
    return float(cupy.cuda.get_elapsed_time(begin, end))


def take_turns(cupy: Any, steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """The median time of each, in milliseconds; the order turns round at every round."""
    for step in steps.values():
        for _ in range(3):
            step()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds):
        for name in list(steps)[:: 1 if turn % 2 else -1]:
            times[name].append(milliseconds(cupy, steps[name]))
    return {name: statistics.median(each) for name, each in times.items()}


def peak_memory(cupy: Any, make: Callable[[], Step]) -> int:
    """MiB that the step's own library holds at its peak, model included."""
    import torch

    release()
    torch.cuda.reset_peak_memory_stats()
    step = make()
    step()
    taken = torch.cuda.max_memory_allocated() + cupy.get_default_memory_pool().total_bytes()
    del step
    release()
    return int(taken) >> 20


def release() -> None:
    """Give both pools' memory back."""
    import gc

    import torch

    gc.collect()
    torch.cuda.empty_cache()
    mb.release_memory()


@contextlib.contextmanager
def counting(cupy: Any) -> Iterator[dict[str, int]]:
    """How many of our own kernels are launched, and how often an array comes to the host, within the block."""
    counts = {"own kernels": 0, "to host": 0}
    from minibert.kernels import launch

    compiled, get = launch._compiled, cupy.ndarray.get

    def counted(*args: Any) -> Any:
        counts["own kernels"] += 1
        return compiled(*args)

    def counted_get(*args: Any, **kwargs: Any) -> Any:
        counts["to host"] += 1
        return get(*args, **kwargs)

    launch._compiled, cupy.ndarray.get = counted, counted_get
    try:
        yield counts
    finally:
        launch._compiled, cupy.ndarray.get = compiled, get


def all_kernels(step: Step) -> int:
    """Every kernel of one step, cuBLAS' and CuPy's too, as PyTorch's profiler (CUPTI) counts them in this process."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    step()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        step()
        torch.cuda.synchronize()
    events = [event for event in seen.events() if event.device_type == torch.autograd.DeviceType.CUDA]
    return sum(1 for event in events if not event.name.lower().startswith(("memcpy", "memset")))


def kernels_of_a_layer(shape: tuple[int, int]) -> int:
    """12 layers' launches less 11 layers'."""
    return all_kernels(minibert_inference(shape, "float32", 12)) - all_kernels(minibert_inference(shape, "float32", 11))


# the whole


def makers(step: str, shape: tuple[int, int], mode: str) -> dict[str, Callable[[], Step]]:
    """The contenders of one row."""
    if step == "inference":
        return {
            "minibert": lambda: minibert_inference(shape, mode),
            "torch eager": lambda: torch_inference(shape, mode, "eager"),
            "torch sdpa": lambda: torch_inference(shape, mode, "sdpa"),
        }
    dropout = step == "training with dropout"
    return {
        "minibert": lambda: minibert_training(shape, mode, dropout),
        "torch eager": lambda: torch_training(shape, mode, "eager", dropout),
        "torch sdpa": lambda: torch_training(shape, mode, "sdpa", dropout),
    }


def measure(cupy: Any, step: str, shape: tuple[int, int], mode: str, rounds: int) -> dict[str, Any]:
    """One row of the table."""
    set_precision(mode)
    contenders = makers(step, shape, mode)
    memory = {name: peak_memory(cupy, make) for name, make in contenders.items()}
    times = take_turns(cupy, {name: make() for name, make in contenders.items()}, rounds)
    release()
    row = {"step": step, "shape": f"{shape[0]}x{shape[1]}", "mode": mode, "milliseconds": times, "MiB": memory}
    row["speed against torch eager"] = times["torch eager"] / times["minibert"]
    print(json.dumps(row), flush=True)
    return row


def table(results: dict[str, Any]) -> str:
    """The results as a page of Markdown."""
    lines = [
        f"# BERT-base on {results['card']}",
        "",
        f"CUDA {results['cuda']}, CuPy {results['cupy']}, PyTorch {results['torch']}, minibert {results['minibert']}. "
        "Milliseconds (medians) and peak MiB; speed is PyTorch eager's time over minibert's, above 1 where minibert is "
        "faster.",
        "",
        "| step | shape | mode | minibert | torch eager | torch sdpa | speed | MiB minibert | MiB eager |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        time, memory = row["milliseconds"], row["MiB"]
        lines.append(
            f"| {row['step']} | {row['shape']} | {row['mode']} | {time['minibert']:.2f} | {time['torch eager']:.2f} "
            f"| {time['torch sdpa']:.2f} | {row['speed against torch eager']:.2f} | {memory['minibert']} "
            f"| {memory['torch eager']} |"
        )
    lines += ["", f"Kernels a layer (inference, 8x128): {results['kernels a layer']}. "
              f"Arrays brought to the host in one forward pass: {results['to host']}."]  # fmt: skip
    return "\n".join(lines) + "\n"


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default=SHAPES, help=f"BATCHxTOKENS, separated by commas (default {SHAPES})")
    parser.add_argument("--modes", default="float32,tf32,float16", help="of float32, tf32 and float16")
    steps = "inference,training,training with dropout"
    parser.add_argument("--steps", default=steps, help=f"of {steps}")
    parser.add_argument("--rounds", type=int, default=15, help="timed rounds of each row (default 15)")
    parser.add_argument("--out", type=Path, help="write OUT.json and OUT.md")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 with one sentence where something is missing."""
    options = options_of(arguments)
    try:
        cupy = load_backend("cupy")
    except mb.BackendError as error:
        print(f"benchmarks.gpu measures on a GPU: {error}", file=sys.stderr)
        return 1
    try:
        import torch
        import transformers  # noqa: F401
    except ImportError as error:
        print(f"benchmarks.gpu compares with PyTorch: {error}; pip install torch transformers.", file=sys.stderr)
        return 1
    if not torch.cuda.is_available():
        print("benchmarks.gpu compares with PyTorch on the GPU, but this PyTorch has no CUDA.", file=sys.stderr)
        return 1
    results: dict[str, Any] = {
        "card": cupy.cuda.runtime.getDeviceProperties(0)["name"].decode(),
        "cuda": cupy.cuda.runtime.runtimeGetVersion(),
        "cupy": cupy.__version__,
        "torch": torch.__version__,
        "minibert": mb.__version__,
        "rows": [],
    }
    with counting(cupy) as counts:
        minibert_inference((8, 128), "float32")()
    results["to host"] = counts["to host"] - 1  # the ids, which are checked on the host
    results["kernels a layer"] = kernels_of_a_layer((8, 128))
    for step in options.steps.split(","):
        for mode in options.modes.split(","):
            for shape in options.shapes.split(","):
                batch, tokens = map(int, shape.split("x"))
                results["rows"].append(measure(cupy, step, (batch, tokens), mode, options.rounds))
    page = table(results)
    print(page)
    if options.out is not None:
        options.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        options.out.with_suffix(".md").write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
