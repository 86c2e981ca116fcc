import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flwr.app import Error, Message, MetricRecord, RecordDict
from flwr.common.constant import ErrorCode

from isofed.protocols.link import Away, Over
from isofed.server.hub import deployed
from isofed.server.hub.deployed import AGAIN, CRASHES, FORGOTTEN, DeployedGrid, Rule
from isofed.server.hub.watch import Watch
from isofed.simulations.grid import identify

SITES = {11: "cam1", 12: "cam2", 13: "cam3"}


class Link:
    """A SuperLink: keeps what is pushed, gives the replies that a test has put in, fails when told to."""

    def __init__(self) -> None:
        self.pushed: list[Message] = []
        self.waiting: list[Message] = []
        self.unknown: set[int] = set()
        self.fault: Exception | None = None
        self.closed: bool | None = None

    def _may(self) -> None:
        if self.fault is not None:
            raise self.fault

    def get_node_ids(self) -> Iterable[int]:
        self._may()
        return list(SITES)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        numbers = []
        for message in messages:
            message.metadata.__dict__["_message_id"] = f"{message.object_id}"
            self.pushed.append(message)
            unknown = message.metadata.dst_node_id in self.unknown
            numbers.append("" if unknown else message.metadata.message_id)
        self._may()  # the rows are there, the answer is not
        return numbers

    def pull_messages(self, ids: Iterable[str]) -> list[Message]:
        self._may()
        asked = set(ids)
        got = [m for m in self.waiting if m.metadata.reply_to_message_id in asked]
        self.waiting = [m for m in self.waiting if m not in got]
        return got

    def close(self, done: bool) -> None:
        self.closed = done

    def answer(self, copy: int, value: float = 1.0) -> None:
        """Let the site that got a copy answer it."""
        content = RecordDict({"m": MetricRecord({"value": value})})
        self.waiting.append(Message(content, reply_to=self.pushed[copy]))

    def fail(self, copy: int, code: int) -> None:
        """Let a copy come back as an error."""
        self.waiting.append(Message(Error(code, "why"), reply_to=self.pushed[copy]))


