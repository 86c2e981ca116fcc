"""The whole acceptance of the local engine: every workload's engines in turns, every line with its verdict.

    .venv/bin/python benchmarks/virtual/all.py --json found.json --page docs/engine.md
    .venv/bin/python benchmarks/virtual/all.py --only cnn,messages --json found.json
    .venv/bin/python benchmarks/virtual/all.py --only none --json found.json --page docs/engine.md

Measures the parts one after another, then prints each line: what was asked, what was measured, and whether
it holds; the machine; and each workload's table. Ends with 1 if a line does not hold. A file given with
--json is written after each part and read first, so that parts can be measured again one at a time.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from acceptance import FAILS
from asked import LINES
from page import put, written
from parts import every


def main() -> None:
    """Measure, print, write; say by the exit status whether every line that was measured holds."""
    given = _arguments()
    found: dict[str, Any] = {}
    if given.json and given.json.exists():
        found = json.loads(given.json.read_text())
    parts = every(given.laps, given.cohort)
    for name in _chosen(given.only, list(parts)):
        began = time.monotonic()
        found[name] = parts[name]()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        found = {each: found[each] for each in parts if each in found}
        if given.json:
            given.json.write_text(json.dumps(found, indent=1) + "\n")
    if not found:
        raise SystemExit("nothing was measured")
    print(written(found))
    if given.page:
        put(given.page, written(found))
    sys.exit(any(line.verdict(found) == FAILS for line in LINES))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = ", ".join(every(None, None))
    parser.add_argument("--only", help=f"parts, with commas: of {parts}; or none")
    parser.add_argument("--laps", type=int, help="of every part, instead of its own number")
    parser.add_argument("--cohort", type=int, help="users of a round in every workload: to try this out")
    parser.add_argument("--json", type=Path, help="file of what was measured")
    parser.add_argument("--page", type=Path, help="page between whose marks the text is written")
    return parser.parse_args()


def _chosen(only: str | None, parts: list[str]) -> list[str]:
    if only is None:
        return parts
    names = [] if only == "none" else only.split(",")
    for name in names:
        if name not in parts:
            raise SystemExit(f"there is no part '{name}'; there are {', '.join(parts)}, and none")
    return [name for name in parts if name in names]


if __name__ == "__main__":
    main()
