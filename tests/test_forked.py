"""Forked commands: what they say and how they end is seen, and what they leave behind."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tests import forked
from tests.forked import Forked, Forks, completed
from tests.pace import LONG


def told(words: list[str]) -> int:
    """Say the words, by Python and past it, and end with a code."""
    print(*words, flush=True)
    os.write(2, b"past Python\n")
    return 3


def test_what_a_fork_says_and_its_code_are_seen() -> None:
    done = completed(told, "a", "b")
    assert (done.returncode, done.stdout) == (3, b"a b\npast Python\n")


def asleep(words: list[str]) -> int:
    """Do not end."""
    time.sleep(10 * LONG)
    return 0


def test_a_fork_can_be_waited_for_and_killed(tmp_path: Path) -> None:
    running = Forked.of(asleep, [], tmp_path / "log")
    with pytest.raises(subprocess.TimeoutExpired):
        running.wait(0.05)
    assert running.poll() is None
    running.kill()
    assert running.wait() == running.returncode == -9


def left_behind(words: list[str]) -> int:
    """Leave a process that ends when a file is there."""
    subprocess.Popen(["sh", "-c", 'while [ ! -e "$0" ]; do sleep 0.05; done', words[0]])
    return 0


def test_what_outlives_a_fork_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "main", left_behind)
    forks, end = Forks(), tmp_path / "end"
    assert forks.start([str(end)], "mark", tmp_path / "log").wait() == 0
    assert forks.gone_after("mark", 0.1) is None and forks.gone_after("other", 0.1) is not None
    end.touch()
    assert forks.gone_after("mark", LONG) is not None
