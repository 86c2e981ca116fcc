"""Claims of an acceptance line, each with the tests that hold it: how many ran, and whether all passed.

One run of pytest over the tests named; what fails is shown as pytest shows it. A claim of which a named test
did not run fails, and so does one that was skipped.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LINE = re.compile(r"^(\S+\.py::\w+)(?:\[.*\])? (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)", re.MULTILINE)


def outcomes(tests: Sequence[str]) -> tuple[dict[str, Counter[str]], str]:
    """Run tests by name, and return how often each outcome of each came, and what pytest said."""
    words = ["-vv", "-rs", "--no-header", "-p", "no:cacheprovider", "--tb=short"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    found: dict[str, Counter[str]] = {}
    for test, outcome in LINE.findall(ended.stdout):
        found.setdefault(test, Counter())[outcome] += 1
    return found, ended.stdout + ended.stderr


def main(claims: Mapping[str, Sequence[str]], told: str | None) -> int:
    """Run all, and print a line for each claim.

    Args:
        claims: what is held, with its error where it is a statistical one, and by which tests, each
            ``tests/FILE.py::NAME``.
        told: what the script says of itself.
    """
    argparse.ArgumentParser(description=told, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    found, said = outcomes(sorted({test for tests in claims.values() for test in tests}))
    bad = 0
    for claim, tests in claims.items():
        seen = sum((found.get(test, Counter(missing=1)) for test in tests), Counter[str]())
        well = set(seen) == {"PASSED"}
        bad += not well
        counts = ", ".join(f"{count} {outcome.lower()}" for outcome, count in seen.items())
        print(f"{'holds' if well else 'FAILS'}  {claim}\n       {counts}: {', '.join(map(_short, tests))}")
    if bad:
        print(said)
    print("accepted" if not bad else f"FAILS: {bad} of {len(claims)}")
    return int(bool(bad))


def _short(test: str) -> str:
    return test.partition("::")[2]
