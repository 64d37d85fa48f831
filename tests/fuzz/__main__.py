"""`python -m tests.fuzz --files 100000` or `--hours 1`: damaged files of every kind, and what must be mended."""

import argparse
import sys
import time
from collections import Counter

from tests.fuzz.kinds import KINDS
from tests.fuzz.run import limit_memory, outcomes

STEP = 50  # files of one kind before the next has its turn


def main() -> int:
    """Run until the files or the hours are used up; 1 if anything must be mended."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=0, help="damaged files of each kind")
    parser.add_argument("--hours", type=float, default=0.0, help="how long, for all kinds together")
    parser.add_argument("--kind", choices=list(KINDS), action="append", help="only this kind; may be repeated")
    parser.add_argument("--first", type=int, default=0, help="number of the first file, to see one again")
    parser.add_argument("--show", type=int, default=3, help="examples of each fault")
    arguments = parser.parse_args()
    if not arguments.files and not arguments.hours:
        parser.error("give --files or --hours")
    limit_memory()
    end = time.monotonic() + arguments.hours * 3600 if arguments.hours else float("inf")
    files = arguments.files or sys.maxsize
    verdicts: dict[str, Counter[str]] = {kind: Counter() for kind in arguments.kind or KINDS}
    examples: Counter[tuple[str, str]] = Counter()
    done = 0
    while done < files and time.monotonic() < end:
        for kind in verdicts:
            for outcome in outcomes(kind, arguments.first + done, min(STEP, files - done)):
                verdicts[kind][outcome.verdict] += 1
                if outcome.is_fault:
                    where = (kind, outcome.text.strip().rpartition("\n")[2][:60])
                    examples[where] += 1
                    if examples[where] <= arguments.show:
                        print(outcome, flush=True)
        done += STEP
    for kind, found in verdicts.items():
        print(f"{kind}: " + ", ".join(f"{count} {verdict}" for verdict, count in found.most_common()))
    return int(bool(examples))


if __name__ == "__main__":
    sys.exit(main())
