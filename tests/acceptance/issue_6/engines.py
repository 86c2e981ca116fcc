#!/usr/bin/env python3
"""The task vein on the engines `local` (one worker, two workers) and `ray`: one result, bit for bit.

    python tests/acceptance/issue_6/engines.py [--strategies fedavg,scaffold] [OVERRIDE ...]

Two drawn sensors, each also alone, through a warm-up, momentum and heads of their own. Compared with the
first run are weights_sha256, metrics, bytes, every checkpoint and site memory, the data and the curves, times
of day left out. A local run and one over Ray are killed in the middle, must leave no process behind, and must
end as the others once resumed. The means are those of issue_3/engines.py. Exits with 1 where any differs.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

# before this folder, which has a file of the same name
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_2"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_3"))

import engines as common
from command import DATA, NET
from evidence import differences, evidence

SITES = ("usm_like", "vera_like")
WORDS = ("task=vein", *DATA, *NET, "rounds=3", "evaluate_every=1", "holdout=0.5", "progress=false")
LOCAL, RAY = "local, 1 worker", "ray, 2 actors"
RUNS = {
    **{name: (words, False) for name, words in common.ENGINES.items()},
    "local, killed": (common.ENGINES[LOCAL], True),
    "ray, killed": (common.ENGINES[RAY], True),
}


def compare(folder: Path, words: list[str]) -> bool:
    """Run on all engines and say whether each equals the first."""
    first: dict[str, Any] = {}
    well = True
    for name, (engine, kill) in RUNS.items():
        found, faults = common.run(folder, name, [*WORDS, *words, *engine], kill=kill)
        first = first or found
        faults += [f"other {thing}" for thing in differences(first, found)]
        print("; ".join(faults) or f"equal in {len(found)} things", flush=True)
        well = well and not faults
    return well


def main(argv: list[str]) -> int:
    """Run in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--strategies", default="fedavg,scaffold", help="strategies, one after another")
    parser.add_argument("overrides", nargs="*", help="further overrides of isofed simulate")
    options = parser.parse_args(argv)
    common.evidence = lambda run: evidence(run, SITES)
    well = True
    with tempfile.TemporaryDirectory(prefix="isofed-vein-engines-") as folder:
        for strategy in options.strategies.split(","):
            print(f"strategy={strategy}")
            # one that is exact under plain steps alone is given them
            more = ["task.momentum=0"] if strategy == "scaffold" else []
            well = (
                compare(Path(folder) / strategy, [f"strategy={strategy}", *more, *options.overrides]) and well
            )
    print("accepted" if well else "FAILED")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
