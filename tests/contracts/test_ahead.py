"""Rounds whose checkpoints are written beside the next one: the same bits whatever stops the run."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import World

from isofed.server import commits
from isofed.server.loop import Patience
from isofed.server.state import Checkpoints, newest
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.grid import LocalGrid
from isofed.simulations.pool import Pool

Worlds = Callable[[str], World]
ROUNDS = 4
MEAN = {"name": "fedavg"}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def _always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "WORTH", -1.0)


def forgetful(worlds: Worlds, folder: Path) -> Federation:
    """A federation whose sites remember nothing."""
    return worlds("reid").federation(folder, MEAN, rounds=ROUNDS, keep_momentum=False)


def weights(federation: Federation) -> str:
    return str(run(federation, Pool(1))["weights_sha256"])


def failing(round: int, error: BaseException) -> Callable[..., None]:
    """Return what saves all rounds but one."""
    plain = Checkpoints.save

    def save(checkpoints: Checkpoints, state: Any) -> None:
        if state.round == round:
            raise error
        plain(checkpoints, state)

    return save


def told(into: list[tuple[str, int]]) -> Callable[..., None]:
    return lambda name, **fields: into.append((name, fields.get("round", 0)))


def test_rounds_begin_before_the_last_one_is_told_of(worlds: Worlds, tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []
    run(forgetful(worlds, tmp_path), Pool(1), told(heard))
    assert [number for name, number in heard if name == "round_done"] == [1, 2, 3, 4]
    assert heard.index(("reply", 3)) < heard.index(("round_done", 2))


@pytest.mark.slow
@pytest.mark.parametrize("lost", [2, 3, 4])
def test_a_crash_while_a_checkpoint_is_written_costs_a_round_and_changes_no_bit(
    lost: int, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, heard = weights(forgetful(worlds, tmp_path / "a")), list[tuple[str, int]]()
    cut = forgetful(worlds, tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", failing(lost, Killed()))
        with pytest.raises(Killed):
            run(cut, Pool(1), told(heard))
    trained = max(number for name, number in heard if name == "reply")
    assert trained == min(lost + 1, ROUNDS)  # the next round was under way
    assert newest(cut.folder / "checkpoints") == lost - 1
    assert max(number for name, number in heard if name == "round_done") == lost - 1
    assert weights(cut) == whole
    history = json.loads((cut.folder / "result.json").read_text())["history"]
    assert [entry["round"] for entry in history] == [0, 1, 2, 3, 4]


def test_a_full_disk_is_the_run_s_own_error(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(28, "No space left on device", "round_000002.ckpt")
    monkeypatch.setattr(Checkpoints, "save", failing(2, full))
    with pytest.raises(OSError) as error:
        run(forgetful(worlds, tmp_path), Pool(1))
    assert error.value is full  # of which the command makes its sentence


class Losing(LocalGrid):
    """Answers no order of the second round's first attempt."""

    def pull_messages(self, message_ids: Any) -> Any:
        for reply in super().pull_messages(message_ids):
            fields = reply.content.get("report", {})
            if (fields.get("round"), fields.get("attempt")) == (2, 1):
                reply.content["report"]["attempt"] = 9
            yield reply


def test_a_round_that_was_lost_with_its_checkpoint_is_made_by_the_same_attempt(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(federations, "Patience", functools.partial(Patience, attempts=2))
    monkeypatch.setattr(federations, "LocalGrid", Losing)
    cut = forgetful(worlds, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", failing(2, Killed()))
        with pytest.raises(Killed):
            run(cut, Pool(1))
    noted = Checkpoints(cut.folder / "checkpoints", "")
    assert (noted.attempt(2), noted.attempt(3)) == (2, 1)


def test_sites_that_remember_are_asked_when_a_round_is_whole(worlds: Worlds, tmp_path: Path) -> None:
    heard: list[tuple[str, int]] = []
    run(worlds("reid").federation(tmp_path, MEAN, rounds=2), Pool(1), told(heard))
    assert heard.index(("round_done", 1)) < heard.index(("reply", 2))
