#!/usr/bin/env python3
"""Accountants beside second implementations and published values.

    python tests/acceptance/issue_8/accountants.py

Runs the tests named beside each claim and prints whether they passed; exits with 1 where one does not.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from named_tests import main

ALL = "tests/protocols/accounts/test_accounts.py"
SITES = "tests/protocols/accounts/test_site_accounts.py"

CLAIMS = {
    "RDP's ε equals a second library's at equal orders and conversion, 1e-6 over 60 cells": (
        f"{ALL}::test_equals_a_second_library_at_equal_orders",
    ),
    "between whole orders, where that library only bounds, RDP equals the integral to 1e-5": (
        f"{ALL}::test_between_whole_orders_it_is_the_integral",
    ),
    "the interval of PRV holds that of a second library's privacy loss distributions": (
        f"{ALL}::test_the_interval_of_prv_holds_that_of_a_second_library",
    ),
    "Abadi et al. 2016, and what TensorFlow Privacy publishes in its tutorials and tests": (
        f"{ALL}::test_abadi_2016",
        f"{ALL}::test_the_mnist_table_of_tensorflow_privacy",
        f"{ALL}::test_the_curves_of_tensorflow_privacys_tests",
        f"{ALL}::test_the_composition_of_tensorflow_privacys_tests",
    ),
    "RDP and PRV as Opacus' tests have them": (f"{ALL}::test_the_values_of_opacus_tests",),
    "DP-FTRL's published values": (
        f"{SITES}::test_dp_ftrl_on_stackoverflow",
        f"{SITES}::test_the_most_that_anybody_moves_a_tree",
        f"{SITES}::test_who_comes_every_round_moves_every_node",
    ),
    "noise for a target ε is enough, and not a thousandth more": (
        f"{ALL}::test_noise_for_a_target_is_enough_and_not_much_more",
    ),
    "amplification only where sampling is secret": (f"{SITES}::test_only_secret_draws_amplify",),
}

if __name__ == "__main__":
    sys.exit(main(CLAIMS, __doc__))
