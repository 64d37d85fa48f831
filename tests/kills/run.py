"""Kill a process that writes one state over the other, at a random time, and look at what it leaves."""

import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.kills.planted import FINISHED, KILLED, killed_at_line
from tests.kills.scenes import SCENES, Scene


def at_random_times(name: str, kills: int, seed: int = 0) -> Counter[str]:
    """Fork, write, kill -9 after a random part of the time that a whole write takes."""
    rng = random.Random(f"{name} {seed}")

    def kill(run: Callable[[], Any], longest: float) -> bool:
        process = os.fork()
        if process == 0:
            try:
                run()
            finally:
                os._exit(FINISHED)
        time.sleep(rng.random() * longest)
        os.kill(process, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL

    return _count(SCENES[name], kills, kill)


def at_every_line(name: str, step: int = 1, most: int = 100_000) -> Counter[str]:
    """Fork, write, and end without cleaning up before the first line, the `step`-th, and so on, to the last."""
    line = [-step]

    def kill(run: Callable[[], Any], _: float) -> bool:
        line[0] += step
        return killed_at_line(line[0], run) == KILLED

    return _count(SCENES[name], most, kill, until_whole=True)


def _count(
    scene: Scene, kills: int, kill: Callable[[Callable[[], Any], float], bool], *, until_whole: bool = False
) -> Counter[str]:
    """{"old" or "new": how often}; anything else that a kill leaves is an AssertionError."""
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        states, names, times = [], [], []
        for state in (0, 1):  # what is made once is not timed
            scene.write(folder, state)
        for state in (1, 0):
            begun = time.perf_counter()
            scene.write(folder, state)
            times.append(time.perf_counter() - begun)
            states.insert(0, scene.read(folder))
            names.insert(0, sorted(os.listdir(folder)))
        assert states[0] != states[1]
        now = 0
        while sum(found.values()) - found["not killed"] < kills:
            killed = kill(lambda state=1 - now: scene.write(folder, state), 1.2 * max(times))
            left = scene.read(folder)
            assert left in states, f"after {sum(found.values())} kills the folder is neither the old nor the new one"
            found["not killed" if not killed else "old" if left == states[now] else "new"] += 1
            now = states.index(left)
            if not killed and until_whole:
                break
        scene.write(folder, 0)
        assert sorted(os.listdir(folder)) == names[0], f"{set(os.listdir(folder)) - set(names[0])} was left behind"
    return found
