"""What holds clients together while they train, beside the papers' algorithms written out."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from arena import Problem, Weights, close, forward, gradient, loss, play, problems, tensors
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

few = settings(max_examples=8, deadline=None)
Push = Callable[[Weights], Weights]


def zeros(w: Weights) -> Weights:
    return {name: torch.zeros_like(value) for name, value in w.items()}


def local(problem: Problem, site: str, round: int, w: Weights, push: Push) -> Weights:
    """Plain SGD with something added to every gradient."""
    for x, y in problem.batches(site, round):
        g, more = gradient(w, lambda v, x=x, y=y: loss(v, x, y)), push(w)
        w = {name: w[name] - problem.options.rate * (g[name] + more[name]) for name in w}
    return w


def mean(models: list[Weights], n: list[float]) -> Weights:
    return {
        name: sum(k / sum(n) * model[name] for k, model in zip(n, models, strict=True))  # type: ignore[misc]
        for name in models[0]
    }


@few
@given(problems(), st.floats(0.01, 2.0))
def test_fedprox(problem: Problem, mu: float) -> None:
    played = play({"name": "fedprox", "mu": mu}, problem)
    w = played.model(0)
    for round in range(1, problem.rounds + 1):
        began = w

        def push(now: Weights, began: Weights = began) -> Weights:
            return {name: mu * (now[name] - began[name]) for name in now}

        ends = [local(problem, site, round, w, push) for site in problem.sites]
        w = mean(ends, [problem.examples(site) for site in problem.sites])
    assert close(played.model(), w)


@pytest.mark.parametrize("option", ["one", "two"])
@few
@given(problem=problems(rounds=4), lr=st.floats(0.3, 1.2))
def test_scaffold(option: str, problem: Problem, lr: float) -> None:
    played = play({"name": "scaffold", "option": option, "lr": lr}, problem)
    x = played.model(0)
    c, own, rate = zeros(x), {site: zeros(x) for site in problem.sites}, problem.options.rate
    for round in range(1, problem.rounds + 1):
        steps, turns = [], []
        for site in problem.sites:
            turn = {name: c[name] - own[site][name] for name in x}
            y = local(problem, site, round, x, lambda now, turn=turn: turn)
            batches = list(problem.batches(site, round))
            if option == "one":
                grads = [gradient(x, lambda v, b=b: loss(v, *b)) for b in batches]
                fresh = {name: sum(g[name] for g in grads) / len(grads) for name in x}
            else:
                k = len(batches)
                fresh = {n: own[site][n] - c[n] + (x[n] - y[n]) / (k * rate) for n in x}
            steps.append({name: y[name] - x[name] for name in x})
            turns.append({name: fresh[name] - own[site][name] for name in x})
            own[site] = fresh  # type: ignore[assignment]
        count = len(problem.sites)
        x = {name: x[name] + lr / count * sum(s[name] for s in steps) for name in x}
        c = {name: c[name] + sum(t[name] for t in turns) / count for name in x}
    assert close(played.model(), x, 1e-7)
    assert close(tensors(played.states[-1].trees["control"]), c, 1e-7)


@few
@given(problems(rounds=4), st.floats(0.05, 1.0))
def test_feddyn(problem: Problem, alpha: float) -> None:
    played = play({"name": "feddyn", "alpha": alpha}, problem)
    w = played.model(0)
    h, held = zeros(w), {site: zeros(w) for site in problem.sites}
    for round in range(1, problem.rounds + 1):
        ends = []
        for site in problem.sites:

            def push(now: Weights, g: Weights = held[site], began: Weights = w) -> Weights:
                return {name: alpha * (now[name] - began[name]) - g[name] for name in now}

            end = local(problem, site, round, w, push)
            held[site] = {name: held[site][name] - alpha * (end[name] - w[name]) for name in w}
            ends.append(end)
        # h ← h - (α / m) Σ (θ_i - θ), θ ← mean θ_i - h / α
        count = len(ends)
        h = {name: h[name] - alpha / count * sum(e[name] - w[name] for e in ends) for name in w}
        w = {name: sum(e[name] for e in ends) / count - h[name] / alpha for name in w}  # type: ignore[misc]
    assert close(played.model(), w, 1e-7)


def contrast(w: Weights, around: Weights, before: Weights | None, x: torch.Tensor, tau: float) -> Any:
    """MOON's term, or nothing in a site's first round."""
    if before is None:
        return 0.0
    z = forward(w, x).features
    near = torch.exp(F.cosine_similarity(z, forward(around, x).features) / tau)
    far = torch.exp(F.cosine_similarity(z, forward(before, x).features) / tau)
    return -torch.log(near / (near + far)).mean()


@few
@given(problems(rounds=3), st.floats(0.1, 5.0), st.floats(0.2, 1.0))
def test_moon(problem: Problem, mu: float, tau: float) -> None:
    played = play({"name": "moon", "mu": mu, "tau": tau}, problem)
    w, before = played.model(0), dict[str, Weights]()
    for round in range(1, problem.rounds + 1):
        ends = {}
        for site in problem.sites:
            now, last = w, before.get(site)
            for x, y in problem.batches(site, round):
                whole = lambda v, x=x, y=y, w=w, last=last: (  # noqa: E731
                    loss(v, x, y) + mu * contrast(v, w, last, x, tau)
                )
                g = gradient(now, whole)
                now = {name: now[name] - problem.options.rate * g[name] for name in now}
            ends[site] = now
        before = ends
        w = mean(list(ends.values()), [problem.examples(site) for site in problem.sites])
    assert close(played.model(), w, 1e-7)
