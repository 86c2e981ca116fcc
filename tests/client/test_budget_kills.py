"""A site killed anywhere between training and sending pays for a reply once, and sends none unpaid."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Message
from together_case import NAME, TASK, first_order, places_of, shop_of

from isofed.client import budget, charging, ledger, turns
from isofed.client.memory import Memory
from isofed.client.place import Place
from isofed.client.train import train
from isofed.client.turns import Turn, alone
from isofed.client.workshop import Workshop
from isofed.errors import BudgetError, ContractError
from isofed.protocols import wire
from isofed.protocols.local_privacy import Spend
from isofed.simulations.grid import identify
from isofed.tasks import TASKS

SPEND = Spend("image", "dp-sgd", 0.1, 2.0, 20, 50)
KILLED = 9


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    identify()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        # what the training costs is for the tests of that to say
        patch.setattr(turns, "train", lambda *of: replace(train(*of), spend=SPEND))
        yield


@pytest.fixture(autouse=True)
def _priced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "price", lambda *of: SPEND)


def real_site(folder: Path, allowed: float = 0.0) -> Place:
    """A site with secrets, stored answers and a budget of its own."""
    (place,) = places_of([20], folder)
    home = folder / "home"
    return replace(place, simulated=None, home=home, memory=folder / "memory", budget=allowed)


@dataclass(frozen=True)
class Run:
    """A process's workshop, and an order with the model as it was before anybody trained."""

    shop: Workshop
    order: Any

    @classmethod
    def begun(cls) -> "Run":
        """Begin one."""
        shop = shop_of()
        return cls(shop, wire.order_content(first_order(shop)))


def answer(run: Run, place: Place) -> list[bytes]:
    reply = alone(Turn(Message(run.order, 2, "train"), lambda: (run.shop, place))).reply
    assert reply is not None
    return [array.numpy().tobytes() for record in reply.array_records.values() for array in record.values()]


def dying(original: Callable[..., Any], before: bool) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if before:
            os._exit(KILLED)
        original(*arguments, **options)
        os._exit(KILLED)

    return call


def half_written(file: int, text: bytes) -> None:
    os.write(file, text[: len(text) // 2])
    os._exit(KILLED)


POINTS: dict[str, tuple[Any, str, Callable[[Any], Any], bool]] = {
    "before the charge": (charging, "pay", lambda f: dying(f, True), False),
    "half of the charge written": (budget, "_write", lambda f: half_written, False),
    "written, not on the disk": (budget.Budget, "_settle", lambda f: dying(f, True), True),
    "on the disk": (budget.Budget, "_settle", lambda f: dying(f, False), True),
    "after the charge": (charging, "pay", lambda f: dying(f, False), True),
    "before the account of what left": (ledger, "enter", lambda f: dying(f, True), True),
    "before it is stored": (Memory, "commit", lambda f: dying(f, True), True),
    "stored, not sent": (Memory, "commit", lambda f: dying(f, False), True),
    "before it is written": (wire, "report_content", lambda f: dying(f, True), True),
    "just before it leaves": (wire, "check", lambda f: dying(f, False), True),
}


def killed(run: Run, place: Place, point: str) -> None:
    """Answer in a process that ends at a point, as by SIGKILL: nothing is cleaned up."""
    where, name, make, _ = POINTS[point]
    child = os.fork()
    if child == 0:
        try:
            setattr(where, name, make(getattr(where, name)))
            answer(run, place)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED


@pytest.mark.parametrize("point", POINTS)
def test_a_site_that_was_killed_pays_once_and_sends_the_same(point: str, tmp_path: Path) -> None:
    run = Run.begun()
    place, calm = real_site(tmp_path / "site"), real_site(tmp_path / "calm")
    wanted = answer(run, calm)
    killed(run, place, point)
    assert len(charging.budget_of(place).charges()) == POINTS[point][3]
    assert answer(run, place) == wanted
    assert answer(run, place) == wanted
    charges = charging.budget_of(place).charges()
    assert [(each.reply.round, each.reply.attempt, each.spend) for each in charges] == [(1, 1, SPEND)]


def test_a_stored_reply_is_paid_for_again_where_the_budget_forgot_it(tmp_path: Path) -> None:
    run, place = Run.begun(), real_site(tmp_path)
    wanted = answer(run, place)
    place.budget_file.unlink()
    assert answer(run, place) == wanted
    assert len(charging.budget_of(place).charges()) == 1


def test_where_nothing_is_left_nothing_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, place = Run.begun(), real_site(tmp_path, allowed=0.5)
    monkeypatch.setattr(turns, "train", lambda *of: pytest.fail("it trained"))
    with pytest.raises(BudgetError, match="is spent: with this reply every image"):
        answer(run, place)
    assert charging.budget_of(place).charges() == [] and not place.ledger.exists()


def test_a_site_with_a_budget_does_not_train_without_privacy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    with pytest.raises(ContractError, match="which no budget is enough for"):
        charging.afford(shop_of(), real_site(tmp_path, allowed=8.0), first_order(shop_of()))
