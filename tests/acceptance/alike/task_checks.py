"""The checks of a task's sheet, a line each: how many tests, and whether all passed.

One run of pytest over the tests that are called after a check; what fails is shown as pytest shows it. A
check without a test fails, and so does one that was skipped.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LINE = re.compile(r"::test_check_(\d\d)_\S* (PASSED|FAILED|ERROR|SKIPPED)")


def outcomes(folder: str, checks: Mapping[str, str], only: str) -> tuple[dict[str, Counter[str]], str]:
    """Run the tests, and return for each check how often each outcome came, and what pytest said."""
    words = ["-vv", "-rs", "--no-header", "-p", "no:cacheprovider", "--tb=short", "-k", f"test_check_{only}"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(ROOT / "tests" / "tasks" / folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, Counter[str]] = {number: Counter() for number in checks if number.startswith(only)}
    for number, outcome in LINE.findall(ended.stdout):
        found.setdefault(number, Counter())[outcome] += 1
    return found, ended.stdout + ended.stderr


def main(folder: str, checks: Mapping[str, str], told: str | None) -> int:
    """Run all or one, and print a line for each.

    Args:
        folder: of the task's tests.
        checks: their two digits to what they check.
        told: what the script says of itself.
    """
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="the number of one check, two digits")
    found, said = outcomes(folder, checks, parser.parse_args().only)
    bad = 0
    for number, seen in found.items():
        well = bool(seen) and set(seen) == {"PASSED"}
        bad += not well
        counts = ", ".join(f"{count} {outcome.lower()}" for outcome, count in seen.items()) or "no test"
        print(f"{number}  {checks.get(number, ''):<52}{counts:<14}{'' if well else 'FAILS'}".rstrip())
    if bad:
        print(said)
    print("accepted" if not bad else f"FAILS: {bad} of {len(found)} checks")
    return bool(bad)
