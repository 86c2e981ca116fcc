#!/usr/bin/env python3
"""Sixteen of the seventeen checks of the task's sheet, a line each: how many tests, and whether all passed.

    python tests/acceptance/issue_6/checks.py [--only 05]

One run of pytest over the tests that are called after a check; what fails is shown as pytest shows it. A
check without a test fails, and so does one that was skipped. The seventeenth is of speed, which no test
measures: benchmarks/vein.py does, and ends with 1 where a core draws less than was asked.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from task_checks import main

CHECKS = {
    "01": "EER and TAR of the first worked list",
    "02": "EER and TAR of the second worked list",
    "03": "Murray's law: diameters and angles",
    "04": "chords of a vessel, and the light they leave",
    "05": "roll as of a cylinder",
    "06": "landmarks under turn, shift and scale",
    "07": "the mask lies on the veins that are seen",
    "08": "the exposure field",
    "09": "blurs keep energy; their widths",
    "10": "pattern statistics; the same bytes from everywhere",
    "11": "neutral pictures look as measured",
    "12": "the published layout, names and annotations",
    "13": "the angular head's worked logits and loss",
    "14": "the margin's guard",
    "15": "parameter counts",
    "16": "learning: other fingers, little data, true masks",
}

if __name__ == "__main__":
    sys.exit(main("vein", CHECKS, __doc__))
