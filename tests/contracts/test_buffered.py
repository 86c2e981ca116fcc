"""Federations that do not wait for everybody: the same bits by every road, and what they write down."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import World
from cut_short import Killed
from test_equivalences import Reordered, Serialising, final, losing, weights

from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.server.loop import Patience
from isofed.server.state import Checkpoints
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, first_state, run
from isofed.simulations.pool import Pool
from isofed.strategies.arrivals import arrivals
from isofed.strategies.named import STRATEGIES
from isofed.strategies.optimisers import accumulate, buffered, sgd

Worlds = Callable[[str], World]
ONE: Mapping[str, Any] = {"name": "fedbuff", "size": 1, "concurrency": 2}
FEDBUFF: Mapping[str, Any] = {"name": "fedbuff", "spread": 1.0}


def on_the_way(federation: Federation, round: int) -> Any:
    """Return the state that was committed after a round."""
    shop = Workshop.of(json.dumps(federation.cfg))
    for later in (federation.folder / "checkpoints").glob("round_*.ckpt"):
        if int(later.stem[6:]) > round:
            later.unlink()
    return Checkpoints(federation.folder / "checkpoints", shop.setting.digest).latest(first_state(shop))


@pytest.mark.parametrize("name", ["reid", "batch_loss"])
def test_waiting_for_all_is_the_uniform_mean_bit_for_bit(name: str, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds(name)
    n = len(world.sites)
    plain = weights(world.federation(tmp_path / "a", {"name": "uniform"}))
    waits = {"name": "fedbuff", "size": n, "concurrency": n}
    assert weights(world.federation(tmp_path / "b", waits)) == plain
    assert weights(world.federation(tmp_path / "c", {**waits, "size": n - 1})) != plain


@pytest.mark.parametrize("grid", [Reordered, Serialising])
def test_the_road_leaves_no_trace(
    grid: Any, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("reid")
    plain = weights(world.federation(tmp_path / "a", FEDBUFF, rounds=4))
    monkeypatch.setattr(federations, "LocalGrid", grid)
    assert weights(world.federation(tmp_path / "b", FEDBUFF, rounds=4)) == plain


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_two_workers_leave_no_trace(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    plain = weights(world.federation(tmp_path / "a", FEDBUFF, rounds=4))
    pool = Pool.start(2, 1)
    try:
        assert weights(world.federation(tmp_path / "b", FEDBUFF, rounds=4), pool) == plain
    finally:
        pool.stop()


@pytest.mark.parametrize("event", range(13))
def test_a_run_cut_short_ends_with_the_same_bits(event: int, worlds: Worlds, tmp_path: Path) -> None:
    world, heard = worlds("batch_loss"), list[str]()

    def kill(name: str, **fields: Any) -> None:
        heard.append(name)
        if len(heard) == event + 1:
            raise Killed

    with pytest.raises(Killed):
        run(world.federation(tmp_path / "b", ONE, rounds=6), Pool(1), kill)
    found = run(world.federation(tmp_path / "b", ONE, rounds=6), Pool(1))
    plain = run(world.federation(tmp_path / "a", ONE, rounds=6), Pool(1))
    assert found["weights_sha256"] == plain["weights_sha256"]
    told = [[(entry.get("clock"), entry.get("staleness")) for entry in r["history"]] for r in (found, plain)]
    assert told[0] == told[1]
    assert any(late for _, delays in told[0] for late in (delays or {}).values())  # models were kept


def test_a_failed_step_is_tried_again_with_the_same_sites_and_versions(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("batch_loss")
    both = {"name": "fedbuff", "size": 2, "concurrency": 2}
    plain = weights(world.federation(tmp_path / "a", both, rounds=3))
    monkeypatch.setattr(federations, "Patience", lambda **more: Patience(attempts=2, **more))
    monkeypatch.setattr(federations, "LocalGrid", losing(1))
    again = world.federation(tmp_path / "b", both, rounds=3)
    assert weights(again) == plain
    assert on_the_way(again, 2).versions == dict.fromkeys(world.sites, "2.2")


def test_the_history_tells_the_clock_and_who_was_how_late(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    federation = world.federation(tmp_path, FEDBUFF, rounds=8)
    _, *entries = run(federation, Pool(1))["history"]
    clocks = [entry["clock"] for entry in entries]
    assert clocks == sorted(clocks) and clocks[0] > 0
    for entry in entries:
        assert len(entry["staleness"]) == 2
        assert all(list(entry[key]) == list(entry["staleness"]) for key in ("loss", "steps", "bytes"))
        assert all(0 <= late < entry["round"] for late in entry["staleness"].values())
    assert any(late for entry in entries for late in entry["staleness"].values())


def test_checkpoints_hold_the_models_in_flight_and_no_others(worlds: Worlds, tmp_path: Path) -> None:
    federation = worlds("reid").federation(tmp_path, FEDBUFF, rounds=6)
    run(federation, Pool(1))
    for round in range(6, 0, -1):
        state = on_the_way(federation, round)
        steps = {each.began for each in state.flight.running}
        wanted = {group + mark for group in ("model", "buffers") for mark in ("", *(f"#{s}" for s in steps))}
        assert state.round == round and set(state.trees) == wanted and len(steps) <= 3


@pytest.mark.parametrize("strategy", [{"name": "fedbuff"}, {"name": "fedbuff", "size": 5, "concurrency": 9}])
def test_a_site_alone_waits_for_nobody(strategy: Mapping[str, Any], worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    one = world.sites[:1]
    plain = weights(world.federation(tmp_path / "a", {"name": "uniform"}, one))
    alone = world.federation(tmp_path / "b", strategy, one)
    assert alone.left == 2
    assert weights(alone) == plain


def test_fewer_sites_than_a_step_waits_for_are_refused(worlds: Worlds, tmp_path: Path) -> None:
    federation = worlds("batch_loss").federation(tmp_path, {"name": "fedbuff", "size": 3})
    with pytest.raises(CompositionError, match="waits for 3 sites, but there are 2; set size to at most 2"):
        run(federation, Pool(1))


@pytest.mark.parametrize("name, server", [("moon", sgd), ("feddyn", accumulate)])
def test_what_a_site_remembers_goes_on_in_its_own_time(
    name: str, server: Any, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, made = worlds("batch_loss"), STRATEGIES[name]()
    for size in (1, 2):
        late = buffered(server(), arrivals(size, 2, spread=1.0))
        monkeypatch.setitem(STRATEGIES, f"late{size}", lambda late=late: replace(made, server=late))
    waits = world.federation(tmp_path / "w", {"name": "late2"}, rounds=3)
    plain = world.federation(tmp_path / "p", {"name": name}, rounds=3)
    assert weights(waits) == weights(plain)
    one, step = world.federation(tmp_path / "o", {"name": "late1"}, rounds=5), dict[str, int]()
    for entry in run(one, Pool(1))["history"][1:]:
        step |= dict.fromkeys(entry["loss"], entry["round"])
    # every site's memory is the one of the last step that counted it
    assert final(one).versions == {site: f"{number}.1" for site, number in step.items()}
