#!/usr/bin/env python3
"""One round of every algorithm of the strategy layer on the task vein: it runs, or says why not.

    python tests/acceptance/issue_6/algorithms.py [--only WORD]

Two drawn sensors with heads of their own, under `camera` and `entity`. Where a refusal says what to write
(`write task.momentum=0`), that is written and the cell tried again. A cell that runs must have moved the
model. Prints a line for each algorithm; exits with 1 where a cell fails in another way, or a refusal says
nothing to do.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_algorithms import main

if __name__ == "__main__":
    sys.exit(main("vein", __doc__))
