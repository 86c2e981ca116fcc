#!/usr/bin/env python3
"""Sixty seeded faults on a fault-injecting grid: what dies, lies, comes late or twice, at sites and server.

    python tests/acceptance/issue_7/faults.py [--cases 60] [--seed 0] [--only NUMBER]

The server's loop, the deployed grid, the checkpoints, the client with its memory and ledger on disk are the
real ones; the SuperLink and the clock are not, so that a deadline of two minutes costs nothing. A line for
each case. In every one must hold:

- the final weights, the server's whole state and what each site remembers are, bit for bit, those of a run in
  which exactly the counted replies took part; and those of the run without a fault wherever the rule says
  that all replies count;
- each site has the memory version that the server names, and nothing half written is left;
- each round stands in the history once, with every site counted once or refused with the reason that was
  told; nobody is refused to whom nothing happened; a lost site is told of within 15 seconds, and its return;
- of an attempt never two different reports leave a site, and the ledger has a line for each.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "faults"))

from faulty_cases import KINDS, case
from faulty_judge import Judge


def main(argv: list[str]) -> int:
    """Play the cases; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cases", type=int, default=60, help="how many (default 60)")
    parser.add_argument("--seed", type=int, default=0, help="from which they are drawn (default 0)")
    parser.add_argument("--only", type=int, help="the number of one case")
    chosen = parser.parse_args(argv)
    begun, bad, seen = time.monotonic(), 0, Counter[str]()
    numbers = range(chosen.cases) if chosen.only is None else (chosen.only,)
    with tempfile.TemporaryDirectory(prefix="isofed-faults-") as base:
        judge = Judge(Path(base))
        for number in numbers:
            drawn = case(chosen.seed, number)
            wrong = judge.tried(drawn)
            seen.update(fault.kind for fault in drawn.faults)
            bad += bool(wrong)
            print(f"{number:>3}  {drawn}  {'WRONG: ' + '; '.join(wrong) if wrong else 'holds'}", flush=True)
    missing = [] if chosen.cases < len(KINDS) or chosen.only is not None else sorted(set(KINDS) - set(seen))
    print(f"{seen.total()} faults of {len(seen)} kinds in {time.monotonic() - begun:.0f} s")
    print("accepted" if not bad and not missing else f"NOT ACCEPTED: {bad} cases; never struck: {missing}")
    return int(bool(bad or missing))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
