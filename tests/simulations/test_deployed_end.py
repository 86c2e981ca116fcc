"""A deployed run that ends because budgets are spent: measured, told, and continued where there is more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isofed.__main__ import main
from isofed.errors import BudgetError
from isofed.server.hub.authority import init
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings
from isofed.server.state import newest
from isofed.simulations.deployed_run import resume
from tests.simulations.met_sites import RUN, WHY, Sites, met


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Return the sites that a run meets in place of a server's."""
    with met(Sites(2)) as found:
        yield found


def started(tmp_path: Path) -> Path:
    """Begin a run that ends early; return its folder."""
    init(HubFolder(tmp_path / "hub"), HubSettings("127.0.0.1", superlink_port=1))
    folder = tmp_path / "run"
    assert main(["run", f"hub={tmp_path / 'hub'}", f"hydra.run.dir={folder}", *RUN]) == 2
    return folder


def summary(folder: Path) -> Any:
    return json.loads((folder / "summary.json").read_text())


def test_what_was_committed_is_told_in_a_sentence_a_summary_and_a_report(
    tmp_path: Path, sites: Sites, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = started(tmp_path)
    told = capsys.readouterr()
    assert told.err.startswith("isofed: it ended after 2 of 4 rounds: round 3 got 1 usable reports of the 2")
    assert told.err.count("\n") == 1 and f"cam2: {WHY}" in told.err
    assert str(folder / "report.html") in told.err and f"isofed run --resume {folder}" in told.err
    assert sites.asked == [1, 2, 3]  # and nobody a second time
    assert summary(folder)["rounds"] == 2 and summary(folder)["ended"]["planned"] == 4
    assert len(summary(folder)["weights_sha256"]) == 64 and newest(next(folder.rglob("checkpoints"))) == 2
    assert "It ended after 2 of 4 rounds" in (folder / "report.html").read_text()
    assert not list(folder.rglob("result.json"))


@pytest.mark.slow
def test_it_goes_on_where_a_limit_was_raised_and_ends_again_where_none_was(
    tmp_path: Path, sites: Sites
) -> None:
    folder = started(tmp_path)
    first = summary(folder)["weights_sha256"]
    with pytest.raises(BudgetError, match="it ended after 2 of 4 rounds"):
        resume(folder, {})
    assert sites.asked == [1, 2, 3, 3] and summary(folder)["weights_sha256"] == first
    sites.rounds = 9
    assert resume(folder, {})["ended"] is None
    assert summary(folder)["rounds"] == 4 and summary(folder)["ended"] is None
    assert "ended after" not in (folder / "report.html").read_text()
    asked = list(sites.asked)
    assert resume(folder, {}) == summary(folder) and sites.asked == asked  # it is finished


@pytest.mark.slow
def test_it_is_the_same_as_one_that_never_ended(tmp_path: Path, sites: Sites) -> None:
    folder = started(tmp_path / "a")
    sites.rounds = 9
    resumed = resume(folder, {})
    other = tmp_path / "b" / "run"
    assert main(["run", f"hub={tmp_path / 'a' / 'hub'}", f"hydra.run.dir={other}", *RUN]) == 0
    assert summary(other)["weights_sha256"] == resumed["weights_sha256"]


def test_where_nothing_was_committed_there_is_nothing_to_tell(
    tmp_path: Path, sites: Sites, capsys: pytest.CaptureFixture[str]
) -> None:
    sites.rounds = 0
    folder = started(tmp_path)
    assert capsys.readouterr().err.startswith("isofed: round 1 got 1 usable reports of the 2 it needs")
    assert not (folder / "summary.json").exists() and not (folder / "report.html").exists()


def test_a_site_that_claims_it_ends_nothing_where_the_others_suffice(tmp_path: Path, sites: Sites) -> None:
    init(HubFolder(tmp_path / "hub"), HubSettings("127.0.0.1", superlink_port=1))
    folder, words = tmp_path / "run", ["engine.minimum=1", *RUN]
    assert main(["run", f"hub={tmp_path / 'hub'}", f"hydra.run.dir={folder}", *words]) == 0
    assert summary(folder)["rounds"] == 4 and summary(folder)["ended"] is None
    assert sites.asked == [1, 2, 3, 4]
