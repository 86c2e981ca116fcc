"""q-FedAvg beside the paper's algorithm written out, and its neutral value."""

from typing import Any

import numpy as np
import torch
from arena import Problem, Weights, close, gradient, loss, play, problems, replace, tensors
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.protocols.levels import FURTHER
from isofed.strategies.rules import FLOOR, q_fair

few = settings(max_examples=8, deadline=None)


def local(problem: Problem, site: str, round: int, w: Weights) -> tuple[Weights, float]:
    """SGD over the site's batches from w, and the mean of their losses at w."""
    losses, start = [], w
    for x, y in problem.batches(site, round):
        losses.append(float(loss(start, x, y)))
        g = gradient(w, lambda v, x=x, y=y: loss(v, x, y))
        w = {name: w[name] - problem.options.rate * g[name] for name in w}
    return w, sum(losses) / len(losses)


@few
@given(problems(), st.floats(0.0, 5.0), st.floats(0.5, 20.0))
def test_qfedavg(problem: Problem, q: float, L: float) -> None:
    played = play({"name": "qfedavg", "q": q, "L": L}, problem)
    w = played.model(0)
    for round in range(1, problem.rounds + 1):
        deltas: list[Weights] = []
        hs: list[float] = []
        for site in problem.sites:
            w_k, F = local(problem, site, round, w)
            dw = {name: L * (w[name] - w_k[name]) for name in w}
            deltas.append({name: F**q * dw[name] for name in w})
            hs.append(q * F ** (q - 1) * sum(float(d.square().sum()) for d in dw.values()) + L * F**q)
            told = played.reports[round - 1][site].scalars
            assert abs(told["start_loss"] - F) < 1e-9
            np.testing.assert_allclose(L**2 * told["square"], sum(float((d**2).sum()) for d in dw.values()))
        w = {name: w[name] - sum(d[name] for d in deltas) / sum(hs) for name in w}  # type: ignore[operator]
    assert close(played.model(), w)


@few
@given(problems(), st.sampled_from([0.3, 10.0]), st.booleans())
def test_q_of_zero_is_the_uniform_mean(problem: Problem, L: float, dropout: bool) -> None:
    problem = replace(problem, options=replace(problem.options, dropout=0.4 * dropout))
    fair, plain = play({"name": "qfedavg", "q": 0.0, "L": L}, problem), play({"name": "uniform"}, problem)
    assert close(fair.model(), plain.model(), 1e-12)


def test_telling_leaves_running_statistics_as_they_would_be() -> None:
    rng = np.random.default_rng(0)
    data = {f"s{n}": (rng.normal(n, 1.0, (6, 3)), rng.integers(0, 3, 6)) for n in range(2)}
    problem = Problem(data, 2)
    problem = replace(problem, options=replace(problem.options, norm=True))
    fair, plain = play({"name": "qfedavg", "q": 0.0}, problem), play({"name": "uniform"}, problem)
    one, other = (tensors(played.states[-1].trees["buffers"]) for played in (fair, plain))
    assert all(torch.allclose(one[name], other[name], rtol=1e-12) for name in other)


def test_what_is_told_does_not_depend_on_random_numbers_drawn_before() -> None:
    rng = np.random.default_rng(0)
    data = {f"s{n}": (rng.normal(n, 1.0, (6, 3)), rng.integers(0, 3, 6)) for n in range(2)}
    problem = Problem(data, 2)
    problem = replace(problem, options=replace(problem.options, dropout=0.5))

    def told(seed: int) -> list[Any]:
        torch.manual_seed(seed)
        return [r.scalars for by_site in play({"name": "qfedavg"}, problem).reports for r in by_site.values()]

    assert told(1) == told(2)


@given(
    st.floats(0.0, 20.0),
    st.floats(1e-12, 1e12),
    st.lists(st.tuples(st.floats(0.0, 1e12), st.floats(0.0, 1e30)), min_size=1, max_size=4),
)
def test_nothing_that_a_site_may_tell_makes_a_factor_or_a_divisor_that_is_no_number(
    q: float, L: float, told: list[tuple[float, float]]
) -> None:
    rule = q_fair(q, L)
    numbers = [{"start_loss": F, "square": square} for F, square in told]
    total = {"h": sum(rule.sums(own)["h"] for own in numbers)}
    assert all(np.isfinite(rule.factor(own)) for own in numbers)
    assert np.isfinite(rule.common(total)) and rule.common(total) > 0
    assert set(rule.needs) <= set(FURTHER)


def test_a_loss_of_zero_counts_as_the_floor() -> None:
    rule = q_fair(0.5, 1.0)
    none, least = ({"start_loss": F, "square": 1.0} for F in (0.0, FLOOR))
    assert (rule.factor(none), rule.sums(none)) == (rule.factor(least), rule.sums(least))


def test_who_does_badly_counts_more() -> None:
    well, badly = ({"start_loss": F, "square": 0.0} for F in (1.0, 2.0))
    assert q_fair(2.0, 1.0).factor(badly) == 4 * q_fair(2.0, 1.0).factor(well)
