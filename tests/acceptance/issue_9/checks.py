#!/usr/bin/env python3
"""The checks of the task's sheet, a line each: how many tests, and whether all passed.

    python tests/acceptance/issue_9/checks.py [--only 05]

One run of pytest over the tests that are called after a check; what fails is shown as pytest shows it. A
check without a test fails, and so does one that was skipped. Check 19, which trains for minutes, is
planted.py beside this file.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_checks import main

CHECKS = {
    "01": "shapes, and frames of every block",
    "02": "parameter counts",
    "03": "hops between joints",
    "04": "the mean of a hyperedge",
    "05": "which frames are looked at",
    "06": "left and right exchanged",
    "07": "another exchange is seen",
    "08": "at the beginning attention says nothing",
    "09": "a clip alone as among others",
    "10": "rows sum to one; plain attention",
    "11": "hyperedges are updated gradually",
    "12": "the reconstruction's loss",
    "13": "the rate by epoch",
    "14": "a batch without labels",
    "15": "accuracy, votes and F1 worked by hand",
    "16": "averages of sites are the pooled step",
    "17": "the input's normalisation stays at home",
    "18": "22 and 25 joints share one trunk",
}

if __name__ == "__main__":
    sys.exit(main("micro_gesture", CHECKS, __doc__))
