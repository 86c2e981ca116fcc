#!/usr/bin/env python3
"""The task micro_gesture on the engines `local` (one worker, two workers) and `ray`: one result, bit for bit.

    python tests/acceptance/issue_9/engines.py [--strategies fedavg,scaffold] [OVERRIDE ...]

Two drawn rooms, the second without labels, each also alone, through a warm-up and momentum. Compared, killed
and resumed as alike/task_engines.py says. Exits with 1 where anything differs.
"""

import sys

from command import DATA, NET
from task_engines import main

if __name__ == "__main__":
    sys.exit(main(("task=micro_gesture", *DATA, *NET), ("silo1", "silo2"), __doc__))
