#!/usr/bin/env python3
"""The seventeen checks of the task's sheet, a line each: how many tests, and whether all passed.

    python tests/acceptance/issue_6/checks.py [--only 05]

One run of pytest over the tests that are called after a check; what fails is shown as pytest shows it. A
check without a test fails, and so does one that was skipped: the speeds of check 17 want the cores for
themselves.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOLDER = "vein"
LINE = re.compile(r"::test_check_(\d\d)_\S* (PASSED|FAILED|ERROR|SKIPPED)")
CHECKS = {
    "01": "EER and TAR of the first worked list",
    "02": "EER and TAR of the second worked list",
    "03": "Murray's law: diameters and angles",
    "04": "chords of a vessel, and the light they leave",
    "05": "roll as of a cylinder",
    "06": "landmarks under turn, shift and scale",
    "07": "the mask lies on the veins that are seen",
    "08": "the exposure field",
    "09": "blurs keep energy; their widths",
    "10": "pattern statistics; the same bytes from everywhere",
    "11": "neutral pictures look as measured",
    "12": "the published layout, names and annotations",
    "13": "the angular head's worked logits and loss",
    "14": "the margin's guard",
    "15": "parameter counts",
    "16": "learning: other fingers, little data, true masks",
    "17": "speed: whole samples and ROIs",
}


def outcomes(only: str) -> tuple[dict[str, Counter[str]], str]:
    """Run the tests, and return for each check how often each outcome came, and what pytest said."""
    words = ["-vv", "-rs", "--no-header", "-p", "no:cacheprovider", "--tb=short", "-k", f"test_check_{only}"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(ROOT / "tests" / "tasks" / FOLDER)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, Counter[str]] = {number: Counter() for number in CHECKS if number.startswith(only)}
    for number, outcome in LINE.findall(ended.stdout):
        found.setdefault(number, Counter())[outcome] += 1
    return found, ended.stdout + ended.stderr


def main() -> int:
    """Run all or one, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="the number of one check, two digits")
    found, said = outcomes(parser.parse_args().only)
    bad = 0
    for number, seen in found.items():
        well = bool(seen) and set(seen) == {"PASSED"}
        bad += not well
        told = ", ".join(f"{count} {outcome.lower()}" for outcome, count in seen.items()) or "no test"
        print(f"{number}  {CHECKS.get(number, ''):<52}{told:<14}{'' if well else 'FAILS'}".rstrip())
    if bad:
        print(said)
    print("accepted" if not bad else f"FAILS: {bad} of {len(found)} checks")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
