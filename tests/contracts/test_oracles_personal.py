"""A model of each site's own beside the global one: the papers' algorithms and their neutral values."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from arena import Played, Problem, Weights, close, gradient, loss, play, problems, replace, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(max_examples=8, deadline=None)
TERM = {"ditto": "term.tethered", "apfl": "term.mixture", "pfedme": "term.envelope"}


def step(problem: Problem, w: Weights, g: Weights, by: float = 1.0) -> Weights:
    """w - η · by · g."""
    return {name: w[name] - problem.options.rate * by * g[name] for name in w}


def at(w: Weights, x: torch.Tensor, y: torch.Tensor) -> Weights:
    """∇f(w; x, y)."""
    return gradient(w, lambda v: loss(v, x, y))


def mean(models: Mapping[str, Weights], weights: Mapping[str, float]) -> Weights:
    """Σ p_i w_i with Σ p = 1."""
    total = sum(weights.values())
    names = next(iter(models.values()))
    return {n: sum(weights[s] / total * models[s][n] for s in models) for n in names}  # type: ignore[misc]


def alike(problem: Problem) -> dict[str, float]:
    return dict.fromkeys(problem.sites, 1.0)


def own(played: Played, name: str, round: int = -1) -> dict[str, dict[str, torch.Tensor]]:
    """By site, what it remembers of its own model."""
    return {site: tensors(memory[TERM[name]]) for site, memory in played.memories[round].items()}


def parameters(played: Played, tree: Mapping[str, torch.Tensor]) -> Weights:
    return {name: tree[name] for name in played.model()}


def agree(played: Played, name: str, wanted: Mapping[str, Weights]) -> bool:
    found = own(played, name)
    return all(close(parameters(played, found[site]), wanted[site]) for site in wanted)


@few
@given(problems(), st.floats(0.0, 1.0))
def test_ditto(problem: Problem, lam: float) -> None:
    played = play({"name": "ditto", "lam": lam}, problem)
    w = played.model(0)
    v = {site: w for site in problem.sites}
    for round in range(1, problem.rounds + 1):
        ends = dict.fromkeys(problem.sites, w)
        for site in problem.sites:
            for x, y in problem.batches(site, round):
                ends[site] = step(problem, ends[site], at(ends[site], x, y))
                g = at(v[site], x, y)
                v[site] = step(problem, v[site], {n: g[n] + lam * (v[site][n] - w[n]) for n in w})
        w = mean(ends, {site: float(problem.examples(site)) for site in problem.sites})
    assert close(played.model(), w)
    assert agree(played, "ditto", v)


def mixed(alpha: float, v: Weights, w: Weights) -> Weights:
    """v̄ = α v + (1 - α) w."""
    return {name: alpha * v[name] + (1 - alpha) * w[name] for name in v}


@few
@given(problems(), st.floats(0.0, 1.0), st.booleans())
def test_apfl(problem: Problem, alpha: float, adaptive: bool) -> None:
    played = play({"name": "apfl", "alpha": alpha, "adaptive": adaptive}, problem)
    w = played.model(0)
    v, ends = {site: w for site in problem.sites}, dict.fromkeys(problem.sites, w)
    alphas = dict.fromkeys(problem.sites, alpha)
    for round in range(1, problem.rounds + 1):
        ends = dict.fromkeys(problem.sites, w)
        for s in problem.sites:
            for number, (x, y) in enumerate(problem.batches(s, round)):
                g, before = at(mixed(alphas[s], v[s], ends[s]), x, y), alphas[s]
                if adaptive and number == 0:
                    along = sum(float(((v[s][n] - ends[s][n]) * g[n]).sum()) for n in g)
                    alphas[s] = min(max(before - problem.options.rate * along, 0.0), 1.0)
                ends[s] = step(problem, ends[s], at(ends[s], x, y))
                v[s] = step(problem, v[s], g, before)
        w = mean(ends, alike(problem))
    assert close(played.model(), w)
    assert agree(played, "apfl", {s: mixed(alphas[s], v[s], ends[s]) for s in problem.sites})
    found = own(played, "apfl")
    assert all(abs(float(found[s]["alpha"]) - alphas[s]) < 1e-9 for s in problem.sites)
    assert all(close({n: found[s][f"local/{n}"] for n in w}, v[s]) for s in problem.sites)


def test_an_adaptive_alpha_moves_from_the_second_round_on_and_stays_a_share() -> None:
    rng = np.random.default_rng(0)
    data = {f"s{n}": (rng.normal(3 * n, 1.0, (8, 3)), rng.integers(0, 3, 8)) for n in range(2)}
    played = play({"name": "apfl", "alpha": 0.5, "adaptive": True}, Problem(data, 3))
    alphas = [[float(own(played, "apfl", round)[s]["alpha"]) for s in data] for round in (1, 2, 3)]
    assert alphas[0] == [0.5, 0.5]  # v is w still
    assert alphas[1] != alphas[0] != alphas[2] != alphas[1]
    assert all(0 <= alpha <= 1 for row in alphas for alpha in row)


@few
@given(
    problem=problems(),
    lam=st.floats(0.1, 2.0),
    k=st.integers(1, 3),
    eta=st.floats(0.05, 0.5),
    beta=st.floats(0.1, 2.0),
)
def test_pfedme(problem: Problem, lam: float, k: int, eta: float, beta: float) -> None:
    played = play({"name": "pfedme", "lam": lam, "k": k, "eta": eta, "beta": beta}, problem)
    w = played.model(0)
    theta = dict.fromkeys(problem.sites, w)
    for round in range(1, problem.rounds + 1):
        ends, theta = dict.fromkeys(problem.sites, w), dict.fromkeys(problem.sites, w)
        for s in problem.sites:
            for x, y in problem.batches(s, round):
                for _ in range(k):
                    g = at(theta[s], x, y)
                    theta[s] = step(
                        problem, theta[s], {n: g[n] + lam * (theta[s][n] - ends[s][n]) for n in g}
                    )
                ends[s] = {n: ends[s][n] - eta * lam * (ends[s][n] - theta[s][n]) for n in w}
        received = mean(ends, alike(problem))
        w = {n: (1 - beta) * w[n] + beta * received[n] for n in w}
    assert close(played.model(), w)
    assert agree(played, "pfedme", theta)


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return set(one) == set(other) and all(torch.equal(one[name], other[name]) for name in one)


def odd() -> Iterator[Any]:
    """Models whose layers draw numbers, keep statistics, and whose optimiser has momentum."""
    yield {}
    yield {"dropout": 0.4, "momentum": 0.5}
    yield {"norm": True, "dropout": 0.4, "batch": 2}


@pytest.mark.parametrize(
    ("strategy", "plain"),
    [({"name": "ditto", "lam": 0.5}, "fedavg"), ({"name": "apfl", "adaptive": True}, "uniform")],
    ids=str,
)
@pytest.mark.parametrize("options", list(odd()), ids=str)
@settings(max_examples=4, deadline=None)
@given(problem=problems())
def test_a_model_beside_leaves_no_trace_in_the_global_one(
    strategy: dict[str, Any], plain: str, options: dict[str, Any], problem: Problem
) -> None:
    problem = replace(problem, options=replace(problem.options, **options))
    one, other = play(strategy, problem), play({"name": plain}, problem)
    for mine, theirs in zip(one.states, other.states, strict=True):
        assert all(same(tensors(mine.trees[g]), tensors(theirs.trees[g])) for g in ("model", "buffers"))


def test_the_model_beside_has_running_statistics_of_its_own() -> None:
    rng = np.random.default_rng(1)
    data = {f"s{n}": (rng.normal(n, 1.0, (6, 3)), rng.integers(0, 3, 6)) for n in range(2)}
    problem = Problem(data, 2)
    problem = replace(problem, options=replace(problem.options, norm=True))
    for name, lam in (("ditto", {"lam": 0.5}), ("apfl", {"alpha": 0.5}), ("pfedme", {"lam": 1.0, "k": 2})):
        played = play({"name": name, **lam}, problem)
        found = own(played, name)["s0"]
        assert set(found) >= set(played.shop.model.state_dict())
        assert int(found["norm.num_batches_tracked"]) == 6 * (2 if name == "pfedme" else 1)
        sent = tensors(played.reports[-1]["s0"].channels["buffers"].tree)  # type: ignore[union-attr]
        assert torch.equal(found["norm.running_mean"], sent["norm.running_mean"]) == (name == "pfedme")


@few
@given(problems(sites=2))
def test_dittos_lambda_of_zero_and_apfls_alpha_of_one_are_local_training(problem: Problem) -> None:
    tied, mix = play({"name": "ditto", "lam": 0.0}, problem), play({"name": "apfl", "alpha": 1.0}, problem)
    for site, model in own(tied, "ditto").items():
        assert same(model, parameters(mix, own(mix, "apfl")[site]))
        alone = play({"name": "fedavg"}, replace(problem, data={site: problem.data[site]}))
        assert close(model, alone.model())


@few
@given(problems())
def test_apfls_alpha_of_zero_leaves_each_site_the_model_that_it_sent(problem: Problem) -> None:
    played = play({"name": "apfl", "alpha": 0.0}, problem)
    for site, model in own(played, "apfl").items():
        sent = tensors(played.reports[-1][site].channels["model"].tree)  # type: ignore[union-attr]
        assert same(parameters(played, model), sent)


@few
@given(problems())
def test_pfedme_whose_w_goes_all_the_way_after_every_step_is_the_uniform_mean(problem: Problem) -> None:
    played = play({"name": "pfedme", "lam": 2.0, "k": 1, "eta": 0.5}, problem)
    assert close(played.model(), play({"name": "uniform"}, problem).model())
