"""Federations of sites that train under differential privacy: the same bits whatever happens on the way."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cases import World
from cut_short import cut_at_commit
from test_equivalences import Repeating, Serialising, weights

from isofed.errors import CompositionError
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("kept_reports")]

Worlds = Callable[[str], World]
FEDAVG: Mapping[str, Any] = {"name": "fedavg"}
FEDDYN: Mapping[str, Any] = {"name": "feddyn", "alpha": 0.1}
EXAMPLE = {"name": "example", "noise": 0.5, "norm": 0.5}
SUBJECT = {"name": "subject", "noise": 0.5, "norm": 0.5}
OPTIONS = {"reid": {"objective": "identity"}, "micro_gesture": {}}


def hidden(
    world: World, folder: Path, dp: Mapping[str, Any], strategy: Mapping[str, Any] = FEDAVG, **more: Any
) -> Federation:
    """Return a federation of two rounds whose sites train like this."""
    federation = world.federation(folder, strategy, **more)
    task = {**federation.cfg["task"], **OPTIONS[world.name], "norm": "group"}
    return replace(federation, cfg={**federation.cfg, "task": task, "dp": dp})


@pytest.mark.parametrize("grid", [Repeating, Serialising])
def test_the_road_leaves_no_trace_of_it(
    grid: Any, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = weights(hidden(worlds("reid"), tmp_path / "a", SUBJECT, FEDDYN))
    monkeypatch.setattr(federations, "LocalGrid", grid)
    assert weights(hidden(worlds("reid"), tmp_path / "b", SUBJECT, FEDDYN)) == plain


@pytest.mark.parametrize(
    ("calls", "strategy", "dp"), [(1, FEDDYN, SUBJECT), (8, FEDDYN, SUBJECT), (8, FEDAVG, EXAMPLE)]
)
def test_a_killed_run_resumes_to_the_same_bits(
    calls: int,
    strategy: Mapping[str, Any],
    dp: Mapping[str, Any],
    worlds: Worlds,
    tmp_path: Path,
) -> None:
    whole = weights(hidden(worlds("reid"), tmp_path / "a", dp, strategy))
    cut = hidden(worlds("reid"), tmp_path / "b", dp, strategy)
    cut_at_commit(cut, calls)
    assert weights(cut) == whole


def test_sites_are_not_trained_together(worlds: Worlds, tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match=r"draws and clips every site's own units; write dp=none, or"):
        run(replace(hidden(worlds("reid"), tmp_path, EXAMPLE), together=4), Pool(1))


def test_a_model_that_is_no_chain_of_layers_repeats_itself(worlds: Worlds, tmp_path: Path) -> None:
    one, two = (weights(hidden(worlds("micro_gesture"), tmp_path / f, EXAMPLE, rounds=1)) for f in "ab")
    assert one == two
