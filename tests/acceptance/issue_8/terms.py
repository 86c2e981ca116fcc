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
TASKS = "tests/client/private/test_private_tasks.py"

CLAIMS = {
    "without noise and with every unit in every step each term acts as it does without privacy": (
        f"{ROUND}::test_a_term_acts_as_without_privacy",
    ),
    "with noise each term costs what FedAvg does, round by round": (f"{ROUND}::test_a_term_costs_nothing",),
    "each task's step is the sum of clipped gradients of its own units, and each says what it hides": (
        f"{TASKS}::test_a_step_of_a_task_is_the_sum_of_clipped_gradients",
        f"{TASKS}::test_every_task_says_what_it_hides",
        f"{TASKS}::test_group_normalisation_takes_the_place_of_every_batch_normalisation",
    ),
    "it is Opacus' own step where that has no noise": (f"{STEP}::test_it_is_opacus_own_step",),
}

if __name__ == "__main__":
    sys.exit(main(CLAIMS, __doc__))
