from dataclasses import replace
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.client.site.policy import Policy, first_policy, meanings, read_policy, write_policy
from isofed.client.site.settings import Settings
from isofed.errors import ConfigError
from isofed.protocols.levels import CENTRES, CONTROL, ROWS, STATE
from tests.client.site.site_case import CFG

SITE = Settings("cam1", "reid", "sysu", "/d")
FIRST = first_policy(SITE)
NOON = datetime(2026, 1, 2, 12, 0)


def asked(kind: str = "train", now: datetime = NOON, begun: int = 0, **cfg: Any) -> tuple[Any, ...]:
    return {**CFG, **cfg}, kind, now, "trainer", begun


def test_the_first_policy_allows_what_the_level_does() -> None:
    assert FIRST.refuse(*asked()) is None
    assert FIRST.refuse(*asked("evaluate")) is None
    assert set(FIRST.contents) == {STATE, CENTRES, ROWS, CONTROL}
    assert first_policy(SITE, private=True).contents == (STATE, CONTROL)
    measures = first_policy(replace(SITE, role="evaluator"))
    assert (measures.messages, measures.contents) == (("evaluate",), ())
    assert measures.refuse(CFG, "evaluate", NOON, "evaluator") is None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    policy = replace(FIRST, hours="22:00-06:00", strategies=("fedavg", "dppt"), rounds_a_day=3)
    write_policy(tmp_path / "policy.toml", policy)
    assert read_policy(tmp_path / "policy.toml") == policy


REFUSED = [
    ({"tasks": ("vein",)}, asked(), "task 'reid', .* allows vein; .*'tasks'"),
    ({"levels": ("camera_strict",)}, asked(), "privacy level 'camera', .* allows camera_strict; .*'levels'"),
    ({"strategies": ("fedavg",)}, asked(), "strategy 'dppt', .* allows fedavg; .*'strategies'"),
    ({"privacy": ("gaussian",)}, asked(), "privacy step 'none', .* allows gaussian; .*'privacy'"),
    ({"roles": ("evaluator",)}, asked(), "role 'trainer', .* allows evaluator; .*'roles'"),
    ({"messages": ("train",)}, asked("evaluate"), "message 'evaluate', .* allows train; .*'messages'"),
    ({"messages": ()}, asked(), "allows none"),
    ({}, asked("query"), "message 'query'"),
    ({}, asked(task={}), "task ''"),
    ({}, asked(protocol="camera"), "privacy level ''"),
    ({"min_images": 3}, asked(), "min_images 2, .* allows at least 3; .*'min_images'"),
    ({"min_images": 3}, asked(protocol={"name": "camera", "min_images": "9"}), "min_images 9"),
    ({"hours": "22:00-06:00"}, asked(), "work at 12:00, .* 22:00-06:00 of its clock; .*'hours'"),
    ({"rounds_a_day": 3}, asked(begun=3), "round 4 of this day, .* allows 3 a day; .*'rounds_a_day'"),
    ({"contents": (STATE,)}, asked(), "message content 'identity_centres', .*'contents'"),
    ({"contents": ()}, asked(strategy={"name": "fedavg"}), "message content 'model_state', .* allows none"),
]


@pytest.mark.parametrize(("change", "what", "found"), REFUSED)
def test_a_run_that_asks_for_more_is_refused(change: Any, what: tuple[Any, ...], found: str) -> None:
    assert replace(FIRST, **{"hours": ""} | change).refuse(*what) is not None
    sentence = replace(FIRST, **change).refuse(*what)
    with pytest.raises(ValueError, match=found):
        raise ValueError(sentence)


def test_a_measurement_sends_no_contents() -> None:
    assert replace(FIRST, contents=()).refuse(*asked("evaluate")) is None


def test_a_round_that_was_begun_may_be_asked_again() -> None:
    assert replace(FIRST, rounds_a_day=3).refuse(*asked(begun=2)) is None


def test_answers_have_a_bound_of_bytes() -> None:
    policy = replace(FIRST, bytes_a_round=1000)
    assert policy.refuse_reply(1000) is None
    assert "1,001 bytes, but this site lets 1,000 out" in str(policy.refuse_reply(1001))


@given(st.times(), st.times(), st.times())
def test_hours_are_a_window_of_the_clock_also_over_midnight(first: time, last: time, now: time) -> None:
    shown = f"{first:%H:%M}-{last:%H:%M}"
    if f"{first:%H:%M}" == f"{last:%H:%M}":
        with pytest.raises(ConfigError, match="'hours'"):
            replace(FIRST, hours=shown)
        return
    refused = replace(FIRST, hours=shown).refuse(*asked(now=datetime.combine(NOON, now)))
    begin, end, at = (moment.hour * 60 + moment.minute for moment in (first, last, now))
    # walked from the beginning, forwards: the end must not come before the moment
    assert (refused is None) == ((at - begin) % 1440 < (end - begin) % 1440)


def test_no_code_of_the_server_is_run_to_see_what_leaves(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("raise SystemExit('run')\n")
    with pytest.raises(ConfigError, match="runs no code that it is told"):
        meanings({"strategy": {"name": f"{code}:recipe"}})
    with pytest.raises(ConfigError, match="did you mean 'scaffold'"):
        meanings({"strategy": {"name": "scafold"}})
    assert meanings({"strategy": {"name": "scaffold"}}) == {STATE, CONTROL}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('levles = ["camera"]', "policy.toml line 2: unknown key 'levles'; did you mean 'levels'"),
        ('levels = ["camrea"]', "policy.toml line 2: unknown levels 'camrea'; did you mean 'camera'"),
        ('levels = "camera"', "policy.toml line 2: 'levels' must be a list of names"),
        ("levels = [3]", "'levels' must be a list of names"),
        ('levels = []\ncontents = ["state"]', "policy.toml line 3: unknown contents 'state'; "),
        ('levels = []\nhours = "22-6"', "policy.toml line 3: 'hours' is '22-6'"),
        ("levels = []\nbytes_a_round = 0", "policy.toml line 3: 'bytes_a_round' is 0"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "policy.toml").write_text(f"tasks = []\n{text}\n")
    with pytest.raises(ConfigError, match=found):
        read_policy(tmp_path / "policy.toml")


def test_a_policy_is_strict_where_it_says_nothing() -> None:
    silent = Policy(tasks=("reid",), levels=("camera",))
    assert "identity_centres" in str(silent.refuse(*asked()))
    assert silent.refuse(*asked(strategy={"name": "fedavg"})) is None
