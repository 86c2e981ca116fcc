"""The main job over three training seeds and three data seeds.

    .venv/bin/python tests/acceptance/issue_2/main_job.py [--seeds 0,1,2] [--data-seeds 0,1,2] [--out DIR]

Runs the main job nine times, one after another on an otherwise idle machine, prints a line for each and
ends with a verdict: under three minutes, and a federated mAP of at least 1.1 times the best camera alone
and twice the untrained model. Exits with 1 where one of them does not hold.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIMIT_SECONDS, OVER_ALONE, OVER_UNTRAINED = 180.0, 1.1, 2.0
HEAD = "seed data untrained best alone federated x alone x untr.      s"


def numbers(text: str) -> list[int]:
    """Read ``0,1,2``."""
    return [int(part) for part in text.split(",")]


def run(folder: Path, seed: int, data_seed: int, overrides: list[str]) -> tuple[dict[str, float], float]:
    """Run once and return the three mAP values and the seconds of the whole process."""
    command = [sys.executable, "-m", "isofed", "simulate", f"seed={seed}", f"data.seed={data_seed}"]
    started = time.monotonic()
    subprocess.run(
        [*command, *overrides, f"hydra.run.dir={folder}", "progress=false"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.monotonic() - started
    metrics = json.loads((folder / "summary.json").read_text())["metrics"]
    best = max(alone["mAP"] for alone in metrics["alone"].values())
    return {
        "untrained": metrics["untrained"]["mAP"],
        "alone": best,
        "federated": metrics["federated"]["mAP"],
    }, seconds


def main() -> int:
    """Run all and say whether every one holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2])
    parser.add_argument("--data-seeds", type=numbers, default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=None, help="keep the runs here")
    parser.add_argument("overrides", nargs="*", help="further overrides of isofed simulate")
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="isofed-main-job-"))
    print(HEAD, flush=True)
    held = [
        show(seed, data, *run(out / f"seed{seed}-data{data}", seed, data, arguments.overrides))
        for seed, data in itertools.product(arguments.seeds, arguments.data_seeds)
    ]
    print(f"{sum(held)} of {len(held)} hold" + ("" if all(held) else ": NOT ACCEPTED"))
    return 0 if all(held) else 1


def show(seed: int, data: int, found: dict[str, float], seconds: float) -> bool:
    """Print one run's line and return whether it holds."""
    over_alone, over_untrained = found["federated"] / found["alone"], found["federated"] / found["untrained"]
    holds = seconds < LIMIT_SECONDS and over_alone >= OVER_ALONE and over_untrained >= OVER_UNTRAINED
    print(
        f"{seed:>4} {data:>4} {100 * found['untrained']:>9.1f} {100 * found['alone']:>10.1f} "
        f"{100 * found['federated']:>9.1f} {over_alone:>7.2f} {over_untrained:>7.2f} {seconds:>6.1f}"
        + ("" if holds else "  DOES NOT HOLD"),
        flush=True,
    )
    return holds


if __name__ == "__main__":
    sys.exit(main())
