"""Some of the seeded cases; and that the judge sees it when a part of ours is taken out."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from faulty_cases import EVALUATOR, KINDS, ROUNDS, SITES, Case, Fault, case
from faulty_clock import Clock
from faulty_judge import Judge

from isofed.client import ledger
from isofed.client.memory import Memory
from isofed.contracts import Contract
from isofed.server.hub import watch
from isofed.server.hub.deployed import DeployedGrid
from isofed.server.strategy import Composed
from isofed.server.total import Total
from tests.acceptance.issue_7.faults import main as script


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    return Judge(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("number", range(3, len(KINDS), 6))
def test_what_must_hold_holds(number: int, judge: Judge) -> None:
    assert judge.tried(case(0, number)) == []


@pytest.mark.slow
def test_the_script_accepts_a_case_of_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = script(["--cases", str(len(KINDS)), "--seed", "1"]), capsys.readouterr().out
    assert code == 0 and said.endswith("accepted\n"), said
    assert said.count("  holds\n") == len(KINDS)


NUMBERS = count(1000)
NOTHING: Callable[..., None] = lambda *given, **more: None  # noqa: E731


def struck(kind: str, round: int = 2, way: str = "fedavg", back: float | None = 5.0) -> Case:
    """Return a case in which one thing goes wrong."""
    return Case(next(NUMBERS), way, 2, (Fault(kind, SITES[1], round, back),))


def twice(*given: Any) -> None:
    enter(*given)
    enter(*given)


def all_but_the_last(memory: Memory, keep: set[Path]) -> None:
    forget(memory, {path for path in keep if path.exists() and path.stat().st_mtime_ns == _newest(memory)})


def _newest(memory: Memory) -> int:
    return max(path.stat().st_mtime_ns for path in memory.folder.iterdir())


def once_more(total: Total, site: str, reply: Any) -> None:
    for _ in range(1 + (site == SITES[1])):
        add(total, site, reply)


add, enter, forget = Total.add, ledger.enter, Memory._forget
OUT = [
    (Memory, "_refuse_older", NOTHING, struck("is asked again in a later round", 3), "4.1"),
    (Memory, "stored", NOTHING, struck("dies before its reply leaves"), "ledger has"),
    (Memory, "_forget", all_but_the_last, struck("sends NaN", way="scaffold"), "struck once"),
    (ledger, "enter", twice, struck("replies twice"), "ledger has"),
    (Composed, "_same_attempt", NOTHING, struck("sends another attempt's reply", 4), "4.2"),
    (Composed, "_tell", NOTHING, struck("sends wrong shapes"), "nobody was told"),
    (Contract, "check", NOTHING, struck("sends NaN", 3), "not a finite number"),
    (Contract, "check", NOTHING, struck("sends NaN"), "gave up"),
    (Total, "add", once_more, struck("replies twice"), "other trees"),
    (DeployedGrid, "_notice", NOTHING, struck("dies before it trains"), "not all replies"),
    (watch, "LOST", 25.0, struck("dies and does not return", back=None), "of which nobody was told"),
]


@pytest.mark.parametrize(("owner", "name", "instead", "drawn", "said"), OUT, ids=[str(o[3]) for o in OUT])
def test_without_a_part_of_ours_something_is_wrong(
    owner: Any,
    name: str,
    instead: Any,
    drawn: Case,
    said: str,
    judge: Judge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge.peace("fedavg")
    monkeypatch.setattr(owner, name, instead)
    assert said in "; ".join(judge.tried(drawn))


def test_cases_are_the_seeds_and_strike_in_every_place() -> None:
    drawn = [case(0, number) for number in range(60)]
    assert drawn == [case(0, number) for number in range(60)] != [case(1, number) for number in range(60)]
    assert {fault.kind for each in drawn for fault in each.faults} == set(KINDS)
    assert {fault.round for each in drawn for fault in each.faults} == set(range(1, ROUNDS + 1))
    for each in drawn:
        sites = [fault.site for fault in each.faults if fault.site not in ("", EVALUATOR)]
        assert len(set(sites)) == len(sites) and set(sites) <= set(SITES)
        assert sum(not fault.harmless for fault in each.faults) <= len(SITES) - 2


def test_time_passes_for_all_that_is_due() -> None:
    clock, seen = Clock(0.0), list[tuple[str, float]]()
    clock.after(3.0, lambda: seen.append(("late", clock.time())))
    clock.after(1.0, lambda: clock.after(1.0, lambda: seen.append(("later", clock.monotonic()))))
    clock.sleep(2.5)
    assert seen == [("later", 2.0)] and clock.now == 2.5
    clock.sleep(0.5)
    assert seen[1:] == [("late", 3.0)]
