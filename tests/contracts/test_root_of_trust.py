"""FLTrust: the server trains on data of its own as a site would, and sites count by its way."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import World
from test_equivalences import final, weights

from isofed.errors import CompositionError
from isofed.server import guide as guides
from isofed.server.gathered import Gathered
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool

Worlds = Callable[[str], World]
FLTRUST: Mapping[str, Any] = {"name": "fltrust"}


def trusting(world: World, folder: Path, public: Path | None, rounds: int = 2) -> Federation:
    return replace(world.federation(folder, FLTRUST, rounds=rounds), public=public)


def flat(tree: Any) -> np.ndarray:
    return np.concatenate([np.asarray(array, np.float64).ravel() for _, array in tree.items()])


def test_a_round_is_the_paper_s_formula(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seen = worlds("two_outputs"), list[Any]()
    added, trained = Gathered.add, guides._trained

    def add(self: Gathered, own: Any, model: Any, start: Any, buffers: Any) -> None:
        seen.append(flat(model.numpy()))
        added(self, own, model, start, buffers)

    def train(setting: Any, room: Any, state: Any) -> Any:
        found = trained(setting, room, state)
        seen.extend([flat(state.trees["model"]), flat(found)])
        return found

    monkeypatch.setattr(Gathered, "add", add)
    monkeypatch.setattr(guides, "_trained", train)
    federation = trusting(world, tmp_path, world.root, 1)
    run(federation, Pool(1))
    start, root, *sites = seen
    g0, changes = root - start, [site - start for site in sites]
    score = [max(0.0, g @ g0 / np.linalg.norm(g) / np.linalg.norm(g0)) for g in changes]
    scaled = [s * np.linalg.norm(g0) / np.linalg.norm(g) * g for s, g in zip(score, changes, strict=True)]
    wanted = start + sum(scaled) / sum(score)
    assert np.linalg.norm(g0) > 0 and max(score) > 0
    np.testing.assert_allclose(flat(final(federation).trees["model"]), wanted, rtol=1e-5, atol=1e-6)


def test_the_root_is_the_same_each_time_and_leaves_no_trace_in_torch(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("two_outputs")
    one, two = (weights(trusting(world, tmp_path / name, world.root)) for name in "ab")
    assert one == two != weights(world.federation(tmp_path / "c", {"name": "uniform"}))


def test_without_data_of_its_own_it_is_refused(worlds: Worlds, tmp_path: Path) -> None:
    with pytest.raises(CompositionError, match=r"on root data of its own, .* public\.root=DIR"):
        run(trusting(worlds("two_outputs"), tmp_path, None), Pool(1))


def test_where_labels_are_people_it_is_refused(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    with pytest.raises(CompositionError, match=r"these are people, .* use strategy=rfa"):
        run(trusting(world, tmp_path, world.root), Pool(1))
