#!/usr/bin/env python3
"""Six folds from one command within a quarter of an hour; both ablations; what does not hold is said.

    python tests/acceptance/issue_10/experiment.py [--out DIR] [WORD ...]

Runs `isofed experiment action_units`, WORDs such as seeds=2 going to it, and prints what it printed; the
machine should be quiet. Exits with 1 where it took longer than 15 minutes, where a fold, a row or a unit is
missing, where an ablation has no interval, or an expectation no verdict.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from command import isofed

from isofed.simulations.experiments.action_units import plans
from isofed.simulations.experiments.action_units.options import ActionUnitExperiment
from isofed.simulations.experiments.words import chosen
from isofed.tasks.action_units.model import UNITS

LIMIT = 15 * 60
WORDS = ("HOLDS: ", "HOLDS IN THE MEAN ALONE: ", "FAILS: ")


def lacking(numbers: dict[str, Any], text: str, options: ActionUnitExperiment) -> list[str]:
    """Return what is missing."""
    rows = {row["name"]: row for row in numbers["rows"]}
    found = [f"row {name}" for name in plans.ROWS if name not in rows]
    found += [f"fold {key}" for key in options.left_out if key not in numbers["folds"]]
    found += [f"unit {unit}" for unit in UNITS if f"AU{unit}" not in numbers["units"]]
    found += [
        f"an interval of {each['what']}"
        for each in numbers["differences"]
        if options.seeds > 1 and each["macro F1"]["half"] is None
    ]
    said = sum(line.startswith(WORDS) for line in text.splitlines())
    return found + (["a verdict"] if said != len(numbers["verdicts"]) else [])


def main() -> int:
    """Run and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", default="", help="keep what was run there")
    parser.add_argument("words", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isofed-experiment-") as name:
        out = Path(given.out or name)
        ended = isofed("experiment", "action_units", f"out={out}", *given.words)
        print(ended.stdout)
        if ended.returncode:
            sys.exit(ended.stderr)
        numbers = json.loads((out / "experiment.json").read_text())
    missing = lacking(numbers, ended.stdout, chosen(ActionUnitExperiment, given.words))
    if numbers["seconds"] > LIMIT:
        missing.append(f"{numbers['seconds'] - LIMIT:.0f} seconds less")
    print(
        f"{numbers['seconds']:.0f} s of {LIMIT}: "
        + (f"FAILS: {', '.join(missing)}" if missing else "accepted")
    )
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
