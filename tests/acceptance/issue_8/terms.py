#!/usr/bin/env python3
"""The terms of FedProx, SCAFFOLD, FedDyn and MOON under DP-SGD, with the same accounting.

    python tests/acceptance/issue_8/terms.py

Runs the tests named beside each claim and prints whether they passed; exits with 1 where one does not.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from named_tests import main

ROUND = "tests/client/private/test_private_round.py"
STEP = "tests/client/private/test_private_step.py"

CLAIMS = {
    "without noise and with every unit in every step each term acts as it does without privacy": (
        f"{ROUND}::test_a_term_acts_as_without_privacy",
    ),
    "with noise each term costs what FedAvg does, round by round": (f"{ROUND}::test_a_term_costs_nothing",),
    "it is Opacus' own step where that has no noise": (f"{STEP}::test_it_is_opacus_own_step",),
}

if __name__ == "__main__":
    sys.exit(main(CLAIMS, __doc__))
