import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flwr.app import ConfigRecord, Context, Error, Message, RecordDict
from flwr.common.constant import ErrorCode

from isofed.client.place import PLACE_KEYS, Place
from isofed.client.site.diary import ANSWERS, REFUSALS, Asking, Diary
from isofed.client.site.folder import SiteFolder
from isofed.client.site.policy import read_policy, write_policy
from isofed.client.site.settings import read_settings
from isofed.client.site.state import read_state
from isofed.client.site.worker import Desk, answer, memory_of
from isofed.errors import DataError
from isofed.protocols.answering import Asked
from isofed.protocols.refusals import SPENT, Said, refusal_content, refusal_in
from isofed.protocols.runtime import bundle
from isofed.simulations.grid import identify
from tests.client.site.site_case import CFG, cfg, made_site

Handle = Callable[[Message, Context], Message]


def asked(text: str = "", run: str = "tiny", round: int = 1, attempt: int = 1, kind: str = "train") -> Asked:
    identify()
    order = ConfigRecord({"run": run, "round": round, "attempt": attempt})
    message = Message(RecordDict({"order": order}), 2, kind)
    message.metadata.__dict__["_message_id"] = "m"
    context = Context(1, 2, {"simulated": 0, "root": "elsewhere"}, RecordDict(), {"cfg": text or cfg()})
    return Asked(message, text or cfg(), bundle()[1], context)


def sends(size: int = 8) -> Handle:
    def handle(message: Message, context: Context) -> Message:
        from flwr.app import MetricRecord

        numbers = {f"n{k}": 1.0 for k in range(size // 8)}
        return Message(RecordDict({"numbers": MetricRecord(numbers)}), reply_to=message)

    return handle


def desk(folder: SiteFolder, app: Handle | None = None) -> Desk:
    return Desk(folder, read_settings(folder.settings), Diary.open(folder), app or sends())


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    return made_site(tmp_path / "site", tmp_path / "data")


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def refusal(site: SiteFolder, desk: Desk, asked: Asked) -> str:
    """Return why a message is refused; reply and log say the same."""
    reply = answer(desk, asked)
    assert reply.error == Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reply.error.reason)
    assert lines(site.logs / REFUSALS)[-1]["reason"] == reply.error.reason
    assert str(site.root.parent) not in reply.error.reason
    return reply.error.reason


def test_a_refusal_with_a_code_goes_out_as_it_is_and_into_the_log(site: SiteFolder) -> None:
    def handle(message: Message, context: Context) -> Message:
        return Message(refusal_content(SPENT, "the privacy budget of this site is spent"), reply_to=message)

    reply = answer(desk(site, handle), asked())
    assert refusal_in(reply.content) == Said(SPENT, "the privacy budget of this site is spent")
    assert lines(site.logs / REFUSALS)[-1]["reason"] == "the privacy budget of this site is spent"
    assert not (site.logs / ANSWERS).exists()


def test_a_site_is_what_its_own_file_says_whatever_it_is_told(site: SiteFolder) -> None:
    seen: list[Context] = []

    def handle(message: Message, context: Context) -> Message:
        seen.append(context)
        return sends()(message, context)

    given = asked()
    assert answer(desk(site, handle), given).has_content()
    (context,) = seen
    place = Place.of(context.node_config)
    assert set(context.node_config) == {*PLACE_KEYS, "centres", "device"}
    assert place.root == site.root.parent / "data" and place.simulated is None
    assert (place.home, place.memory) == (site.home, site.memories / "tiny" / "memory")
    assert context.state is given.context.state
    assert not place.secrets.simulated and (site.home / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"run": "../tiny"}, "the run's name is none that a site files"),
        ({"run": 3}, "the run's name is none that a site files"),
        ({"run": "other"}, "the order is for another run"),
        ({"layout": "llcm"}, "data in layout 'llcm', but this site has 'sysu'"),
        ({"simulated": 0}, "not one that this site understands"),
        ({"task": {"name": "vein"}}, "task 'vein'"),
        ({"strategy": {"name": "mine.py:recipe"}}, "runs no code that it is told"),
    ],
)
def test_a_run_that_is_not_for_this_site_is_refused(
    site: SiteFolder, change: dict[str, Any], found: str
) -> None:
    assert found in refusal(site, desk(site), asked(cfg(**change)))


@pytest.mark.parametrize("text", ["[1]", "{", "null"])
def test_a_configuration_of_anybody_elses_is_refused(site: SiteFolder, text: str) -> None:
    assert "not one that this site understands" in refusal(site, desk(site), asked(text))


