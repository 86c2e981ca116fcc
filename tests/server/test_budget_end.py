"""A site whose budget is spent ends a run for good where a round needs it, and none that can do without."""

from typing import Any

import numpy as np
import pytest
from flwr.app import ConfigRecord, Error, Message, RecordDict
from test_rounds import Refusal, Reply, begin, drive, report, weights

from isofed.errors import BudgetError, ContractError, RoundError
from isofed.protocols.refusals import LONGEST, PLAIN, SPENT, refusal_content, refusal_in
from isofed.server.own import statistics
from isofed.server.replies import usable
from isofed.simulations.grid import identify

WHY = "the privacy budget of this site is spent: with this reply every image would have given away ..."
REPLY: Reply = ("a", report(weights(np.ones(2))))
GONE: Reply = ("b", Refusal("no answer in time"))
SPENT_UP: Reply = ("b", Refusal(WHY, SPENT))


def test_a_spent_budget_is_no_round_to_try_again() -> None:
    state = begin(weights(np.zeros(2)))
    with pytest.raises(BudgetError, match=r"1 usable reports of the 2 it needs \(b: the privacy budget of"):
        drive(state, [REPLY, SPENT_UP], fewest=2)
    with pytest.raises(RoundError, match=r"1 usable reports of the 2 it needs \(b: no answer in time\)"):
        drive(state, [REPLY, GONE], fewest=2)


def test_where_others_suffice_the_round_goes_on() -> None:
    refused = drive(begin(weights(np.zeros(2))), [REPLY, SPENT_UP], fewest=1).refused
    assert refused == {"b": WHY}


def test_what_one_site_claims_ends_nothing_that_the_others_could_do_when_they_are_back() -> None:
    with pytest.raises(RoundError, match=r"a: no answer in time; b: the privacy budget"):
        drive(begin(weights(np.zeros(2))), [("a", GONE[1]), SPENT_UP, ("c", REPLY[1])], fewest=2)
    with pytest.raises(BudgetError):
        drive(begin(weights(np.zeros(2))), [("a", SPENT_UP[1]), SPENT_UP, ("c", REPLY[1])], fewest=2)


def test_no_text_ends_a_run() -> None:
    with pytest.raises(RoundError, match="budget of this site is spent"):
        drive(begin(weights(np.zeros(2))), [REPLY, ("b", Refusal(WHY))], fewest=2)


def heard(content: RecordDict) -> Any:
    """Return what the server makes of a site's answer."""

    def read(content: RecordDict) -> Any:
        raise ContractError("no report")

    identify()
    asked = Message(RecordDict({"order": ConfigRecord()}), 7, "train")
    asked.metadata.__dict__["_message_id"] = "m"
    return usable(Message(content, reply_to=asked), read)


def test_a_code_of_the_list_is_heard_and_any_other_is_an_ordinary_refusal() -> None:
    assert heard(refusal_content(SPENT, WHY)) == Refusal(WHY, SPENT)
    for code in ("budget", "", "SPENT"):
        assert heard(refusal_content(code, WHY)) == Refusal(WHY, PLAIN)
    for odd in ({"code": SPENT}, {"code": SPENT, "reason": ""}, {"code": SPENT, "reason": 3},
                {"code": SPENT, "reason": WHY, "more": 1}):  # fmt: skip
        assert heard(RecordDict({"refusal": ConfigRecord(odd)})).code == PLAIN
    assert heard(RecordDict({"refusal": ConfigRecord({"code": 1, "reason": WHY})})) == Refusal(WHY, PLAIN)
    assert len(heard(refusal_content(SPENT, 2 * LONGEST * "x")).reason) == LONGEST


def test_what_has_more_in_it_than_a_refusal_is_checked_as_a_report() -> None:
    more = refusal_content(SPENT, WHY)
    more["report"] = ConfigRecord()
    assert refusal_in(more) is None and heard(more) == Refusal("no report")
    assert refusal_in(RecordDict()) is None


def test_what_a_site_says_is_one_line_of_what_can_be_printed() -> None:
    identify()
    said, asked = "x\x1b[2J\nfederated, round 2" + 3 * LONGEST * "y", Message(RecordDict(), 7, "train")
    for reply in (
        Message(refusal_content(SPENT, said), reply_to=asked),
        Message(Error(1, said), reply_to=asked),
    ):
        found = usable(reply, lambda content: pytest.fail("no report"))
        assert isinstance(found, Refusal) and found.reason.isprintable()
        assert found.reason.startswith("x [2J federated, round 2y") and len(found.reason) == LONGEST
    with pytest.raises(RoundError) as raised:
        statistics(Message(Error(1, said), reply_to=asked), 3)
    assert str(raised.value).isprintable()
