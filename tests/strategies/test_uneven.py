"""How sites differ: what is drawn, what is refused, and that nothing is where all are alike."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from isofed.errors import CompositionError, ConfigError
from isofed.simulations.catalogue import main as listed
from isofed.simulations.command import composed
from isofed.simulations.overrides import own_strategy
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.traces import KINDS, read_trace, real, with_trace
from isofed.strategies.uneven import CLIENTS, even, uneven

CONF = Path(__file__).resolve().parents[2] / "simulations" / "conf" / "clients"
PLAIN: Any = SimpleNamespace(call="mine()", server=SimpleNamespace(arrivals=None), stock=None, privacy=())


def planned(folder: Path, *words: str) -> Plan:
    return make_plan(composed(own_strategy(list(words))), folder)


@given(st.integers(0, 9), st.integers(1, 99), st.floats(0.01, 1.0), st.integers(1, 50))
def test_a_site_takes_a_share_of_its_steps_and_at_least_one(
    seed: int, round: int, least: float, whole: int
) -> None:
    made = uneven(steps=least)
    taken = made.taken(seed, round, "a", whole)
    assert max(1, least * whole - 1e-9) <= taken <= whole
    assert taken == uneven(steps=least).taken(seed, round, "a", whole)
    assert even().taken(seed, round, "a", whole) == whole


def test_a_site_that_does_less_is_sooner_done() -> None:
    whole, part = uneven(deadline=1.0, spread=1.0), uneven(deadline=1.0, spread=1.0, steps=0.1)
    for site in "abc":
        share = part.share(0, 3, site)
        assert 0.1 <= share < 1.0 and part.lasts(0, 3, site) == whole.lasts(0, 3, site) * share


def test_a_weight_is_how_often_a_site_comes_first() -> None:
    """Of three sites the one with the largest key, over 4000 rounds, within four standard deviations."""
    made, sites, rounds = uneven(weights=1.0), "abc", 4000
    weights = {site: made.weight(0, site) for site in sites}
    first = Counter(max(sites, key=lambda site: made.key(0, number, site)) for number in range(1, rounds + 1))
    for site in sites:
        chance = weights[site] / sum(weights.values())
        assert abs(first[site] / rounds - chance) < 4 * (chance * (1 - chance) / rounds) ** 0.5


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"dropouts": 1.0}, "'dropouts' is 1.0, but must lie between 0 and 0.999"),
        ({"steps": 0.0}, "'steps' is 0.0, but must lie between"),
        ({"late": -0.1}, "'late' is -0.1"),
        ({"joined": 1}, "'joined' is 1, but who joins late is not there in round 1"),
        ({"durations": "constan"}, "did you mean 'constant'"),
        ({"trace": {"a": 3}}, "the trace of 'a' is 3, but must be a list of"),
        ({"trace": {"a": []}}, "but must be a list of"),
        ({"trace": {"a": [[3, 2]]}}, r"has \[3, 2\], but a window is \[from, to\]"),
        ({"trace": {"a": [[0, 2]]}}, "rounds counted from 1"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        uneven(**values)


def test_alike_is_none_whatever_it_is_called() -> None:
    assert even().on(PLAIN, 0, None) is None and uneven(spread=2.0, joined=3).on(PLAIN, 0, None) is None
    assert uneven(dropouts=0.1, steps=0.5).at_work == ("dropouts", "steps")


ASYNCHRONOUS = SimpleNamespace(**{**vars(PLAIN), "server": SimpleNamespace(arrivals=object())})
FLOWERS = SimpleNamespace(**{**vars(PLAIN), "stock": object()})
SECRET_STEP = SimpleNamespace(promise=SimpleNamespace(sampling="secret"))
SECRET = SimpleNamespace(**{**vars(PLAIN), "privacy": (SimpleNamespace(promise=None), SECRET_STEP)})
DP = SimpleNamespace(unit="example")


@pytest.mark.parametrize(
    ("values", "recipe", "dp", "sentence"),
    [
        (
            {"deadline": 1.0},
            ASYNCHRONOUS,
            None,
            "clients.deadline does not go with strategy 'mine()', which lets",
        ),
        ({"late": 0.5}, ASYNCHRONOUS, None, "clients.late does not go with"),
        ({"trace": {"a": [[1, 2]]}}, FLOWERS, None, "which chooses the sites of a round itself"),
        ({"dropouts": 0.1}, SECRET, None, "but privacy.sampling=secret counts on every site"),
        ({"steps": 0.1}, PLAIN, DP, "clients.steps does not go with dp=example"),
        ({"weights": 1.0}, PLAIN, None, "but every round asks all sites; write cohort=M"),
    ],
)
def test_what_does_not_go_together_is_refused(
    values: dict[str, Any], recipe: Any, dp: Any, sentence: str
) -> None:
    with pytest.raises(CompositionError) as error:
        uneven(**values).on(recipe, 0, dp)
    assert sentence in str(error.value)


def test_what_does_go_together() -> None:
    assert uneven(steps=0.5).on(ASYNCHRONOUS, 0, None) and uneven(dropouts=0.5, steps=0.5).on(
        FLOWERS, 0, None
    )
    assert uneven(steps=0.5).on(SECRET, 0, None) and uneven(late=0.5).on(PLAIN, 0, DP)
    assert uneven(weights=1.0).on(PLAIN, 3, None)


def test_the_group_is_what_the_functions_take(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(["clients", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == sorted(path.stem for path in CONF.glob("*.yaml"))
    assert sorted(KINDS) == sorted(path.stem for path in CONF.glob("*.yaml"))
    values: Any = OmegaConf.to_container(OmegaConf.load(CONF / "uneven.yaml"))
    assert CLIENTS[values.pop("name")](**values) == even()


@pytest.mark.parametrize(
    ("kind", "at_work"),
    [
        ("even", None),
        ("uneven", None),
        ("stragglers", ("deadline",)),
        ("dropouts", ("dropouts",)),
        ("steps", ("steps",)),
        ("late", ("late",)),
    ],
)
def test_a_kind_changes_the_digest_and_neutral_does_not(kind: str, at_work: Any, tmp_path: Path) -> None:
    usual = {k: v for k, v in composed([]).items() if k != "clients"}
    before = make_plan(usual, tmp_path).setting()
    found = planned(tmp_path, f"clients={kind}")
    assert (found.setting().clients and found.setting().clients.at_work) == at_work
    assert (found.setting().digest == before.digest) == (at_work is None)
    assert found.federation("alone/cam1", ("cam1",)).cfg["clients"] == {"name": "even"}


def test_a_trace_is_read_into_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("site,from,to\ncam1,1,3\ncam1,7,\n\ncam2, 2 ,2\n")
    windows = {"cam1": [[1, 3], [7, None]], "cam2": [[2, 2]]}
    assert read_trace(file) == windows
    plan = planned(tmp_path, "clients=uneven", f"clients.trace={file}")
    assert plan.cfg["clients"]["trace"] == windows
    file.unlink()
    again = make_plan(json.loads(json.dumps(plan.cfg)), tmp_path)
    assert (again.setting().digest, again.setting().clients) == (
        plan.setting().digest,
        plan.setting().clients,
    )
    assert with_trace(again.cfg["clients"]) == again.cfg["clients"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read as CSV text"),
        ("", "cannot be read as CSV text"),
        ("cam1,1,3\n", "must begin with 'site,from,to'"),
        ("site,from,to\ncam1,1\n", "line 2 of .* is 'cam1,1', but must be"),
        ("site,from,to\ncam1,one,2\n", "must be a site's name, the first round"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(text: str | None, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_trace(file)


def test_real_sites_need_no_play() -> None:
    real(None)
    real(uneven(late=0.5, steps=0.5))
    for values in ({"dropouts": 0.1}, {"deadline": 1.0}, {"trace": {"a": [[1, 2]]}}):
        with pytest.raises(CompositionError, match="plays what real sites do by themselves"):
            real(uneven(**values))
