#!/usr/bin/env python3
"""The task micro_gesture on the engines `local` (one worker, two workers) and `ray`: one result, bit for bit.

    python tests/acceptance/issue_9/engines.py [--strategies fedavg,scaffold] [OVERRIDE ...]

Two drawn rooms, the second without labels, each also alone, through a warm-up and momentum. Compared, killed
and resumed as in issue_6/engines.py. Exits with 1 where anything differs.
"""

import sys

from beside import script
from command import DATA, NET

if __name__ == "__main__":
    means = script("engines")
    means.SITES = ("silo1", "silo2")
    short = ("rounds=3", "evaluate_every=1", "holdout=0.5", "progress=false")
    means.WORDS = ("task=micro_gesture", *DATA, *NET, *short)
    sys.exit(means.main(sys.argv[1:]))
