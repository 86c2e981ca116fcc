#!/usr/bin/env python3
"""Flow, latents, opening and training of action units against bare loops over the same work, as ratios.

    python tests/acceptance/issue_10/throughput.py [--most 1.3] [WORD ...]

Runs `benchmarks/action_units.py`, WORDs such as --runs 5 going to it, and prints its numbers. Exits with 1
where something costs more than `--most` times the bare loop.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RATIO = "_ours_over_bare"


def main() -> int:
    """Measure and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--most", type=float, default=1.3)
    given, words = parser.parse_known_args()
    script = ROOT / "benchmarks" / "action_units.py"
    ended = subprocess.run(
        [sys.executable, str(script), *words], stdout=subprocess.PIPE, text=True, check=True
    )
    numbers = json.loads(ended.stdout)
    print(ended.stdout)
    bad = 0
    for name, value in numbers.items():
        if name.endswith(RATIO):
            well = value <= given.most
            bad += not well
            print(
                f"{name.removesuffix(RATIO):<10}{value:6.2f} times the bare loop{'' if well else '  FAILS'}"
            )
    print(f"FAILS: {bad}" if bad else "accepted")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
