"""Federations that ask a cohort each round: the same bits by every road, at the cost of who is asked."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import World
from cut_short import cut_at_event
from test_drift import DIMENSIONS, SITES, TASK, off, optimum
from test_equivalences import Reordered, Serialising, final, losing, weights

from isofed.errors import CompositionError, ConfigError
from isofed.population import Numbered
from isofed.server.loop import Patience
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS

Worlds = Callable[[str], World]
FEDAVG: Mapping[str, Any] = {"name": "fedavg"}
STRATEGIES = ({"name": "fedavg"}, {"name": "dppt"}, {"name": "scaffold", "option": "one"})


@pytest.fixture(autouse=True)
def quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, "quadratic", TASK)


def asking(federation: Federation, cohort: int) -> Federation:
    return replace(federation, cfg={**federation.cfg, "cohort": cohort})


def quadratics(
    folder: Path, sites: Sequence[str], cohort: int, rounds: int = 4, strategy: Any = FEDAVG, seed: int = 0
) -> Federation:
    cfg = {
        "run": "quadratic",
        "seed": seed,
        "rounds": rounds,
        "evaluate_every": 0,
        "layout": "quadratic",
        "cohort": cohort,
        "task": {"name": "quadratic", "classes": SITES},
        "protocol": {"name": "camera"},
        "strategy": strategy,
    }
    return Federation("q", cfg, sites, folder, folder / "h", folder)


SIX = tuple(f"s{number}" for number in range(SITES))


def point(federation: Federation) -> np.ndarray:
    """Train and return where the global model ends."""
    run(federation, Pool(1))
    return np.array(final(federation).trees["model"]["w"])


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s["name"])
@pytest.mark.parametrize("name", ["batch_loss", pytest.param("reid", marks=pytest.mark.slow)])
def test_a_cohort_of_all_sites_is_no_cohort(
    name: str, strategy: Mapping[str, Any], worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds(name)
    plain = weights(world.federation(tmp_path / "a", strategy))
    everybody = world.federation(tmp_path / "b", strategy)
    assert weights(asking(everybody, len(world.sites))) == plain
    few = asking(world.federation(tmp_path / "c", strategy), 1)
    again = asking(world.federation(tmp_path / "d", strategy), 1)
    assert weights(few) == weights(again) != plain


@pytest.mark.parametrize("grid", [Reordered, Serialising])
def test_the_road_leaves_no_trace(
    grid: Any, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("reid")
    plain = weights(asking(world.federation(tmp_path / "a", FEDAVG), 3))
    monkeypatch.setattr(federations, "LocalGrid", grid)
    assert weights(asking(world.federation(tmp_path / "b", FEDAVG), 3)) == plain


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_two_workers_leave_no_trace(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    plain = weights(asking(world.federation(tmp_path / "a", STRATEGIES[1], rounds=3), 3))
    pool = Pool.start(2, 1)
    try:
        assert weights(asking(world.federation(tmp_path / "b", STRATEGIES[1], rounds=3), 3), pool) == plain
    finally:
        pool.stop()


SCAFFOLD = {"name": "scaffold", "option": "two"}


@pytest.mark.parametrize("event", range(10))
def test_a_run_cut_short_ends_with_the_same_bits(event: int, tmp_path: Path) -> None:
    cut_at_event(quadratics(tmp_path / "b", SIX, 2, strategy=SCAFFOLD), event)
    found, plain = (
        run(quadratics(tmp_path / name, SIX, 2, strategy=SCAFFOLD), Pool(1)) for name in ("b", "a")
    )
    assert found["weights_sha256"] == plain["weights_sha256"]
    told = [[list(entry.get("loss", ())) for entry in result["history"]] for result in (found, plain)]
    assert told[0] == told[1] and len({tuple(asked) for asked in told[0]}) > 2


def test_an_attempt_that_is_made_again_asks_the_same_sites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(quadratics(tmp_path / "a", SIX, 5, rounds=2), Pool(1))
    monkeypatch.setattr(federations, "Patience", lambda **more: Patience(attempts=2, **more))
    monkeypatch.setattr(federations, "LocalGrid", losing(1))  # which loses the last site's, if it is asked
    again = quadratics(tmp_path / "b", SIX, 5, rounds=2)
    assert run(again, Pool(1))["weights_sha256"] == plain["weights_sha256"]
    asked = list(plain["history"][2]["loss"])
    assert "s5" in asked
    versions = final(again).versions.items()
    assert {site: found for site, found in versions if found != "1.1"} == dict.fromkeys(asked, "2.2")


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy",
    [SCAFFOLD, {"name": "scaffold", "option": "one"}, {"name": "feddyn", "alpha": 1.0}],
    ids=str,
)
def test_half_of_the_sites_remove_the_drift_too(tmp_path: Path, strategy: dict[str, Any]) -> None:
    assert off(point(quadratics(tmp_path, SIX, 3, rounds=150, strategy=strategy))) < 1e-5


@pytest.mark.slow
def test_averaging_is_right_on_the_mean_over_draws(tmp_path: Path) -> None:
    whole = point(quadratics(tmp_path / "all", SIX, 0, rounds=1))
    found = np.stack(
        [point(quadratics(tmp_path / str(seed), SIX, 3, rounds=1, seed=seed)) for seed in range(60)]
    )
    error = found.std(0, ddof=1) / np.sqrt(len(found))
    assert (error > 0).all() and (np.abs(found.mean(0) - whole) < 4 * error).all()
    assert whole.shape == (DIMENSIONS,) == optimum().shape


class Counted(Sequence[str]):
    """A million names that cannot be walked through, and how often one was made or looked up."""

    def __init__(self) -> None:
        self.names, self.looked = Numbered(10**6, "s"), 0

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: Any) -> Any:
        self.looked += 1
        return self.names[place]

    def index(self, name: Any, *more: Any) -> int:
        self.looked += 1
        return self.names.index(name)

    def __iter__(self) -> Any:
        raise AssertionError("all sites were walked through")

    def __contains__(self, name: object) -> bool:
        raise AssertionError("all sites were walked through")


@pytest.mark.parametrize("strategy", [FEDAVG, SCAFFOLD], ids=lambda s: s["name"])
def test_of_a_million_sites_only_those_are_touched_that_are_asked(
    strategy: Mapping[str, Any], tmp_path: Path
) -> None:
    sites = Counted()
    federation = quadratics(tmp_path, sites, 5, rounds=3, strategy=strategy)
    assert federation.left == 15 and sites.looked == 0
    history = run(federation, Pool(1))["history"]
    asked = sorted({site for entry in history[1:] for site in entry["loss"]})
    assert len(asked) == 15 and sites.looked <= 3 * len(asked)
    assert sorted(path.name for path in (tmp_path / "sites").iterdir()) == asked
    assert sorted(final(federation).versions) == asked and federation.left == 0


def test_sites_that_are_numbered_are_those_that_are_listed(tmp_path: Path) -> None:
    sites = Numbered(12, "s")
    numbered = quadratics(tmp_path / "a", sites, 3, strategy=SCAFFOLD)
    listed = quadratics(tmp_path / "b", tuple(sites), 3, strategy=SCAFFOLD)
    reversed_ = quadratics(tmp_path / "c", tuple(sites)[::-1], 3, strategy=SCAFFOLD)
    assert weights(numbered) == weights(listed) == weights(reversed_)


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    def told(kind: type[Exception], cohort: int, strategy: Mapping[str, Any] = FEDAVG) -> str:
        with pytest.raises(kind) as error:
            run(quadratics(tmp_path, SIX, cohort, strategy=strategy), Pool(1))
        return str(error.value)

    assert told(CompositionError, 7) == (
        "'cohort' is 7, but there are 6 sites; write at most cohort=6, or cohort=0 for all"
    )
    assert told(ConfigError, -1).startswith("'cohort' is -1, but must lie between 0 and")
    assert told(CompositionError, 2, {"name": "fedbuff"}).endswith(
        "says itself how many reports make a step, so no cohort goes with it; write cohort=0"
    )
    assert told(CompositionError, 2, {"name": "flwr.FedAvg"}) == (
        "strategy 'stock('FedAvg')' draws the sites of a round itself; write cohort=0, and "
        "strategy.fraction_train for the share of sites"
    )


def test_the_digest_tells_cohorts_apart_and_knows_nothing_of_none(tmp_path: Path) -> None:
    found = [quadratics(tmp_path, SIX, cohort) for cohort in (0, 2, 3)]
    none = {key: value for key, value in found[0].cfg.items() if key != "cohort"}
    digests = [each.workshop().setting.digest for each in (*found, replace(found[0], cfg=none))]
    assert len(set(digests)) == 3 and digests[0] == digests[3]
    assert json.loads(json.dumps(found[1].cfg)) == found[1].cfg
