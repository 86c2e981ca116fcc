#!/usr/bin/env python3
"""The task action_units on the engines `local` (one worker, two workers) and `ray`: one result, bit for bit.

    python tests/acceptance/issue_10/engines.py [--strategies fedavg,scaffold] [OVERRIDE ...]

Five drawn databases, each also alone, with momentum. Compared, killed and resumed as
alike/task_engines.py says. Exits with 1 where anything differs.
"""

import sys

from command import DATA, NET
from task_engines import main

SITES = ("casme", "samm", "fourd", "mmew", "casme3a")

if __name__ == "__main__":
    sys.exit(main(("task=action_units", *DATA, *NET), SITES, __doc__))
