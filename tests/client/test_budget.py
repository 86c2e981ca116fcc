"""What a site spent is written down once a reply, survives what a crash leaves, and is never passed over."""

from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.client.budget import Budget, Limit, Reply, _read, spent
from isofed.errors import BudgetError, CheckpointError
from isofed.protocols.accounts.epsilon import epsilon
from isofed.protocols.local_privacy import Spend

SPEND = Spend("image", "dp-sgd", 0.1, 2.0, 20, 50)
LIMIT = Limit(3.0, 1e-5, "its policy.toml ('budget')", accountant="rdp")


def reply(round: int, attempt: int = 1, run: str = "one") -> Reply:
    return Reply(run, round, attempt)


def test_a_reply_is_charged_once_and_another_attempt_again(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "home" / "budget.jsonl")
    for at in (reply(1), reply(1), reply(1, 2), reply(1), reply(2), reply(1, run="two")):
        budget.charge(at, SPEND)
    found = [each.reply for each in Budget(budget.path).charges()]
    assert found == [reply(1), reply(1, 2), reply(2), reply(1, run="two")]
    assert oct(budget.path.stat().st_mode)[-3:] == "600"


def test_units_and_runs_are_counted_apart_and_together(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget.jsonl")
    person = Spend("identity", "dp-sgd", 0.5, 4.0, 2, 8)
    for at, spend in ((reply(1), SPEND), (reply(2), person), (reply(1, run="two"), SPEND)):
        budget.charge(at, spend)
    everything, one = spent(budget.charges(), 1e-5, "rdp"), spent(budget.charges(), 1e-5, "rdp", "one")
    assert everything["image"] == epsilon([SPEND, SPEND], 1e-5, "rdp") > one["image"]
    assert everything["identity"] == one["identity"] == epsilon([person], 1e-5, "rdp")


def test_what_is_spent_is_said_in_one_sentence_and_nothing_is_charged(tmp_path: Path) -> None:
    budget, made = Budget(tmp_path / "budget.jsonl"), 0
    with pytest.raises(BudgetError) as refused:
        for made in range(100):
            budget.charge(reply(made + 1), SPEND, [LIMIT])
    assert len(budget.charges()) == made > 2
    assert epsilon([SPEND] * made, 1e-5, "rdp") <= 3.0 < epsilon([SPEND] * (made + 1), 1e-5, "rdp")
    assert str(refused.value) == (
        "the privacy budget of this site is spent: with this reply every image would have given away epsilon "
        f"{epsilon([SPEND] * (made + 1), 1e-5, 'rdp'):.3g} at delta 1e-05, so far "
        f"{epsilon([SPEND] * made, 1e-5, 'rdp'):.3g}, and its policy.toml ('budget') allows 3; end the run "
        "here, or have the limit raised"
    )
    # what is paid for is answered again, and a run of its own has its own limit
    budget.charge(reply(1), SPEND, [LIMIT])
    budget.refuse(reply(1, run="two"), SPEND, [Limit(3.0, 1e-5, "the run", "two", "rdp")])
    with pytest.raises(BudgetError):
        budget.refuse(reply(1, run="two"), SPEND, [LIMIT])


def test_another_price_for_the_same_reply_is_refused(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget.jsonl")
    budget.charge(reply(1), SPEND)
    with pytest.raises(BudgetError, match="another price"):
        budget.charge(reply(1), Spend("image", "dp-sgd", 0.1, 1.0, 20, 50))


@given(st.integers(0, 400))
@settings(max_examples=40, deadline=None)
def test_wherever_a_write_was_cut_short_the_next_one_mends_it(at: int) -> None:
    with TemporaryDirectory() as folder:
        budget = Budget(Path(folder) / "budget.jsonl", durable=False)
        budget.charge(reply(1), SPEND)
        first = len(budget.path.read_bytes())
        budget.charge(reply(2), SPEND)
        whole = budget.path.read_bytes()
        budget.path.write_bytes(whole[: min(first + at, len(whole))])
        budget.charge(reply(2), SPEND)
        assert [each.reply for each in budget.charges()] == [reply(1), reply(2)]


def test_a_line_damaged_further_up_is_no_free_reply(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget.jsonl")
    for round in (1, 2):
        budget.charge(reply(round), SPEND)
    text = budget.path.read_bytes()
    budget.path.write_bytes(text.replace(b'"steps": 20', b'"steps": 10', 1))
    for use in (budget.charges, lambda: budget.charge(reply(3), SPEND)):
        with pytest.raises(CheckpointError, match="line 1 of this site's privacy budget is damaged"):
            use()


def test_every_line_is_whole_to_its_own_checksum(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget.jsonl")
    budget.charge(reply(1), SPEND)
    text = budget.path.read_bytes()
    charges, whole = _read(text + b"0000")
    assert [each.spend for each in charges] == [SPEND] and whole == len(text)


def _charge_many(path: str, run: str) -> None:
    for round in range(1, 21):
        Budget(Path(path), durable=False).charge(Reply(run, round, 1), SPEND)
        Budget(Path(path), durable=False).charge(Reply("shared", round, 1), SPEND)


def test_two_processes_at_once_lose_and_repeat_nothing(tmp_path: Path) -> None:
    path, context = tmp_path / "budget.jsonl", get_context("fork")
    workers = [context.Process(target=_charge_many, args=(str(path), run)) for run in ("a", "b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    replies = [each.reply for each in Budget(path).charges()]
    assert len(replies) == len(set(replies)) == 60
