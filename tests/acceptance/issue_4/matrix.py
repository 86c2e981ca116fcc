#!/usr/bin/env python3
"""Every cell of {strategy} x {privacy} x {task} is built, and how long that takes: under 20 ms each.

    python tests/acceptance/issue_4/matrix.py [--times N]

A cell is built N times and counts with the fastest, so that a busy machine is not blamed on the code.
Prints how many cells run and how many are refused, the median and the slowest, and exits with 1 where one
takes 20 ms or more, or where docs/compatibility.md says something else.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median

from isofed.simulations.compatibility import RUNS, Cell, cells, judged, page

ROOT = Path(__file__).resolve().parents[3]
MOST = 0.020


def fastest(cell: Cell, times: int) -> float:
    """Return the seconds of the fastest of so many builds."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        judged(cell)
        took.append(time.perf_counter() - begun)
    return min(took)


def main(argv: list[str]) -> int:
    """Build every cell; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--times", type=int, default=5, help="builds of each cell")
    times = parser.parse_args(argv).times
    every = cells()
    words = [judged(cell) for cell in every]
    print(f"{len(every)} cells: {words.count(RUNS)} run, {len(every) - words.count(RUNS)} are refused")
    seconds = [fastest(cell, times) for cell in every]
    slowest = seconds.index(max(seconds))
    cell = every[slowest]
    print(f"median {1000 * median(seconds):.2f} ms")
    print(f"slowest {1000 * seconds[slowest]:.2f} ms: {cell.place}, {cell.strategy}, privacy={cell.privacy}")
    written = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8") == page()
    print("docs/compatibility.md is up to date" if written else "docs/compatibility.md is behind the code")
    held = written and seconds[slowest] < MOST
    print("accepted" if held else "NOT ACCEPTED")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
