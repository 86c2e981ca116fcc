"""workers.py run as a person would run it, and its comparison shown a difference."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import workers

HERE = Path(__file__).parent


@pytest.mark.slow
def test_workers_change_nothing() -> None:
    command = [sys.executable, str(HERE / "workers.py"), "--workers", "1,3"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("equal in") == 2


def test_a_difference_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    def run(folder: Path, count: int, overrides: list[str]) -> tuple[dict[str, Any], list[str]]:
        return {"weights": "same", "curves": count // 3}, []

    monkeypatch.setattr(workers, "run", run)
    assert workers.compare(tmp_path, [1, 2], []) and not workers.compare(tmp_path, [1, 2, 3], [])
    assert capsys.readouterr().out.splitlines()[-1] == "other curves"


@pytest.mark.slow
def test_a_run_that_fails_is_told_of(tmp_path: Path, capsys: Any) -> None:
    assert not workers.compare(tmp_path, [1], ["rounds=many"])
    assert "exit code 2: isofed: 'rounds' is" in capsys.readouterr().out
