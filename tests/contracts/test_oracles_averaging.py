"""FedAvg and what only the server does otherwise, beside the papers' algorithms written out."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from arena import Problem, Weights, close, gradient, loss, play, problems
from hypothesis import given, settings
from hypothesis import strategies as st

few = settings(max_examples=8, deadline=None)


def local(problem: Problem, site: str, round: int, w: Weights) -> Weights:
    """SGD over the site's batches from w."""
    momentum = {name: torch.zeros_like(value) for name, value in w.items()}
    for x, y in problem.batches(site, round):
        g = gradient(w, lambda v, x=x, y=y: loss(v, x, y))
        momentum = {name: problem.options.momentum * m + g[name] for name, m in momentum.items()}
        w = {name: value - problem.options.rate * momentum[name] for name, value in w.items()}
    return w


def changes(problem: Problem, round: int, w: Weights) -> dict[str, Weights]:
    """By site, where local training went from w."""
    ends = {site: local(problem, site, round, w) for site in problem.sites}
    return {site: {name: end[name] - w[name] for name in w} for site, end in ends.items()}


def mean(parts: dict[str, Weights], weights: dict[str, float]) -> Weights:
    """Σ p_i Δ_i with Σ p = 1."""
    total = sum(weights.values())
    names = next(iter(parts.values()))
    return {name: sum(weights[s] / total * parts[s][name] for s in parts) for name in names}  # type: ignore[misc]


def by_examples(problem: Problem) -> dict[str, float]:
    return {site: float(problem.examples(site)) for site in problem.sites}


def served(problem: Problem, w: Weights, step: Callable[[Weights, int], Weights], weigh: Any) -> Weights:
    """Play the rounds with a server step of its own."""
    for round in range(1, problem.rounds + 1):
        moved = step(mean(changes(problem, round, w), weigh(problem)), round)
        w = {name: w[name] + moved[name] for name in w}
    return w


@few
@given(problems(momentum=0.5))
def test_fedavg(problem: Problem) -> None:
    played = play({"name": "fedavg"}, problem)
    assert close(played.model(), served(problem, played.model(0), lambda d, r: d, by_examples))


@few
@given(problems())
def test_uniform(problem: Problem) -> None:
    played = play({"name": "uniform"}, problem)
    alike = lambda p: dict.fromkeys(p.sites, 1.0)  # noqa: E731
    assert close(played.model(), served(problem, played.model(0), lambda d, r: d, alike))


@few
@given(problems(), st.floats(0.1, 2.0), st.floats(0.0, 0.95))
def test_fedavgm(problem: Problem, lr: float, beta: float) -> None:
    held: Weights = {}

    def step(d: Weights, round: int) -> Weights:
        held.update({name: beta * held.get(name, 0.0) + d[name] for name in d})
        return {name: lr * held[name] for name in d}

    played = play({"name": "fedavgm", "lr": lr, "momentum": beta}, problem)
    assert close(played.model(), served(problem, played.model(0), step, by_examples))


SECOND: dict[str, Callable[[Any, Any, float], Any]] = {
    "fedadam": lambda v, d, b: b * v + (1 - b) * d**2,
    "fedyogi": lambda v, d, b: v - (1 - b) * d**2 * torch.sign(v - d**2),
    "fedadagrad": lambda v, d, b: v + d**2,
}


@pytest.mark.parametrize("name", SECOND)
@few
@given(
    problem=problems(), lr=st.floats(0.01, 0.5), beta=st.floats(0.0, 0.95), tau=st.sampled_from([1e-3, 0.1])
)
def test_adaptive_servers(name: str, problem: Problem, lr: float, beta: float, tau: float) -> None:
    m: Weights = {}
    v: Weights = {}

    def step(d: Weights, round: int) -> Weights:
        for key in d:
            m[key] = beta * m.get(key, torch.zeros_like(d[key])) + (1 - beta) * d[key]
            v[key] = SECOND[name](v.get(key, torch.full_like(d[key], tau**2)), d[key], 0.99)
        return {key: lr * m[key] / (v[key].sqrt() + tau) for key in d}

    played = play({"name": name, "lr": lr, "beta1": beta, "tau": tau}, problem)
    assert close(played.model(), served(problem, played.model(0), step, by_examples), 1e-7)


@few
@given(problems(momentum=0.0), st.booleans())
def test_fednova(problem: Problem, heavy: bool) -> None:
    rho = 0.6 if heavy else 0.0
    problem = Problem(
        problem.data, problem.rounds, type(problem.options)(**{**vars(problem.options), "momentum": rho})
    )
    played = play({"name": "fednova"}, problem)
    w, n = played.model(0), by_examples(problem)
    for round in range(1, problem.rounds + 1):
        moved = changes(problem, round, w)
        tau = {site: len(list(problem.batches(site, round))) for site in problem.sites}
        # a = [(1-ρ^τ)/(1-ρ), ..., 1]: section 4 of the paper, its L1 norm
        a = {s: sum((1 - rho ** (t - k)) / (1 - rho) for k in range(t)) for s, t in tau.items()}
        p = {site: n[site] / sum(n.values()) for site in n}
        effective = sum(p[site] * a[site] for site in p)
        w = {k: w[k] + effective * sum(p[s] * moved[s][k] / a[s] for s in p) for k in w}  # type: ignore[misc]
    assert close(played.model(), w)
