"""The main job with all its controls, and the two claims without which its numbers would mean nothing.

    .venv/bin/python tests/acceptance/issue_2/controls.py [--out DIR] [OVERRIDE ...]

Runs `isofed simulate controls=full` (17 federations instead of one) and prints its tables. Raw pixels must
stay below half of the federation's mAP, and a federation with shuffled labels must stay at chance; where
one of them does not hold, or was not judged, it exits with 1. Everything else, what the bank and the
channel augmentation are worth above all, is printed whatever it is.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from isofed.simulations.controls import text
from isofed.simulations.controls.compare import RAW
from isofed.simulations.controls.listed import SHUFFLED
from isofed.simulations.summary import table

HARD = (RAW, SHUFFLED)  # how the claims begin


def broken(verdicts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for each hard claim that fails or is missing among ``verdicts``."""
    verdicts = list(verdicts)
    return [fault for start in HARD if (fault := _fault(start, verdicts))]


def _fault(start: str, verdicts: list[Mapping[str, Any]]) -> str:
    judged = [verdict for verdict in verdicts if verdict["claim"].startswith(start)]
    if not judged:
        return f"nothing was found out about {start}"
    return "; ".join(f"not so: {v['claim']} ({v['found']})" for v in judged if v["holds"] is not True)


def run(folder: Path, overrides: list[str]) -> dict[str, Any]:
    """Run the job into ``folder`` and return its summary; what it complains of is shown."""
    command = [sys.executable, "-m", "isofed", "simulate", "controls=full", "progress=false", *overrides]
    subprocess.run([*command, f"hydra.run.dir={folder}"], check=True, stdout=subprocess.DEVNULL)
    return dict(json.loads((folder / "summary.json").read_text()))


def main() -> int:
    """Run it and say whether the hard claims hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=None, help="keep the run here")
    parser.add_argument("overrides", nargs="*", help="further overrides of isofed simulate")
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="isofed-controls-")) / "run"
    begun = time.monotonic()
    summary = run(out, arguments.overrides)
    print(f"{table(summary)}\n\n{text(summary['controls'])}\n")
    print(f"{time.monotonic() - begun:.0f} s; report: {out / 'report.html'}")
    faults = broken(summary["controls"]["verdicts"])
    print("\n".join(faults) or "accepted")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
