"""Adaptive clipping: the bound follows a quantile, its count is noised, and both noises come to z."""

import math

import numpy as np
import pytest

from isofed.errors import CompositionError, ConfigError
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.privacy import noisy
from isofed.protocols.step import Use
from isofed.protocols.steps.adaptive import BIT, adaptive, share_of
from isofed.protocols.steps.gaussian import gaussian
from isofed.protocols.steps.quantise import quantise
from isofed.records import Delta, Report
from isofed.seeds import Secrets
from isofed.trees import from_arrays


def use(round: int, kept: dict[str, float] | None = None, **heard: float) -> Use:
    return Use(round, 1, Secrets(bytes(32)), 1.0, kept or {}, heard)


def next_bound(round: int, short: float, sites: float, counts: float = 1e-9) -> float:
    step = adaptive(1.0, 0.5, 0.2, counts)
    assert step.keep
    return float(step.keep(np.full(3, float(round)), use(round, sites=sites, **{BIT: short}))["bound"])


def test_the_papers_equation() -> None:
    # Andrew et al. 2021, algorithm 1: C exp(-η (b - γ))
    assert next_bound(1, 8.0, 10.0) == pytest.approx(math.exp(-0.2 * (0.8 - 0.5)), rel=1e-6)
    assert next_bound(1, 2.0, 10.0) == pytest.approx(math.exp(-0.2 * (0.2 - 0.5)), rel=1e-6)


def test_the_counts_noise_has_its_variance() -> None:
    # n log bounds, each -η (b - γ) with b of variance (σ / sites)²: five standard errors
    n, sigma, sites = 4000, 2.0, 10.0
    found = np.array([math.log(next_bound(round, 5.0, sites, sigma)) for round in range(n)]) / 0.2
    assert found.std() == pytest.approx(sigma / sites, rel=5 / math.sqrt(2 * n))
    assert abs(found.mean()) < 5 * sigma / sites / math.sqrt(n)


def test_it_finds_the_median_of_the_norms() -> None:
    norms = np.exp(np.random.default_rng(0).normal(2.0, 0.5, 200))
    bound, step = 1.0, adaptive(1.0, 0.5, 0.2, 5.0)
    assert step.note and step.keep
    for round in range(1, 150):
        now = use(round, {"bound": bound})
        short = sum(step.note(np.array([norm]), Use(1, 1, None, bound))[BIT] for norm in norms)
        heard = Use(round, 1, now.secrets, bound, {}, {"sites": 200.0, BIT: short})
        bound = float(step.keep(np.zeros(2), heard)["bound"])
    assert bound == pytest.approx(np.median(norms), rel=0.1)


def test_both_noises_together_are_the_one_that_was_asked_for() -> None:
    pipeline = noisy(noise=1.3, clipping="adaptive")
    promise = pipeline.promise
    assert promise is not None and promise.noise == pytest.approx(1.3)
    assert share_of(1.0, 5.0) == pytest.approx((1.0 - 0.01) ** -0.5)
    with pytest.raises(ConfigError, match="'counts' is"):
        noisy(noise=2.0, clipping="adaptive", counts=1.0)


def test_the_server_holds_each_update_to_the_bound_of_the_round() -> None:
    pipeline = noisy(norm=1.0, clipping="adaptive")
    report = Report(3, 1, "3.1", {"model": Delta(from_arrays({"w": np.full(4, 2.0)}))}, {"loss": 1.0})
    opened = pipeline.opened(report, Use(3, 1, kept={"bound": 2.5}))
    assert np.linalg.norm(opened.channels["model"].tree["w"]) == pytest.approx(2.5)  # type: ignore[union-attr]
    assert opened.scalars[BIT] == 0.0
    long = pipeline.opened(report, Use(3, 1, kept={"bound": 4.5}))
    assert long.scalars[BIT] == 1.0 and long.channels["model"].tree["w"].tolist() == [2.0] * 4  # type: ignore[union-attr]


def test_what_a_site_does_by_the_bound_is_refused_beside_it() -> None:
    with pytest.raises(CompositionError, match="bounds updates at the server alone"):
        Pipeline((adaptive(1.0, 0.5, 0.2, 5.0), gaussian(1.0), quantise(8)))
