"""Twelve kills on real processes: minutes, so that they run where the slow suite is asked for by name."""

import processes
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]


def test_twelve_kills_change_no_bit(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(processes.KILLS) == 12
    code = processes.main([])
    assert code == 0 and capsys.readouterr().out.endswith("accepted\n")
