"""A site whose budget is spent ends a run for good where a round needs it, and none that can do without."""

import numpy as np
import pytest
from test_rounds import Refusal, Reply, begin, drive, report, weights

from isofed.errors import BudgetError, RoundError
from isofed.protocols.local_privacy import SPENT

REPLY: Reply = ("a", report(weights(np.ones(2))))
GONE: Reply = ("b", Refusal("no answer in time"))
SPENT_UP: Reply = ("b", Refusal(f"{SPENT}: with this reply every image would have given away ..."))


def test_a_spent_budget_is_no_round_to_try_again() -> None:
    state = begin(weights(np.zeros(2)))
    with pytest.raises(BudgetError, match=r"1 usable reports of the 2 it needs \(b: the privacy budget of"):
        drive(state, [REPLY, SPENT_UP], fewest=2)
    with pytest.raises(RoundError, match=r"1 usable reports of the 2 it needs \(b: no answer in time\)"):
        drive(state, [REPLY, GONE], fewest=2)


def test_where_others_suffice_the_round_goes_on() -> None:
    refused = drive(begin(weights(np.zeros(2))), [REPLY, SPENT_UP], fewest=1).refused
    assert list(refused) == ["b"] and refused["b"].startswith(SPENT)
