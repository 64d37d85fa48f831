"""Measuring contenders side by side, fairly.

Every contender lives in a process of its own, idle on a pipe while the others run. A round runs each once, the order
reversed from round to round, with a pause before each, as BLAS threads keep spinning for a while. Reported are the
medians of the per-round ratios; `noise` is how much of the machine other programs used meanwhile.

A contender is a function `prepare() -> step`, named "module:function"; `step()` is what is measured.
"""

import contextlib
import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PAUSE = 0.05


class Contender:
    """One process that runs one step whenever told to."""

    def __init__(self, name: str, target: str, threads: int) -> None:
        self.name = name
        environment = {**os.environ, **{key: str(threads) for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}}
        environment["MINIBERT_BENCHMARK_THREADS"] = str(threads)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.side_by_side", target],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        self.prepared = self._answer()

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"contender {self.name} ended without an answer")
        return json.loads(line)

    def step(self) -> dict[str, float]:
        """Run one step: wall and CPU seconds, and peak memory in MB since the contender was prepared."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(targets: dict[str, str], *, rounds: int = 5, threads: int = 1) -> dict[str, Any]:
    """{name: "module:function"} -> medians, and of every name the ratios to the last one.

    Returns a dictionary ready for JSON: seconds, CPU seconds and megabytes by name, `ratio` (wall), `cpu_ratio`
    and `memory_ratio` to the last name, and the noise.
    """
    contenders = [Contender(name, target, threads) for name, target in targets.items()]
    results: dict[str, list[dict[str, float]]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.step()  # warm
    busy, started, own = _busy_seconds(), time.perf_counter(), 0.0
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else contenders[::-1]:
            time.sleep(PAUSE)
            result = contender.step()
            own += result["cpu"]
            results[contender.name].append(result)
    noise = max(0.0, (_busy_seconds() - busy - own) / (time.perf_counter() - started))
    for contender in contenders:
        contender.close()
    return _summary(results, list(targets)[-1], threads, rounds, noise)


def _summary(
    results: dict[str, list[dict[str, float]]], base: str, threads: int, rounds: int, noise: float
) -> dict[str, Any]:
    def median(name: str, key: str) -> float:
        return statistics.median(result[key] for result in results[name])

    def ratio(name: str, key: str) -> float:
        pairs = zip(results[name], results[base], strict=True)
        return round(statistics.median(one[key] / other[key] for one, other in pairs), 3)

    return {
        "threads": threads,
        "rounds": rounds,
        "noise": round(noise, 2),
        "seconds": {name: round(median(name, "wall"), 4) for name in results},
        "cpu_seconds": {name: round(median(name, "cpu"), 4) for name in results},
        "peak_mb": {name: round(median(name, "peak_mb"), 1) for name in results},
        "ratio": {name: ratio(name, "wall") for name in results if name != base},
        "cpu_ratio": {name: ratio(name, "cpu") for name in results if name != base},
        "memory_ratio": {name: ratio(name, "peak_mb") for name in results if name != base},
        "to": base,
    }


def show(title: str, result: dict[str, Any]) -> None:
    """Print one comparison as a short table."""
    print(f"\n{title} ({result['threads']} threads, {result['rounds']} rounds, noise {result['noise']})")
    for name in result["seconds"]:
        ratios = ""
        if name != result["to"]:
            ratios = (
                f"  = {result['ratio'][name]:.2f} x wall, {result['cpu_ratio'][name]:.2f} x CPU, "
                f"{result['memory_ratio'][name]:.2f} x memory of {result['to']}"
            )
        print(
            f"  {name:28} {result['seconds'][name]:8.3f} s  {result['cpu_seconds'][name]:8.3f} CPU s"
            f"  {result['peak_mb'][name]:8.0f} MB{ratios}"
        )


def _busy_seconds() -> float:
    """CPU seconds that all programs of this machine have used."""
    try:
        first = Path("/proc/stat").read_text().splitlines()[0].split()[1:8]
    except OSError:
        return 0.0
    ticks = [int(value) for value in first]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def _peak_mb() -> float:
    """The largest resident memory since `_forget_peak`."""
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return float("nan")


def _forget_peak() -> None:
    """Begin a new measurement of the peak (Linux keeps one a process, which even survives exec)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _serve(target: str) -> None:
    """The contender's own process: prepare, then a step for every line on standard input."""
    module, function = target.split(":")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a step prints must not be taken for an answer
    step = getattr(importlib.import_module(module), function)()
    print(json.dumps({"peak_mb": _peak_mb()}), file=answers, flush=True)
    for _ in sys.stdin:
        _forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        step()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(json.dumps({"wall": wall, "cpu": cpu, "peak_mb": _peak_mb()}), file=answers, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    _serve((arguments or sys.argv[1:])[0])


if __name__ == "__main__":
    main()
