import subprocess
import sys
from pathlib import Path

import pytest

from isofed.errors import CheckpointError
from isofed.simulations import lock
from isofed.simulations.lock import locked
from tests.pace import LONG

HOLD = "import sys, time; from pathlib import Path; from isofed.simulations.lock import locked\n"
HOLD += "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(1200)"


def test_a_folder_is_made_and_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path / "new"):
            assert (tmp_path / "new").is_dir()


def test_a_second_holder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.1)
    with locked(tmp_path), pytest.raises(CheckpointError, match="another process works in"), locked(tmp_path):
        pass


def test_a_killed_holder_holds_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WAIT_SECONDS", LONG)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.kill()
        with locked(tmp_path):
            pass  # it would be refused else
