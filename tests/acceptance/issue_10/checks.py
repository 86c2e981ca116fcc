#!/usr/bin/env python3
"""The thirteen checks of the task's sheet, a line each: how many tests, and whether all passed.

    python tests/acceptance/issue_10/checks.py [--only 05]

One run of pytest over the tests that are called after a check; what fails is shown as pytest shows it. A
check without a test fails, and so does one that was skipped: checks 09 and 10 want the published label table.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_checks import main

CHECKS = {
    "01": "what does not move gives exactly nothing",
    "02": "parameter counts",
    "03": "shapes",
    "04": "infusion worked by hand",
    "05": "scopes; a clip alone as among others",
    "06": "one head for both branches",
    "07": "the second loss reaches the first branch",
    "08": "binary and macro F1 worked by hand",
    "09": "all ones and all zeros on the published table",
    "10": "folds of the published table",
    "11": "strain of a linear stretch",
    "12": "still and short clips train with finite numbers",
    "13": "learning: an unseen database after five rounds",
}

if __name__ == "__main__":
    sys.exit(main("action_units", CHECKS, __doc__))
