#!/usr/bin/env python3
"""A site killed between charging and sending: never twice for one reply, never uncharged.

    python tests/acceptance/issue_8/kills.py

Runs the tests named beside each claim and prints whether they passed; exits with 1 where one does not.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "alike"))

from named_tests import main

KILLS = "tests/client/test_budget_kills.py"
BUDGET = "tests/client/test_budget.py"
END = "tests/simulations/test_early_end.py"

CLAIMS = {
    "killed at each of ten points: charged once, and the same bytes are sent": (
        f"{KILLS}::test_a_site_that_was_killed_pays_once_and_sends_the_same",
    ),
    "what is stored is paid for before it is sent again": (
        f"{KILLS}::test_a_stored_reply_is_paid_for_again_where_the_budget_forgot_it",
    ),
    "one reply is charged once, another attempt again; another price for it is refused": (
        f"{BUDGET}::test_a_reply_is_charged_once_and_another_attempt_again",
        f"{BUDGET}::test_another_price_for_the_same_reply_is_refused",
    ),
    "a write cut short anywhere is mended; damage further up is no free reply": (
        f"{BUDGET}::test_wherever_a_write_was_cut_short_the_next_one_mends_it",
        f"{BUDGET}::test_a_line_damaged_further_up_is_no_free_reply",
    ),
    "two processes at once lose and repeat nothing": (
        f"{BUDGET}::test_two_processes_at_once_lose_and_repeat_nothing",
    ),
    "a spent budget ends a run for good, and what was committed is measured and told": (
        f"{END}::test_what_was_committed_is_measured_and_told",
        f"{END}::test_where_nothing_was_committed_there_is_nothing_to_tell",
    ),
    "a spent budget stops the training in one sentence": (
        f"{KILLS}::test_where_nothing_is_left_nothing_is_trained",
        f"{BUDGET}::test_what_is_spent_is_said_in_one_sentence_and_nothing_is_charged",
    ),
}

if __name__ == "__main__":
    sys.exit(main(CLAIMS, __doc__))
