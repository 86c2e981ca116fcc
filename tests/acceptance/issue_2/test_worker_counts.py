"""workers.py with runs that are forked, and its comparison shown a difference."""

from pathlib import Path
from typing import Any

import pytest
import workers

from tests.forked import Forks
from tests.pace import LONG


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    forks = Forks()
    monkeypatch.setattr(workers, "start", forks.start)
    monkeypatch.setattr(workers, "gone_after", forks.gone_after)
    monkeypatch.setattr(workers, "PATIENCE", LONG)


@pytest.mark.slow
def test_workers_change_nothing(forked: None, capsys: Any) -> None:
    code, output = workers.main(["--workers", "1,3"]), capsys.readouterr().out
    assert code == 0, output
    assert output.count("equal in") == 2


def test_a_difference_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    def run(folder: Path, count: int, overrides: list[str]) -> tuple[dict[str, Any], list[str]]:
        return {"weights": "same", "curves": count // 3}, []

    monkeypatch.setattr(workers, "run", run)
    assert workers.compare(tmp_path, [1, 2], []) and not workers.compare(tmp_path, [1, 2, 3], [])
    assert capsys.readouterr().out.splitlines()[-1] == "other curves"


@pytest.mark.slow
def test_a_run_that_fails_is_told_of(forked: None, tmp_path: Path, capsys: Any) -> None:
    assert not workers.compare(tmp_path, [1], ["rounds=many"])
    assert "exit code 2: isofed: 'rounds' is" in capsys.readouterr().out
