#!/usr/bin/env python3
"""The task vein on the engines `local` (one worker, two workers) and `ray`: one result, bit for bit.

    python tests/acceptance/issue_6/engines.py [--strategies fedavg,scaffold] [OVERRIDE ...]

Two drawn sensors, each also alone, through a warm-up, momentum and heads of their own. Compared, killed and
resumed as alike/task_engines.py says. Exits with 1 where anything differs.
"""

import sys

from command import DATA, NET
from task_engines import main

if __name__ == "__main__":
    sys.exit(main(("task=vein", *DATA, *NET), ("usm_like", "vera_like"), __doc__))
