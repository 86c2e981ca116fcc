"""A deployed run that ends because budgets are spent: measured, told, and continued where there is more."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Context, Message, RecordDict

from isofed.__main__ import main
from isofed.errors import BudgetError
from isofed.protocols.answering import Asked
from isofed.protocols.refusals import SPENT, refusal_content
from isofed.server.hub.authority import init
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings
from isofed.server.state import newest
from isofed.simulations import deployed_run
from isofed.simulations.deployed_run import resume
from isofed.simulations.grid import identify
from isofed.simulations.members import Members
from tests.server.hub.echo_worker import reported

WHY = "the privacy budget of this site is spent: every image would have given away epsilon 3"
FOUND = Members({"cam1": 1, "cam2": 2}, {}, {"cam1": {"images": 8}, "cam2": {"images": 8}}, 8)
SMALL = ["task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8", "task.classes=8"]
RUN = ["strategy=fedavg", "rounds=4", "evaluate_every=0", "tensorboard=false", "progress=false", *SMALL]


@dataclass
class Sites:
    """Two sites that report at once, one of them until its budget is spent.

    Args:
        rounds: that it can pay for.
        asked: the rounds of which it was asked.
    """

    rounds: int
    asked: list[int] = field(default_factory=list)
    _left: list[Message] = field(default_factory=list)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        self._left = list(messages)
        for number, message in enumerate(self._left):
            message.metadata.__dict__["_message_id"] = f"m{number}"
        return [message.metadata.message_id for message in self._left]

    def pull_messages(self, ids: Iterable[str]) -> list[Message]:
        replies, self._left = [self._answer(message) for message in self._left], []
        return replies

    def get_node_ids(self) -> list[int]:
        return [1, 2]

    def _answer(self, message: Message) -> Message:
        node = message.metadata.dst_node_id
        round = int(message.metadata.group_id)
        if node == 2:
            self.asked.append(round)
        if node == 2 and round > self.rounds:
            return Message(refusal_content(SPENT, WHY), reply_to=message)
        return reported(Asked(message, "", "", Context(1, node, {}, RecordDict(), {})))


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> Sites:
    """Return the sites that a run meets in place of a server's."""
    identify()
    found = Sites(2)

    def gathered(job: Any) -> Members:
        deployed_run.write_json(job.plan.folder / deployed_run.FACTS, FOUND.facts)
        return FOUND

    @contextmanager
    def grid(*_: Any) -> Iterator[Any]:
        yield found

    monkeypatch.setattr(deployed_run, "_gathered", gathered)
    monkeypatch.setattr(deployed_run, "_grid", grid)
    return found


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
