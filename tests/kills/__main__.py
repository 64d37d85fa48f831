"""`python -m tests.kills --kills 100`: every scene is killed that often, and nothing may be torn."""

import argparse
import sys

from tests.kills.run import at_every_line, at_random_times
from tests.kills.scenes import SCENES


def main() -> int:
    """Kill, look, and say how often the old state and the new one were found; 1 if anything else was."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills of each scene at random times")
    parser.add_argument("--lines", type=int, default=0, metavar="STEP", help="also at every STEP-th line of minibert's")
    parser.add_argument("--scene", choices=list(SCENES), action="append", help="only this scene; may be repeated")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torn = 0
    for scene in arguments.scene or SCENES:
        try:
            found = at_random_times(scene, arguments.kills, arguments.seed)
            if arguments.lines:
                found += at_every_line(scene, arguments.lines)
            print(f"{scene}: " + ", ".join(f"{count} {what}" for what, count in sorted(found.items())), flush=True)
        except Exception as fault:
            torn += 1
            print(f"{scene}: TORN, {type(fault).__name__}: {fault}", flush=True)
    return int(torn > 0)


if __name__ == "__main__":
    sys.exit(main())
