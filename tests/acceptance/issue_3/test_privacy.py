"""privacy.py with runs that are forked, and shown a run that lets out what it looks for."""

from pathlib import Path
from types import SimpleNamespace

import privacy
import pytest

from tests.forked import completed


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    forking = SimpleNamespace(run=lambda command, **_: completed(privacy.planting.main, *command[2:]))
    monkeypatch.setattr(privacy.planting, "subprocess", forking)


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_the_invariants_hold() -> None:
    done = completed(lambda _: privacy.main())
    assert done.returncode == 0, done.stdout.decode()
    assert done.stdout.endswith(b"accepted\n")


@pytest.mark.slow
@pytest.mark.usefixtures("forked")
def test_rows_of_heads_that_leave_are_found(tmp_path: Path) -> None:
    canary = privacy.plant(tmp_path / "tree")
    more = ("protocol=camera_strict", "protocol.centres=with_rows", "strategy=l2rwplus", "alone=false")
    output, code = privacy.planting.simulate(tmp_path, canary, 1, more)
    assert code == 0, output.decode()
    ran = privacy.Ran.of(tmp_path)
    faults = list(privacy.headless(ran))
    assert any("holds a row of cam1's head" in fault for fault in faults)
    assert any("record 'table.rows'" in fault for fault in privacy.listed(ran))


def test_equal_numbers_are_counted_among_those_in_use_at_both() -> None:
    # person to number; numbers 0 and 1 are in use at both, and only 1 means the same person
    assert privacy._share({10: 0, 11: 1, 12: 2}, {13: 0, 11: 1}) == 0.5
