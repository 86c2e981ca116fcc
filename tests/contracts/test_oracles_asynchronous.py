"""FedBuff beside the paper's algorithm 1, one event after another."""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from arena import SEED, ArenaOptions, Played, Problem, Weights, close, play, problems
from hypothesis import given, settings
from hypothesis import strategies as st
from test_oracles_averaging import local

from isofed.seeds import public
from isofed.strategies.arrivals import Arrivals
from isofed.strategies.named import STRATEGIES
from isofed.strategies.optimisers import buffered, sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import stale_mean

few = settings(max_examples=10, deadline=None)


@dataclass(frozen=True)
class Scene:
    """A problem, and FedBuff's numbers: K, M, η, a, and how long each training lasts."""

    problem: Problem
    size: int
    many: int
    lr: float
    exponent: float
    duration: Callable[[int, int, str], float]


@st.composite
def scenes(draw: Any) -> Scene:
    problem = draw(problems(sites=4, rounds=6))
    count = len(problem.sites)
    size = draw(st.integers(1, count))
    paces = draw(st.lists(st.floats(0.1, 10), min_size=count, max_size=count))
    # integers among them, so that some reports arrive at the same moment
    table = draw(st.lists(st.integers(1, 3) | st.floats(0.5, 4), min_size=24, max_size=24))

    def duration(seed: int, step: int, site: str) -> float:
        return float(paces[int(site[1:])] * table[4 * step + int(site[1:])])

    many = draw(st.integers(size, count))
    numbers = draw(st.sampled_from([1.0, 0.5])), draw(st.sampled_from([0.0, 0.5, 1.5]))
    return Scene(problem, size, many, *numbers, duration)


def run(scene: Scene) -> Played:
    made = Arrivals("drawn", scene.size, scene.many, scene.duration)
    recipe = Recipe(rule=stale_mean(scene.exponent), server=buffered(sgd(scene.lr), made))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STRATEGIES, "drawn", lambda: recipe)
        return play({"name": "drawn"}, scene.problem)


@dataclass
class Server:
    """Algorithm 1: the model w^t, the buffer's sum and its length k."""

    w: Weights
    t: int = 0
    k: int = 0
    total: Mapping[str, Any] | None = None

    def receive(self, change: Weights, began: int, scene: Scene) -> bool:
        """Add one update; return whether the buffer was full and the model moved."""
        s = 1 / (1 + self.t - began) ** scene.exponent
        before = self.total or {name: torch.zeros_like(value) for name, value in change.items()}
        self.total, self.k = {name: before[name] + s * change[name] for name in change}, self.k + 1
        if self.k < scene.size:
            return False
        self.w = {name: w + scene.lr / scene.size * self.total[name] for name, w in self.w.items()}
        self.t, self.k, self.total = self.t + 1, 0, None
        return True


def oracle(scene: Scene, w: Weights) -> list[Weights]:
    """The model after every server step."""
    problem, server, found = scene.problem, Server(w), list[Weights]()
    training, waiting, clock, order = list[Any](), set[str](), 0.0, 0
    draw = public(SEED, 1, "", "arrivals")
    while server.t < problem.rounds:
        busy = {site for _, _, site, _, _ in training} | waiting
        if len(training) < scene.many and len(busy) < len(problem.sites):
            site = problem.sites[int(draw.integers(len(problem.sites)))]
            if site not in busy:
                until = clock + scene.duration(SEED, server.t, site)
                heapq.heappush(training, (until, order, site, server.t, server.w))
                order += 1
            continue
        clock, _, site, began, start = heapq.heappop(training)
        waiting.add(site)
        end = local(problem, site, server.t + 1, start)
        if server.receive({name: end[name] - start[name] for name in start}, began, scene):
            waiting, draw = set(), public(SEED, server.t + 1, "", "arrivals")
            found.append(server.w)
    return found


@few
@given(scenes())
def test_fedbuff(scene: Scene) -> None:
    played = run(scene)
    for number, wanted in enumerate(oracle(scene, played.model(0)), 1):
        assert close(played.model(number), wanted, 1e-10)


@few
@given(scenes())
def test_the_server_keeps_only_models_in_flight(scene: Scene) -> None:
    for state in run(scene).states:
        kept = {name for name in state.trees if name.startswith("model")}
        assert kept == {"model", *(f"model#{each.began}" for each in state.flight.running)}
        assert len(kept) <= scene.many + 1 and len(state.trees) == 2 * len(kept)


@settings(max_examples=5, deadline=None)
@given(problems(sites=4))
def test_who_waits_for_all_is_the_uniform_mean_bit_for_bit(problem: Problem) -> None:
    n = len(problem.sites)
    waits = play({"name": "fedbuff", "size": n, "concurrency": n, "spread": 1.0}, problem)
    uniform = play({"name": "uniform"}, problem)
    for number, state in enumerate(uniform.states):
        assert set(waits.states[number].trees) == set(state.trees)
        for group, tree in state.trees.items():
            found = waits.states[number].trees[group]
            assert all(np.array_equal(found[name], tree[name]) for name in tree)


def test_statistics_move_by_the_share_of_sites_and_variances_stay_positive() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    data = {f"s{n}": (rng.normal(n, 1.0 + n, (8, 3)), rng.integers(0, 3, 8)) for n in range(4)}
    problem = Problem(data, 12, ArenaOptions(norm=True))
    played = play({"name": "fedbuff", "size": 1, "concurrency": 3}, problem)
    for before, after, reports in zip(played.states, played.states[1:], played.reports, strict=False):
        (report,) = reports.values()
        for name, now in after.trees["buffers"].items():
            wanted = 0.75 * before.trees["buffers"][name] + 0.25 * report.channels["buffers"].tree[name]
            assert now.dtype == before.trees["buffers"][name].dtype
            assert np.allclose(now, np.rint(wanted) if now.dtype == np.int64 else wanted, rtol=1e-12)
            assert not name.endswith("running_var") or (now > 0).all()
