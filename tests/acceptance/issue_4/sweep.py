#!/usr/bin/env python3
"""Ten algorithms on `reid` under `camera`, two seeds each, in one sweep: one page that compares them.

    python tests/acceptance/issue_4/sweep.py [--out DIR] [--seeds 0,1] [--small] [OVERRIDE ...]

The sweep is `isofed simulate --multirun` as a person would write it. Sites take plain SGD steps
(task.momentum=0), which SCAFFOLD and FedNova ask for, so that all ten start from the same place. Checked: one
page, ten settings in it, each with its two runs, a number with a spread in the table, a curve over rounds,
and no word that a browser would have to fetch. Prints the closing table; exits with 1 where a check fails.
A browser, if there is one, takes a picture of the page beside it: see issue_2/look.py.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ALGORITHMS = (
    *("fedavg", "uniform", "fedprox", "fedavgm", "fedadam", "fedyogi"),
    *("scaffold", "fednova", "feddyn", "moon"),
)
SERVER = ("alone=false", "tensorboard=false", "progress=false", "evaluate_every=2", "protocol=camera")
SMALL = (
    *("data.make.identities=16", "data.make.test_identities=4", "data.make.images=4"),
    *("data.make.height=32", "data.make.width=16", "task.height=32", "task.width=16", "rounds=3"),
    *("task.batch_identities=4", "task.batch_images=2", "task.stem=4", "task.stage2=4", "task.stage3=8"),
    "task.dimensions=8",
)


def sweep(folder: Path, seeds: str, words: list[str]) -> tuple[int, str, float]:
    """Run the sweep; return its exit code, what it printed and its seconds."""
    command = [
        *(sys.executable, "-m", "isofed", "simulate", "--multirun"),
        *(f"strategy={','.join(ALGORITHMS)}", f"seed={seeds}", "task.momentum=0", *SERVER, *words),
        f"hydra.sweep.dir={folder}",
    ]
    begun = time.monotonic()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout + done.stderr[-2000:], time.monotonic() - begun


def faults(folder: Path, seeds: int) -> list[str]:
    """Return what is wrong with the comparison in a sweep's folder."""
    page, numbers = folder / "compare.html", folder / "compare.json"
    if not (page.is_file() and numbers.is_file()):
        return ["there is no compare.html with its compare.json"]
    settings: list[dict[str, Any]] = json.loads(numbers.read_text())["settings"]
    text = page.read_text(encoding="utf-8")
    wanted = {f"strategy={name}" for name in ALGORITHMS}
    found = [f"settings are {sorted(s['name'] for s in settings)}"] * (
        {s["name"] for s in settings} != wanted
    )
    for setting in settings:
        name, metrics = setting["name"], setting["metrics"]
        if len(setting["runs"]) != seeds:
            found.append(f"{name} has {len(setting['runs'])} runs instead of {seeds}")
        if not {"R1", "mAP"} <= set(metrics) or (seeds > 1 and metrics["mAP"]["spread"] is None):
            found.append(f"{name} has no mAP with a spread over seeds")
        if text.count(name) < 4:  # in bars, table, legend of the curves, and the list of runs
            found.append(f"{name} is missing somewhere on the page")
    if text.count("<polyline") + text.count("<path") < len(ALGORITHMS):
        found.append("the page has fewer curves than algorithms")
    if re.search(r"""(?:src|href)=["']https?:|@import|url\(http""", text):
        found.append("the page asks the network for something")
    return found


def main() -> int:
    """Read the command line, run, check, and say what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, add_help=True
    )
    parser.add_argument("--out", type=Path, help="keep the sweep in this folder, which must not exist")
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--small", action="store_true", help="tiny pictures, three rounds: half a minute")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isofed-sweep-") as name:
        folder = given.out or Path(name) / "sweep"
        code, text, seconds = sweep(folder, given.seeds, [*(SMALL if given.small else ()), *given.overrides])
        print("\n".join(text.splitlines()[-(len(ALGORITHMS) + 5) :]))
        wrong = ([f"exit code {code}"] if code else []) + faults(folder, len(given.seeds.split(",")))
    print(f"{len(ALGORITHMS)} algorithms x {len(given.seeds.split(','))} seeds in {seconds:.0f} s")
    print("\n".join(wrong) or "accepted: one page")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
