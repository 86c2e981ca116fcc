"""Federations with privacy steps: repeatable whatever the workers, a crash or a message sent twice."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import World
from cut_short import cut_at_commit
from test_equivalences import Repeating, Serialising, final, weights

from isofed.client.memory import Memory
from isofed.files import load_state
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.trees import Tree

pytestmark = pytest.mark.usefixtures("kept_reports")

Worlds = Callable[[str], World]
FEDAVG: Mapping[str, Any] = {"name": "fedavg"}
LOCAL: Mapping[str, Any] = {"name": "fedbn", "weights": "equal"}
QUANTISE = {"name": "quantise", "norm": 0.5, "bits": 6}
GAUSSIAN = {"name": "gaussian", "norm": 0.5, "noise": 0.1}
UNIFORM: Mapping[str, Any] = {"name": "uniform"}
RELEASED = {"name": "tree", "norm": 0.5, "noise": 0.1, "buffers": "released"}
BOTH = pytest.mark.parametrize(("strategy", "privacy"), [(FEDAVG, QUANTISE), (LOCAL, GAUSSIAN)])


def private(
    world: World, folder: Path, privacy: Mapping[str, Any], strategy: Mapping[str, Any] = FEDAVG, **more: Any
) -> Federation:
    """Return a federation of two rounds with privacy steps."""
    federation = world.federation(folder, strategy, **more)
    return replace(federation, cfg={**federation.cfg, "privacy": privacy})


def sent(federation: Federation, site: str, version: str = "2.1") -> Tree:
    """Return what a site sent of its model, as its memory keeps it."""
    _, stored = load_state(federation.memory(site) / f"{version}.state", "a version")
    tree = stored["r/model"]
    assert isinstance(tree, Tree)
    return tree


@BOTH
@pytest.mark.parametrize("task", ["two_outputs", "no_labels", "batch_loss"])
def test_a_run_repeats_itself(
    task: str, strategy: Mapping[str, Any], privacy: Mapping[str, Any], worlds: Worlds, tmp_path: Path
) -> None:
    one, two = (weights(private(worlds(task), tmp_path / f, privacy, strategy)) for f in "ab")
    assert one == two
    assert one != weights(worlds(task).federation(tmp_path / "c", strategy))


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@BOTH
def test_workers_leave_no_trace_of_it(
    strategy: Mapping[str, Any], privacy: Mapping[str, Any], worlds: Worlds, tmp_path: Path
) -> None:
    plain = weights(private(worlds("two_outputs"), tmp_path / "one", privacy, strategy))
    pool = Pool.start(2, 1)
    try:
        assert weights(private(worlds("two_outputs"), tmp_path / "two", privacy, strategy), pool) == plain
    finally:
        pool.stop()


@BOTH
@pytest.mark.parametrize("grid", [Repeating, Serialising])
def test_the_road_leaves_no_trace_of_it(
    grid: Any,
    strategy: Mapping[str, Any],
    privacy: Mapping[str, Any],
    worlds: Worlds,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = weights(private(worlds("two_outputs"), tmp_path / "a", privacy, strategy))
    monkeypatch.setattr(federations, "LocalGrid", grid)
    assert weights(private(worlds("two_outputs"), tmp_path / "b", privacy, strategy)) == plain


@BOTH
@pytest.mark.parametrize("calls", [1, 3])
def test_a_killed_run_resumes_to_the_same_bits(
    calls: int,
    strategy: Mapping[str, Any],
    privacy: Mapping[str, Any],
    worlds: Worlds,
    tmp_path: Path,
) -> None:
    whole = weights(private(worlds("batch_loss"), tmp_path / "a", privacy, strategy))
    cut = private(worlds("batch_loss"), tmp_path / "b", privacy, strategy)
    cut_at_commit(cut, calls)
    assert weights(cut) == whole


@pytest.mark.parametrize("calls", [1, 3])
def test_noise_on_running_statistics_resumes_to_the_same_bits(
    calls: int, worlds: Worlds, tmp_path: Path
) -> None:
    whole = weights(private(worlds("two_outputs"), tmp_path / "a", RELEASED, UNIFORM))
    cut = private(worlds("two_outputs"), tmp_path / "b", RELEASED, UNIFORM)
    cut_at_commit(cut, calls)
    assert weights(cut) == whole


def test_released_running_statistics_with_next_to_no_noise_are_nearly_the_plain_ones(
    worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds("two_outputs")
    plain = world.federation(tmp_path / "a", UNIFORM)
    run(plain, Pool(1))
    wide = {**RELEASED, "norm": 1e3, "noise": 1e-9, "buffers_norm": 1e3}
    released = private(world, tmp_path / "b", wide, UNIFORM)
    near(released, plain, 1e-4)
    found, wanted = final(released).trees["buffers"], final(plain).trees["buffers"]
    assert found.layout.sizes
    for name, array in wanted.items():
        if "num_batches" not in name:
            np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-4)


def test_an_attempt_made_again_draws_other_noise(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("two_outputs")
    first = private(world, tmp_path / "a", GAUSSIAN, LOCAL, rounds=1)
    run(first, Pool(1))
    again = private(world, tmp_path / "b", GAUSSIAN, LOCAL, rounds=1)
    federations.write_json(again.folder / "attempt.json", {"round": 1, "attempt": 1, "failed": True})
    run(again, Pool(1))
    site = first.sites[0]
    # what a site sends of an attempt is clipped alone, so the noise is all that is new
    assert same(sent(first, site, "1.1"), sent(again, site, "1.2"))
    assert not same(final(first).trees["model"], final(again).trees["model"])


def test_what_is_stored_and_sent_is_the_rounded_update(worlds: Worlds, tmp_path: Path) -> None:
    federation = private(worlds("two_outputs"), tmp_path, QUANTISE)
    result = run(federation, Pool(1))
    trees = final(federation).trees
    # a byte each parameter, the statistics as they are, three numbers of eight bytes
    size = sum(trees["model"].layout.sizes.values()) + trees["buffers"].layout.nbytes + 3 * 8
    for site in federation.sites:
        tree = sent(federation, site)
        assert {buffer.dtype.name for buffer in tree.buffers.values()} == {"uint8"}
        assert result["history"][-1]["bytes"][site]["up"] == size
        # a level of 6 bits: 0 to 62
        assert max(int(buffer.max()) for buffer in tree.buffers.values()) <= 62


def test_a_wide_bound_and_many_levels_are_nearly_the_plain_run(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("batch_loss")
    plain, clipped = world.federation(tmp_path / "a", FEDAVG), {"name": "clip", "norm": 1e3}
    fine, noise = {"name": "quantise", "norm": 4.0, "bits": 16}, {**GAUSSIAN, "norm": 1e3, "noise": 1e-9}
    run(plain, Pool(1))
    for name, privacy, off in (("c", clipped, 1e-5), ("q", fine, 1e-3)):
        near(private(world, tmp_path / name, privacy), plain, off)
    local = world.federation(tmp_path / "l", LOCAL)
    run(local, Pool(1))
    near(private(world, tmp_path / "n", noise, LOCAL), local, 1e-4)


def near(federation: Federation, other: Federation, off: float) -> None:
    """Run a federation and compare its model with that of one that was run."""
    run(federation, Pool(1))
    for name, array in final(other).trees["model"].items():
        np.testing.assert_allclose(final(federation).trees["model"][name], array, rtol=0, atol=off)


def test_scaffolds_control_variates_are_bounded_with_the_model(worlds: Worlds, tmp_path: Path) -> None:
    strategy = {"name": "scaffold", "option": "one"}
    federation = private(worlds("batch_loss"), tmp_path, {"name": "clip", "norm": 0.1}, strategy)
    run(federation, Pool(1))
    for site in federation.sites:
        _, stored = load_state(federation.memory(site) / "2.1.state", "a version")
        buffers = [b for key in ("r/model", "r/control") for b in stored[key].buffers.values()]  # type: ignore[union-attr]
        assert 0.099 < np.linalg.norm(np.concatenate(buffers).astype(np.float64)) <= 0.1


def same(one: Tree, other: Tree) -> bool:
    return all(np.array_equal(array, other[name]) for name, array in one.items())


@pytest.mark.parametrize(
    "strategy", [{"name": "scaffold", "option": "one"}, {"name": "feddyn", "alpha": 0.5}]
)
@pytest.mark.parametrize(
    "privacy",
    [{"name": "none"}, {"name": "clip", "norm": 0.01}, QUANTISE, {"name": "top_k", "fraction": 0.1}],
)
def test_what_sites_keep_and_what_the_server_sums_are_of_the_same_updates(
    strategy: Mapping[str, Any], privacy: Mapping[str, Any], worlds: Worlds, tmp_path: Path
) -> None:
    federation = private(worlds("two_outputs"), tmp_path / "run", privacy, strategy)
    run(federation, Pool(1))
    state, name = final(federation), "control" if strategy["name"] == "scaffold" else "dynamic"
    kept = [Memory(federation.memory(s)).load(state.versions[s])[f"term.{name}"] for s in federation.sites]
    server = state.trees["control"] if name == "control" else state.optimiser["sum"].map(lambda s: -0.5 * s)
    means = {leaf: np.mean([np.asarray(tree[leaf]) for tree in kept], axis=0) for leaf in server}  # type: ignore[call-overload]
    assert any(mean.any() for mean in means.values())
    for leaf, mean in means.items():
        np.testing.assert_allclose(mean, server[leaf], rtol=1e-4, atol=1e-6)