class World:
    """A grid over links of ours, with its clock and what the gateway hears in our hands."""

    def __init__(self, folder: Path, fewest: int = 3, absent: float = 60.0, last: int = 0) -> None:
        identify()
        self.links, self.time, self.told = [Link()], 1000.0, list[tuple[str, dict[str, Any]]]()
        self.path = folder / "contacts.json"
        self.heard = {name: {"heard": self.time, "incarnation": "a", "busy": True} for name in SITES.values()}
        watch = Watch(self.path, SITES.values(), self.tell, lambda: self.time)
        self.grid = DeployedGrid(
            self.opening,
            SITES,
            watch,
            Rule(fewest, absent, last),
            self.tell,
            lambda: self.time,  # type: ignore[arg-type]
        )
        self.refused: Exception | None = None

    def tell(self, name: str, **fields: Any) -> None:
        self.told.append((name, fields))

    def opening(self) -> Link:
        if self.refused:
            raise self.refused
        if self.links[-1].closed is not None:
            self.links.append(Link())
        return self.links[-1]

    @property
    def link(self) -> Link:
        return self.links[-1]

    def push(self, kind: str = "train") -> list[str]:
        self.path.write_text(json.dumps(self.heard))
        self.grid.pull_messages([])  # has a look
        content = RecordDict({"m": MetricRecord({"round": 1})})
        return list(
            self.grid.push_messages([Message(content, number, kind, group_id="1") for number in SITES])
        )

    def pull(self, after: float = 1.0, silent: tuple[str, ...] = ()) -> dict[str, Any]:
        """Let time pass and pull; return what came by number: a value, or an error's reason."""
        self.time += after
        for name, site in self.heard.items():
            site["heard"] = site["heard"] if name in silent else self.time
        self.path.write_text(json.dumps(self.heard))
        came = {}
        for reply in self.grid.pull_messages([]):
            number = reply.metadata.reply_to_message_id
            came[number] = reply.error.reason if reply.has_error() else reply.content["m"]["value"]
        return came

    def again(self) -> list[str]:
        """Return to whom something was sent again, in order."""
        return [fields["site"] for name, fields in self.told if name == "again"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_message_is_answered_once_under_the_number_that_the_loop_knows(world: World) -> None:
    first, second, third = world.push()
    for copy, value in ((2, 3.0), (0, 1.0)):
        world.link.answer(copy, value)
    assert world.pull() == {third: 3.0, first: 1.0}
    assert world.pull() == {}
    world.link.answer(1, 2.0)
    assert world.pull() == {second: 2.0}
    assert len(world.link.pushed) == 3 and world.again() == []


def test_a_site_that_started_anew_is_asked_the_same_again_and_counts_once(world: World) -> None:
    first, *_ = world.push()
    world.heard["cam1"]["incarnation"] = "b"
    assert world.pull() == {} and world.again() == ["cam1"]
    old, new = world.link.pushed[0], world.link.pushed[3]
    assert new.content is old.content and new.metadata.message_id != old.metadata.message_id
    assert new.metadata.dst_node_id == old.metadata.dst_node_id == 11
    world.link.answer(3, 5.0)
    assert world.pull() == {first: 5.0}
    world.link.answer(0, 6.0)
    assert world.pull() == {}


def test_what_is_lost_on_the_way_is_sent_again_after_a_moment(world: World) -> None:
    first, *_ = world.push()
    world.link.fail(0, ErrorCode.NODE_UNAVAILABLE)
    assert world.pull() == {} and len(world.link.pushed) == 3
    world.pull(AGAIN)
    assert len(world.link.pushed) == 4
    world.link.answer(3, 5.0)
    assert world.pull() == {first: 5.0}


def test_what_a_site_refuses_is_its_answer(world: World) -> None:
    first, *_ = world.push()
    world.link.fail(0, ErrorCode.CLIENT_APP_RAISED_EXCEPTION)
    assert world.pull() == {first: "why"} and world.again() == []


def test_a_message_over_which_a_worker_dies_each_time_is_given_up(world: World) -> None:
    first, *_ = world.push()
    world.link.fail(0, ErrorCode.CLIENT_APP_CRASHED)
    for copy in range(3, 2 + CRASHES):
        assert world.pull() == {}
        world.pull(AGAIN)
        world.link.fail(copy, ErrorCode.CLIENT_APP_CRASHED)
    assert world.pull() == {first: "why"}


def test_a_site_that_does_nothing_is_asked_again(world: World) -> None:
    world.push()
    for site in world.heard.values():
        site["busy"] = site is not world.heard["cam2"]
    world.pull()
    world.pull(FORGOTTEN - 1)
    assert world.again() == []
    world.pull(2)
    assert world.again() == ["cam2"] and len(world.link.pushed) == 4


def test_a_message_cut_off_on_its_way_in_is_pushed_again_as_the_same_one(world: World) -> None:
    world.link.fault = Away("away")
    world.push()
    world.pull()
    world.link.fault = None
    world.pull()
    numbers = [message.metadata.message_id for message in world.link.pushed]
    # else a site that was told of the first copy would wait for its parts
    assert len(set(numbers)) == 3 and numbers[-3:] == numbers[:3]


def test_after_the_superlink_was_away_what_was_out_is_asked_again(world: World) -> None:
    world.push()
    world.link.fault = Away("away")
    assert world.pull() == {} and world.pull() == {}
    world.link.fault = None
    world.pull()
    assert world.again() == ["cam1", "cam2", "cam3"] and len(world.link.pushed) == 6


def test_a_run_that_the_superlink_gave_up_is_opened_anew(world: World) -> None:
    first, *_ = world.push()
    world.link.fault = Over("over")
    world.pull()
    assert world.links[0].closed is False
    world.refused = Away("not yet")
    world.pull()
    world.refused = None
    world.pull()
    world.pull()
    assert len(world.links) == 2 and len(world.link.pushed) == 3
    world.link.answer(0, 5.0)
    assert world.pull() == {first: 5.0}


def test_a_node_that_was_never_there_is_tried_until_it_comes(world: World) -> None:
    world.link.unknown.add(12)
    _, second, _ = world.push()
    world.pull(AGAIN)
    assert [m.metadata.dst_node_id for m in world.link.pushed] == [11, 12, 13, 12]
    world.link.unknown.clear()
    world.pull(AGAIN)
    world.link.answer(4, 5.0)
    assert world.pull() == {second: 5.0}


def test_lost_and_back_are_told_once_and_nothing_is_sent_to_who_is_lost(world: World) -> None:
    world.push()
    world.pull(8, silent=("cam3",))
    assert world.told == []
    world.pull(5, silent=("cam3",))
    world.link.fail(2, ErrorCode.NODE_UNAVAILABLE)
    world.pull(5, silent=("cam3",))
    world.pull(5, silent=("cam3",))
    assert len(world.link.pushed) == 3
    world.pull(1)
    assert [name for name, _ in world.told if name != "again"] == ["lost", "back"]
    world.pull(1)
    assert len(world.link.pushed) == 4


def test_who_is_silent_too_long_is_not_waited_for_where_the_others_suffice(tmp_path: Path) -> None:
    world = World(tmp_path, fewest=2, absent=60.0)
    first, second, third = world.push()
    world.link.answer(0)
    silent = ("cam2", "cam3")
    assert world.pull(30, silent) == {first: 1.0}
    came = world.pull(31, silent)
    # two are needed, so only one of the two may be given up
    assert list(came) == [second] and "not heard of for 61 s" in came[second]
    assert world.pull(60, silent) == {}
    world.link.answer(2, 3.0)
    assert world.pull() == {third: 3.0}


def test_nobody_is_given_up_where_all_are_needed_nor_who_measures_last(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.push()
    assert world.pull(1000, ("cam2",)) == {}
    lenient = World(tmp_path, fewest=1, last=1)
    lenient.push("evaluate")
    assert lenient.pull(1000, ("cam2",)) == {}
    further = World(tmp_path, last=2)
    _, second, _ = further.push("evaluate")
    assert "not heard of for 1000 s" in further.pull(1000, ("cam2",))[second]


def test_a_late_reply_to_what_the_loop_gave_up_is_not_looked_at(world: World) -> None:
    world.push()
    keys = world.push()
    world.link.answer(0, 1.0)
    assert world.pull() == {}
    world.link.answer(3, 2.0)
    assert world.pull() == {keys[0]: 2.0}


def test_the_superlink_is_asked_less_often_the_longer_a_round_takes(world: World, monkeypatch: Any) -> None:
    world.push()
    asked: list[float] = []
    monkeypatch.setattr(world.link, "pull_messages", lambda ids: asked.append(world.time) or [])
    for _ in range(2000):
        world.pull(0.01)
    gaps = [b - a for a, b in pairwise(asked)]
    assert min(gaps) >= deployed.QUICK - 0.001 and deployed.SLOW <= max(gaps) <= deployed.SLOW + 0.011