def test_a_bundle_that_might_hold_code_is_refused(site: SiteFolder) -> None:
    reason = refusal(site, desk(site), replace(asked(), bundle="0" * 64))
    assert "not the empty one that this site has pinned" in reason


def test_the_policy_is_read_anew_for_each_message(site: SiteFolder) -> None:
    at = desk(site)
    assert answer(at, asked()).has_content()
    write_policy(site.policy, replace(read_policy(site.policy), tasks=("vein",)))
    assert "'tasks' changed in the site's policy.toml" in refusal(site, at, asked())
    site.policy.write_text("tasks = [")
    assert "policy.toml is no TOML" in refusal(site, at, asked())
    site.policy.unlink()
    assert "policy.toml cannot be read" in refusal(site, at, asked())


def test_what_leaves_in_a_round_is_summed_over_its_attempts_and_restarts(site: SiteFolder) -> None:
    write_policy(site.policy, replace(read_policy(site.policy), bytes_a_round=200))
    assert answer(desk(site, sends(80)), asked(attempt=1)).has_content()
    assert answer(desk(site, sends(80)), asked(attempt=1)).has_content()
    assert answer(desk(site, sends(80)), asked(attempt=2)).has_content()
    assert "240 bytes, but this site lets 200" in refusal(site, desk(site, sends(80)), asked(attempt=3))
    assert answer(desk(site, sends(80)), asked(round=2)).has_content()
    assert [line["bytes"] for line in lines(site.logs / ANSWERS)] == [80] * 4


def test_rounds_of_a_day_are_counted_over_restarts(site: SiteFolder) -> None:
    write_policy(site.policy, replace(read_policy(site.policy), rounds_a_day=2))
    for round in (1, 2, 2, 1):
        assert answer(desk(site), asked(round=round)).has_content()
    assert "round 3 of this day" in refusal(site, desk(site), asked(round=3))
    diary = Diary.open(site)
    assert diary.begun(Asking("tiny", 3, 1), date.today()) == 2
    assert diary.begun(Asking("tiny", 1, 1), date.today()) == 1
    assert diary.begun(Asking("tiny", 3, 1), date(2000, 1, 1)) == 0


def test_what_goes_wrong_is_one_sentence_without_content(site: SiteFolder) -> None:
    def ours(message: Message, context: Context) -> Message:
        raise DataError("cam1 holds 2 identities")

    def foreign(message: Message, context: Context) -> Message:
        raise MemoryError("/data/SYSU-MM01/cam1/0001/0001.jpg")

    assert refusal(site, desk(site, ours), asked()) == "cam1 holds 2 identities"
    reason = refusal(site, desk(site, foreign), asked())
    assert reason == "unexpected MemoryError; see errors.log in the site's folder"
    assert "0001.jpg" in (site.home / "errors.log").read_text()


def test_a_message_without_an_order_is_refused_by_the_app_and_logged(site: SiteFolder) -> None:
    given = asked()
    empty = Message(RecordDict(), 2, "train")
    empty.metadata.__dict__["_message_id"] = "m"
    reason = refusal(
        site, Desk(site, read_settings(site.settings), Diary(site)), replace(given, message=empty)
    )
    assert reason
    assert lines(site.logs / REFUSALS)[-1]["round"] == 0


def test_the_state_says_what_the_worker_is_at(site: SiteFolder) -> None:
    seen = []

    def handle(message: Message, context: Context) -> Message:
        seen.append(read_state(site))
        return sends()(message, context)

    at = desk(site, handle)
    answer(at, asked(round=7))
    assert seen == [at.state.at("tiny", 7)] and seen[0].busy
    now = read_state(site)
    assert now is not None and not now.busy and now.incarnation == at.state.incarnation
    assert desk(site).state.incarnation != at.state.incarnation


def test_a_line_cut_short_is_passed_over(site: SiteFolder) -> None:
    diary = Diary(site)
    diary.answered(Asking("tiny", 1, 1), "train", 8, 0.1)
    with (site.logs / ANSWERS).open("a") as file:
        file.write('\n{"time": "2026')
    diary.answered(Asking("tiny", 2, 1), "train", 8, 0.1)
    assert Diary.open(site).begun(Asking(), date.today()) == 2


def test_memories_of_runs_lie_apart(site: SiteFolder) -> None:
    assert memory_of(site, "a").parent != memory_of(site, "b").parent
    assert CFG["run"] == "tiny"
