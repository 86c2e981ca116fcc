import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isofed.server.commits import WORTH, Commits
from isofed.server.state import Checkpoints, ServerState, newest
from isofed.trees import Layout, zeros

TREES = {"model": zeros(Layout.of([("w", (3,), "float32")])), "buffers": zeros(Layout.of([]))}
LONG = 120.0  # seconds that nobody waits unless something is broken


@dataclass
class Disk:
    """A disk that is as slow, or as full, as a test wants it."""

    plain: Callable[..., None]
    began: threading.Event = field(default_factory=threading.Event)
    may: threading.Event = field(default_factory=threading.Event)
    full: bool = False

    def save(self, checkpoints: Checkpoints, state: ServerState) -> None:
        self.began.set()
        assert self.may.wait(LONG)
        if self.full:
            raise OSError(28, "No space left on device", "checkpoints")
        self.plain(checkpoints, state)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk(Checkpoints.save)
    made.may.set()
    monkeypatch.setattr(Checkpoints, "save", lambda checkpoints, state: made.save(checkpoints, state))
    return made


def opened(folder: Path, told: list[int], ahead: bool = True) -> Commits:
    return Commits(Checkpoints(folder, "d"), lambda name, **fields: told.append(fields["round"]), ahead)


def end(commits: Commits, number: int, took: float = 1.0) -> None:
    """End a round of a second, whose last checkpoint took so long, when that one is there."""
    commits.settle()
    commits._took = took
    commits.commit(ServerState(number, TREES), {"round": number, "seconds": 1.0})
    commits.tell()


def test_a_round_begins_while_the_last_one_is_written_and_is_told_of_afterwards(
    disk: Disk, tmp_path: Path
) -> None:
    told: list[int] = []
    disk.may.clear()
    with opened(tmp_path, told) as commits:
        end(commits, 1)  # comes back although nothing can be written
        assert disk.began.wait(LONG) and told == [] and newest(tmp_path) == 0
        disk.may.set()
        end(commits, 2)
        assert told == [1] and newest(tmp_path) >= 1
    assert told == [1, 2] and newest(tmp_path) == 2


def test_where_sites_remember_a_round_is_whole_before_the_next_one_begins(disk: Disk, tmp_path: Path) -> None:
    told: list[int] = []
    commits = opened(tmp_path, told, ahead=False)
    for number in (1, 2):
        end(commits, number)
        assert told[-1] == newest(tmp_path) == number


def test_what_is_written_in_no_time_is_waited_for(disk: Disk, tmp_path: Path) -> None:
    told: list[int] = []
    end(opened(tmp_path, told), 1, 0.9 * WORTH)
    assert told == [1] and newest(tmp_path) == 1


def test_a_full_disk_ends_the_run_and_its_round_is_told_to_nobody(disk: Disk, tmp_path: Path) -> None:
    told: list[int] = []
    with pytest.raises(OSError, match="No space left"), opened(tmp_path, told) as commits:
        end(commits, 1)
        disk.full = True
        end(commits, 2)
        end(commits, 3)
    assert told == [1] and newest(tmp_path) == 1


def test_so_does_one_that_is_full_at_the_end(disk: Disk, tmp_path: Path) -> None:
    told: list[int] = []
    disk.full = True
    with pytest.raises(OSError, match="No space left"), opened(tmp_path, told) as commits:
        end(commits, 1)
    assert told == []


def test_whatever_ends_a_run_what_is_being_written_is_written(disk: Disk, tmp_path: Path) -> None:
    told: list[int] = []
    disk.may.clear()
    threading.Timer(0.05, disk.may.set).start()
    with pytest.raises(KeyboardInterrupt), opened(tmp_path, told) as commits:
        end(commits, 1)
        raise KeyboardInterrupt
    assert told == [] and newest(tmp_path) == 1
