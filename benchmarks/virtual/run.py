"""Engines against the bare loop on virtual clients, in turns, round by round.

    .venv/bin/python benchmarks/virtual/run.py --workload cnn [--laps 6] [--engines bare,isofed2]

A lap is one round of every engine, one after the other while the rest idle; the order rotates from lap to
lap. Printed for each engine: the median of its time over the base's in the same lap, with the least and the
most, the same of CPU time, the first round from the start of the process, the peak memory of its processes,
and whether its weights are those of the bare loop with as many threads; then the lines that were asked of
this workload. README.md says more; all.py measures all workloads.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from acceptance import listed
from asked import LINES, PARTS
from engines import ENGINES
from laps import measure
from machine import busy, words
from tables import table
from workloads import WORKLOADS


def main() -> None:
    """Measure, print the table and the lines, and write everything measured if asked to."""
    given = _arguments()
    usual, workload = PARTS[given.workload], WORKLOADS[given.workload]
    cohort, users = given.cohort or workload.cohort, given.users or workload.users
    names = given.engines.split(",") if given.engines else usual.engines
    with tempfile.TemporaryDirectory(prefix="isofed-benchmark-") as folder:
        found = measure(replace(workload, cohort=cohort, users=users), names, given.laps, Path(folder))
    for name, why in found["skipped"].items():
        print(f"{name}: skipped, {why}")
    print(f"{workload.name}: {cohort} users a round, {given.laps} laps; {words(found['before'])}")
    print(f"before: {busy(found['before'])}; after: {busy(found['after'])}\n")
    print(table(found, given.base or usual.base) + "\n")
    lines = [line for line in LINES if line.part == workload.name]
    print(listed(lines, {workload.name: found}))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", choices=WORKLOADS, default="cnn")
    parser.add_argument("--engines", help=f"of {', '.join(ENGINES)}; usually those that all.py measures")
    parser.add_argument("--base", help="whose time the others' are divided by")
    parser.add_argument("--laps", type=int, default=6, help="after the first round, which warms up")
    parser.add_argument("--cohort", type=int, help="users of a round, if not the workload's")
    parser.add_argument("--users", type=int, help="the population, if not the workload's")
    parser.add_argument("--json", type=Path, help="file to write")
    return parser.parse_args()


if __name__ == "__main__":
    main()
