#!/usr/bin/env python3
"""One round of every algorithm of the strategy layer on the task action_units: it runs, or says why not.

    python tests/acceptance/issue_10/algorithms.py [--only WORD]

Five drawn databases, a sixth tested, under `camera` and `entity`. Where a refusal says what to write, that is
written and the cell tried again.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_algorithms import main

if __name__ == "__main__":
    sys.exit(main("action_units", __doc__))
