#!/usr/bin/env python3
"""Noise variance, clipping bounds and sensitivity, each with the chance to fail where nothing is wrong.

    python tests/acceptance/issue_8/sensitivity.py

Runs the tests named beside each claim and prints whether they passed; exits with 1 where one does not.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from named_tests import main

NOISE = "tests/client/private/test_private_noise.py"
ROUND = "tests/client/private/test_private_round.py"
STEP = "tests/client/private/test_private_step.py"
DRAWS = "tests/client/private/test_private_draws.py"
CIPHER = "tests/protocols/test_noise.py"
CLIP = "tests/protocols/steps/test_clip.py"
GAUSSIAN = "tests/protocols/steps/test_gaussian.py"
TREE = "tests/protocols/steps/test_tree.py"
STATISTICS = "tests/protocols/steps/test_statistics_noise.py"
ROUNDS = "tests/server/test_released_statistics.py"
ADAPTIVE = "tests/protocols/steps/test_adaptive_clipping.py"
SITES = "tests/protocols/accounts/test_site_accounts.py"

CLAIMS = {
    "a step's numbers are standard normal: KS and chi-square of 400,000, each 1e-6 to fail": (
        f"{NOISE}::test_it_is_standard_normal",
        f"{NOISE}::test_numbers_do_not_depend_on_each_other",
    ),
    "a step's noise has the variance (z C)²: 15,480 numbers, within 3 %, beyond 2.6 deviations": (
        f"{ROUND}::test_the_noise_of_a_step_has_its_variance",
    ),
    "the server's noise has the variance (z C)² on the sum": (
        f"{GAUSSIAN}::test_the_variance_on_the_sum_is_the_square_of_z_times_c",
        f"{TREE}::test_the_sum_of_all_rounds_has_the_noise_of_its_nodes",
        f"{TREE}::test_completed_from_below_it_has_honakers_variance",
        f"{ADAPTIVE}::test_the_counts_noise_has_its_variance",
    ),
    "no unit moves a step's sum further than C, searched by Hypothesis": (
        f"{STEP}::test_no_unit_moves_the_sum_further_than_the_norm",
        f"{STEP}::test_a_step_is_the_mean_of_clipped_gradients",
        f"{STEP}::test_a_person_has_one_clipped_gradient",
    ),
    "no update leaves or is added above its bound": (
        f"{CLIP}::test_nothing_leaves_above_the_norm",
        f"{CLIP}::test_single_precision_stays_under_the_norm_too",
        f"{GAUSSIAN}::test_the_server_holds_every_update_to_c",
        f"{ADAPTIVE}::test_the_server_holds_each_update_to_the_bound_of_the_round",
    ),
    "no site moves the nodes of a tree further than what is accounted": (
        f"{SITES}::test_no_site_moves_the_trees_nodes_further_than_that",
    ),
    "running statistics: noise of their own, and no site moves both parts further than is stated": (
        f"{STATISTICS}::test_each_part_has_the_variance_of_its_own_noise",
        f"{STATISTICS}::test_no_site_moves_both_parts_further_than_one_noise_says",
        f"{STATISTICS}::test_what_is_stated_is_what_the_parts_compose_to",
        f"{STATISTICS}::test_a_site_is_accounted_for_as_with_one_noise",
        f"{ROUNDS}::test_the_mean_of_clipped_changes_of_all_sites_alike",
        f"{ROUNDS}::test_after_four_rounds_they_have_the_noise_of_their_share",
    ),
    "units are drawn by chances of their own: exact binomial intervals, 1e-6 each": (
        f"{DRAWS}::test_every_unit_comes_by_a_chance_of_its_own",
    ),
    "no noise follows from configuration, seed and messages; another model or attempt has other noise": (
        f"{ROUND}::test_no_noise_follows_from_what_is_known",
        f"{GAUSSIAN}::test_another_sum_in_the_same_attempt_has_other_noise",
        f"{CIPHER}::test_the_stream_is_aes_in_counter_mode",
        f"{CIPHER}::test_another_key_gives_other_numbers",
    ),
}

if __name__ == "__main__":
    sys.exit(main(CLAIMS, __doc__))
