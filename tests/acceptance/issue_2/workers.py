#!/usr/bin/env python3
"""One small simulation with one, two and three workers: everything it leaves must be the same.

    .venv/bin/python tests/acceptance/issue_2/workers.py [--workers 1,2,3] [OVERRIDE ...]

Each run is compared with the first in metrics, bytes, checkpoints, site memories, data and curves, times
of day left out; see evidence.py. Prints a line for each run and exits with 1 where anything differs.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from evidence import differences, evidence, rubbish
from small import SMALL, gone_after, start

LONGEST, PATIENCE = 600.0, 5.0  # seconds


def run(folder: Path, workers: int, overrides: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Run with ``workers`` and return what can be compared, and what is wrong by itself."""
    mark, begun = f"workers {workers} of {folder}", time.monotonic()
    place = folder / f"workers{workers}" / "run"  # site memories hold the run's name, which is its folder's
    place.parent.mkdir()
    log = place.with_name("log.txt")
    words = ["simulate", *SMALL, f"engine.workers={workers}", *overrides, f"hydra.run.dir={place}"]
    code = start(words, mark, log).wait(LONGEST)
    if code:
        return {}, [f"exit code {code}: {log.read_text().strip()[-500:]}"]
    found = evidence(place)
    digest = found["summary.json weights_sha256"][:16]
    print(f"workers {workers}  {time.monotonic() - begun:5.1f} s  weights {digest}", end="  ")
    faults = [f"left behind: {name}" for name in rubbish(place)]
    return found, faults + ([] if gone_after(mark, PATIENCE) is not None else ["a process outlived the run"])


def compare(folder: Path, counts: list[int], overrides: list[str]) -> bool:
    """Run all and say whether each equals the first."""
    first: dict[str, Any] = {}
    well = True
    for workers in counts:
        found, faults = run(folder, workers, overrides)
        first = first or found
        faults += [f"other {name}" for name in differences(first, found)]
        print("; ".join(faults) or f"equal in {len(found)} things", flush=True)
        well = well and not faults
    return well


def main(argv: list[str]) -> int:
    """Run in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", default="1,2,3", help="numbers of worker processes")
    parser.add_argument("overrides", nargs="*", help="further overrides of isofed simulate")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="isofed-workers-") as folder:
        well = compare(Path(folder), [int(n) for n in options.workers.split(",")], options.overrides)
    print("passed: workers change nothing" if well else "FAILED")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
