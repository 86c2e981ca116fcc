"""Federations of sites that are not alike: the same bits by every road, and the rules that know of steps."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import World
from cut_short import cut_at_event
from test_cohorts_of_sites import FEDAVG, SCAFFOLD, SIX, quadratics
from test_drift import DIMENSIONS, RATE, STEPS, TASK, site_data
from test_equivalences import Reordered, Serialising, final, losing, weights

from isofed.population import Numbered
from isofed.server.loop import Patience
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.strategies.uneven import uneven
from isofed.tasks import TASKS

Worlds = Callable[[str], World]
ALL = {"dropouts": 0.3, "deadline": 1.5, "spread": 0.5, "steps": 0.2, "late": 0.4, "weights": 1.0}


@pytest.fixture(autouse=True)
def quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "quadratic", TASK)


def unlike(federation: Federation, cohort: int = 0, **values: Any) -> Federation:
    clients = {"name": "uneven", **values}
    return replace(federation, cfg={**federation.cfg, "clients": clients, "cohort": cohort})


def six(folder: Path, strategy: Mapping[str, Any] = FEDAVG, rounds: int = 4, **values: Any) -> Federation:
    return unlike(quadratics(folder, SIX, 0, rounds, strategy), 4 if "weights" in values else 0, **values)


def test_alike_under_another_name_is_to_the_last_bit_what_was_there_before(tmp_path: Path) -> None:
    before = quadratics(tmp_path / "a", SIX, 0)
    named = six(tmp_path / "b", spread=1.0)
    assert weights(named) == weights(before)
    assert named.workshop().setting.digest == before.workshop().setting.digest
    entries = [final(each).history[-1] for each in (before, named)]
    assert [sorted(entry) for entry in entries] == [sorted(entries[0])] * 2


@pytest.mark.parametrize("event", range(0, 10, 3))
def test_a_run_cut_short_ends_with_the_same_bits(event: int, tmp_path: Path) -> None:
    cut_at_event(six(tmp_path / "b", SCAFFOLD, **ALL), event)
    found, plain = (run(six(tmp_path / name, SCAFFOLD, **ALL), Pool(1)) for name in ("b", "a"))
    assert found["weights_sha256"] == plain["weights_sha256"]
    told = [
        [(e["steps"], e.get("missing"), e.get("lasted")) for e in r["history"][1:]] for r in (found, plain)
    ]
    assert told[0] == told[1] and any(missing for _, missing, _ in told[0])


@pytest.mark.parametrize("grid", [Reordered, Serialising])
def test_the_road_leaves_no_trace(
    grid: Any, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("reid")
    plain = weights(unlike(world.federation(tmp_path / "a", FEDAVG), 5, **ALL))
    monkeypatch.setattr(federations, "LocalGrid", grid)
    assert weights(unlike(world.federation(tmp_path / "b", FEDAVG), 5, **ALL)) == plain


def test_an_attempt_that_is_made_again_counts_the_same_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"dropouts": 0.2, "steps": 0.3}
    plain = run(six(tmp_path / "a", rounds=2, **values), Pool(1))
    monkeypatch.setattr(federations, "Patience", lambda **more: Patience(attempts=2, **more))
    monkeypatch.setattr(federations, "LocalGrid", losing(1))
    again = run(six(tmp_path / "b", rounds=2, **values), Pool(1))
    assert again["weights_sha256"] == plain["weights_sha256"]


def test_who_is_not_counted_leaves_nothing_behind(tmp_path: Path) -> None:
    made = six(tmp_path, SCAFFOLD, rounds=3, trace={"s2": [[9, None]]})
    history = run(made, Pool(1))["history"]
    assert all("s2" not in entry["steps"] for entry in history[1:])
    assert "s2" not in final(made).versions and not (tmp_path / "sites" / "s2").exists()


def moved(site: str, steps: int) -> np.ndarray:
    """Where plain gradient steps on the site's own loss lead from zero."""
    ((*data,),) = site_data(site)
    centre, curve = np.array(data[:DIMENSIONS]), np.array(data[DIMENSIONS:])
    return np.asarray(centre * (1.0 - (1.0 - RATE * curve) ** steps))


@pytest.mark.parametrize("strategy", ["fedavg", "fednova"])
def test_fednova_weighs_by_the_steps_that_were_taken(strategy: str, tmp_path: Path) -> None:
    """Of unequal steps τ_i FedAvg is mean(Δ_i), FedNova mean(τ) · mean(Δ_i / τ_i), in closed form."""
    federation = six(tmp_path, {"name": strategy}, rounds=1, steps=0.2)
    taken = run(federation, Pool(1))["history"][1]["steps"]
    assert taken == {site: uneven(steps=0.2).taken(0, 1, site, STEPS) for site in SIX}
    assert len(set(taken.values())) > 2
    deltas = np.stack([moved(site, taken[site]) for site in SIX])
    steps = np.array([taken[site] for site in SIX], float)[:, None]
    wanted = deltas.mean(0) if strategy == "fedavg" else steps.mean() * (deltas / steps).mean(0)
    assert np.allclose(final(federation).trees["model"]["w"], wanted, rtol=1e-9)


def test_of_a_million_sites_only_those_are_touched_that_are_asked(tmp_path: Path) -> None:
    federation = unlike(quadratics(tmp_path, Numbered(10**6, "s"), 0, 2), 5, dropouts=0.5, deadline=1.0)
    history = run(federation, Pool(1))["history"]
    assert all(len({**e["steps"], **e.get("missing", {})}) == 5 for e in history[1:])
    counted = sorted({site for entry in history[1:] for site in entry["steps"]})
    assert sorted(path.name for path in (tmp_path / "sites").iterdir()) == counted
