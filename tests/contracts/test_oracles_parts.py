"""Models of which a part stays at the sites, or of which nothing travels, beside the papers' algorithms."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from arena import CLASSES, INPUTS, Played, Problem, Weights, close, forward, gradient, loss, play, problems
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import CompositionError
from isofed.strategies.adapters import adapters
from isofed.strategies.local.rectify import CHANNEL
from isofed.strategies.named import STRATEGIES
from isofed.strategies.recipe import Phase, Recipe

few = settings(max_examples=8, deadline=None)
HEAD, BODY = ("head.weight",), ("body.weight", "body.bias")


def descend(
    problem: Problem, batches: Iterable[Any], w: Weights, names: tuple[str, ...], of: Any = loss
) -> Weights:
    """Plain SGD on some of the parameters."""
    for x, y in batches:
        g = gradient(w, lambda v, x=x, y=y: of(v, x, y))
        w = {name: w[name] - problem.options.rate * g[name] * (name in names) for name in w}
    return w


def federate(
    problem: Problem, first: Weights, shared: tuple[str, ...], train: Callable[[str, int, Weights], Weights]
) -> tuple[Weights, dict[str, Weights]]:
    """Average the shared names by examples; every site keeps the others."""
    models = {site: dict(first) for site in problem.sites}
    total = sum(problem.examples(site) for site in problem.sites)
    for round in range(1, problem.rounds + 1):
        models = {site: train(site, round, models[site]) for site in problem.sites}
        for name in shared:
            mean: Any = sum(problem.examples(s) / total * models[s][name] for s in models)
            models = {site: {**model, name: mean} for site, model in models.items()}
    return {name: models[problem.sites[0]][name] for name in shared}, models


def first(played: Played) -> Weights:
    """The whole model as the seed made it, of whatever the server has."""
    own = {name: torch.from_numpy(a.copy()) for name, a in played.shop.initial.get("own", {}).items()}
    return {**played.model(0), **own}


def kept(played: Played, problem: Problem) -> dict[str, Weights]:
    """What every site keeps of its model after the last round."""
    return {
        site: {name: torch.from_numpy(a.copy()) for name, a in played.memories[-1][site]["own"].items()}
        for site in problem.sites
    }


def same_at_sites(played: Played, problem: Problem, models: dict[str, Weights]) -> bool:
    return all(
        close(own, {name: models[site][name] for name in own}) for site, own in kept(played, problem).items()
    )


@pytest.mark.parametrize(("name", "travels"), [("fedper", BODY), ("lgfedavg", HEAD)])
@few
@given(problem=problems())
def test_a_part_of_a_model_that_is_trained_as_a_whole(
    name: str, travels: tuple[str, ...], problem: Problem
) -> None:
    played = play({"name": name}, problem)
    both = lambda site, round, w: descend(problem, problem.batches(site, round), w, HEAD + BODY)  # noqa: E731
    shared, models = federate(problem, first(played), travels, both)
    assert close(played.model(), shared) and same_at_sites(played, problem, models)


@few
@given(problems())
def test_fedbabu(problem: Problem) -> None:
    played = play({"name": "fedbabu"}, problem)
    body = lambda site, round, w: descend(problem, problem.batches(site, round), w, BODY)  # noqa: E731
    shared, models = federate(problem, first(played), BODY, body)
    assert close(played.model(), shared)
    assert all(torch.equal(model["head.weight"], first(played)["head.weight"]) for model in models.values())
    assert same_at_sites(played, problem, models)


@few
@given(problems(), st.integers(1, 3), st.integers(1, 2))
def test_fedrep(problem: Problem, heads: int, bodies: int) -> None:
    played = play({"name": "fedrep", "head_epochs": heads, "body_epochs": bodies}, problem)

    def train(site: str, round: int, w: Weights) -> Weights:
        passes = list(problem.passes(site, round, heads + bodies))
        for number, batches in enumerate(passes):
            w = descend(problem, batches, w, HEAD if number < heads else BODY)
        return w

    shared, models = federate(problem, first(played), BODY, train)
    assert close(played.model(), shared) and same_at_sites(played, problem, models)


@few
@given(problems(norm=True, batch=2))
def test_fedbn_keeps_the_normalisation_at_the_sites_and_averages_the_rest(problem: Problem) -> None:
    played = play({"name": "fedbn"}, problem)
    assert set(played.model()) == {*HEAD, *BODY}
    assert len(played.states[-1].trees["buffers"]) == 0
    for site in problem.sites:
        memory = played.memories[-1][site]
        assert set(memory["own"]) == {"norm.weight", "norm.bias"}
        assert set(memory["own_buffers"]) == {
            "norm.running_mean",
            "norm.running_var",
            "norm.num_batches_tracked",
        }
        steps = len(list(problem.batches(site, 1)))
        assert memory["own_buffers"]["norm.num_batches_tracked"] == problem.rounds * steps
    last = {site: dict(report.channels["model"].tree.items()) for site, report in played.reports[-1].items()}  # type: ignore[union-attr]
    total = sum(problem.examples(site) for site in last)
    mean: Any = {
        name: sum(problem.examples(s) / total * torch.from_numpy(m[name].copy()) for s, m in last.items())
        for name in (*HEAD, *BODY)
    }
    assert close(played.model(), mean)


def pull(z: torch.Tensor, y: torch.Tensor, prototypes: dict[int, torch.Tensor]) -> torch.Tensor:
    """Mean squared error to the prototypes; 0 for a class without one."""
    apart = [
        ((z[i] - prototypes[c]) ** 2).mean() if c in prototypes else z.new_zeros(())
        for i, c in enumerate(y.tolist())
    ]
    return torch.stack(apart).mean()


@few
@given(problems(), st.floats(0.1, 3.0))
def test_fedproto(problem: Problem, lam: float) -> None:
    played = play({"name": "fedproto", "lam": lam}, problem)
    models = {site: first(played) for site in problem.sites}
    prototypes: dict[int, torch.Tensor] = {}
    for round in range(1, problem.rounds + 1):
        heard: dict[int, list[torch.Tensor]] = {}
        for site in problem.sites:
            w, seen = models[site], list[tuple[int, torch.Tensor]]()
            for x, y in problem.batches(site, round):
                seen += zip(y.tolist(), forward(w, x).features.detach(), strict=True)
                whole = lambda v, x, y, towards=prototypes: (  # noqa: E731
                    loss(v, x, y) + lam * pull(forward(v, x).features, y, towards)
                )
                w = descend(problem, [(x, y)], w, HEAD + BODY, whole)
            models[site] = w
            for c in range(CLASSES):
                own = [z for label, z in seen if label == c]
                if own:
                    heard.setdefault(c, []).append(torch.stack(own).mean(0).float().double())
        prototypes = {c: torch.stack(sent).mean(0).float().double() for c, sent in heard.items()}
    assert len(played.model()) == 0
    table = played.states[-1].tables[CHANNEL]
    assert sorted(c for c in range(CLASSES) if table.counts[c]) == sorted(prototypes)
    for c, prototype in prototypes.items():
        assert torch.allclose(torch.from_numpy(table.values[c].copy()).double(), prototype, atol=1e-5)
    found = kept(played, problem)
    assert all(close(found[site], models[site], 1e-4) for site in problem.sites)


def test_a_phase_of_what_is_frozen_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = Recipe("frozen()", share=adapters(2, 2.0, head=False), schedule=(Phase("body"), Phase("head")))
    monkeypatch.setitem(STRATEGIES, "frozen", lambda: frozen)
    rng = np.random.default_rng(0)
    problem = Problem({"s0": (rng.normal(size=(4, INPUTS)), rng.integers(0, CLASSES, 4))}, 1)
    with pytest.raises(CompositionError, match="trains the model's head, all of which is frozen; leave the"):
        play({"name": "frozen"}, problem)


@few
@given(problem=problems(), of=st.sampled_from(["logits", "features"]))
def test_fedpav_weighs_sites_by_how_far_their_first_batch_turned(problem: Problem, of: str) -> None:
    played = play({"name": "fedpav", "of": of}, problem)
    models = {site: first(played) for site in problem.sites}
    for round in range(1, problem.rounds + 1):
        turned = {}
        for site in problem.sites:
            before, (x, _) = models[site], next(problem.batches(site, round))
            models[site] = descend(problem, problem.batches(site, round), before, HEAD + BODY)
            one, two = (getattr(forward(w, x), of).detach() for w in (before, models[site]))
            turned[site] = float((1 - torch.nn.functional.cosine_similarity(one, two, dim=1)).mean())
        total = sum(turned.values())
        for name in BODY:
            mean: Any = sum(turned[site] / total * models[site][name] for site in models)
            models = {site: {**model, name: mean} for site, model in models.items()}
    shared = {name: models[problem.sites[0]][name] for name in BODY}
    assert close(played.model(), shared, 1e-6) and same_at_sites(played, problem, models)
