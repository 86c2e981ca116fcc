"""Running statistics with a bound and noise of their own: what is added, and how far one site moves it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import CompositionError, ConfigError
from isofed.protocols.accounts.epsilon import RDP, epsilon
from isofed.protocols.accounts.sites import everybody, spends
from isofed.protocols.joint import reals
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.privacy import noisy, noisy_quantised, shared
from isofed.protocols.step import Use
from isofed.protocols.steps.gaussian import gaussian
from isofed.protocols.steps.statistics import shares, statistics, usable
from isofed.records import Report, Value
from isofed.seeds import Secrets
from isofed.trees import Tree, from_arrays, zeros

C, OWN, SIZE = 0.5, 3.0, 6000
SECRETS = Secrets(bytes(32), simulated=True)
USE = Use(1, 1, SECRETS)


def model(values: Any) -> Tree:
    return from_arrays({"w": np.asarray(values, np.float32)})


def counted(values: Any, batches: int) -> Tree:
    """Running statistics with what is no real number among them."""
    return from_arrays({"n.running_mean": np.asarray(values, np.float32), "n.batches": np.array(batches)})


def sent(pipeline: Pipeline, weights: Any, own: Any, batches: int = 9) -> Mapping[str, Tree]:
    """Return a site's two changes as the server opens them."""
    report = Report(
        1, 1, "1.1", {"model": Value(model(weights)), "buffers": Value(counted(own, batches))}, {}
    )
    start = zeros(model(weights).layout), zeros(counted(own, 0).layout)
    opened = pipeline.opened(pipeline.leaving(report, start[0], USE, start[1]), USE)
    return {name: channel.tree for name, channel in opened.channels.items()}  # type: ignore[union-attr]


@pytest.mark.parametrize("make", [noisy, shared, noisy_quantised])
def test_each_part_has_the_variance_of_its_own_noise(make: Any) -> None:
    pipeline = make(C, 2.0, buffers="released", buffers_share=0.2, buffers_norm=OWN)
    zero = {"model": zeros(model(np.zeros(SIZE)).layout), "buffers": zeros(counted(np.zeros(SIZE), 0).layout)}
    found = pipeline.summed({name: tree.wide() for name, tree in zero.items()}, USE)
    for name, wanted in (("model", C * 2.0 / math.sqrt(0.8)), ("buffers", OWN * 2.0 / math.sqrt(0.2))):
        noise = reals(found[name])
        # five standard errors of a variance
        assert noise.var() == pytest.approx(wanted**2, rel=5 * math.sqrt(2 / SIZE))
    assert abs(np.corrcoef(reals(found["model"]), reals(found["buffers"]))[0, 1]) < 5 / math.sqrt(SIZE)
    assert int(found["buffers"]["n.batches"]) == 0


ENTRIES = st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3)


@given(ENTRIES, ENTRIES, st.floats(0.1, 50), st.floats(0.01, 0.99))
def test_no_site_moves_both_parts_further_than_one_noise_says(
    weights: list[float], own: list[float], z: float, share: float
) -> None:
    # neighbours: a site's changes, or zeros; each part in units of its noise
    pipeline = noisy(C, z, buffers="released", buffers_share=share, buffers_norm=OWN)
    found, (z_m, z_b) = sent(pipeline, weights, own), shares(z, share)
    lengths = [float(np.linalg.norm(reals(found[name]))) for name in ("model", "buffers")]
    assert math.hypot(lengths[0] / (z_m * C), lengths[1] / (z_b * OWN)) <= 1.0 / z * (1 + 1e-12)
    assert int(found["buffers"]["n.batches"]) == 0
    assert pipeline.promise is not None and pipeline.promise.noise == pytest.approx(z)


def test_a_change_within_its_bound_arrives_as_it_is_and_a_longer_one_keeps_its_direction() -> None:
    pipeline = noisy(C, 1.0, buffers="released", buffers_norm=OWN)
    short = sent(pipeline, [0.1, 0.2], [1.0, -2.0])
    assert np.array_equal(short["buffers"]["n.running_mean"], [1.0, -2.0])
    longer = sent(pipeline, [0.1, 0.2], [30.0, -40.0])["buffers"]["n.running_mean"]
    np.testing.assert_allclose(longer, [0.6 * OWN, -0.8 * OWN], rtol=1e-6)


@given(st.floats(0.2, 20), st.floats(0.01, 0.99), st.floats(0.6, 30))
def test_what_is_stated_is_what_the_parts_compose_to(z: float, share: float, counts: float) -> None:
    adaptive = noisy(
        C, z, clipping="adaptive", counts=counts * z, buffers="released", buffers_share=share
    ).promise
    tree = shared(C, z, buffers="released", buffers_share=share).promise
    assert adaptive is not None and tree is not None and tree.mechanism == "tree"
    assert adaptive.noise == pytest.approx(z) and tree.noise == pytest.approx(z)


@pytest.mark.parametrize("make", [noisy, shared])
def test_a_site_is_accounted_for_as_with_one_noise(make: Any) -> None:
    whole, parted = make(C, 3.0).promise, make(C, 3.0, buffers="released", buffers_share=0.3).promise
    one, other = (spends(each, 8, 4, 0, everybody("abcd", 8)) for each in (whole, parted))
    assert epsilon(other, 1e-5, RDP) == pytest.approx(epsilon(one, 1e-5, RDP), rel=1e-9)


def test_a_share_is_what_it_takes_of_the_inverse_squares() -> None:
    model_noise, own = shares(2.0, 0.25)
    assert own == 4.0 and model_noise**-2 + own**-2 == pytest.approx(2.0**-2)
    for share in (0.0, 1.0, -0.1, math.nan):
        with pytest.raises(ConfigError, match="'buffers_share' is"):
            shares(1.0, share)
    with pytest.raises(ConfigError, match="'buffers_norm' is"):
        noisy(buffers="released", buffers_norm=0.0)
    with pytest.raises(ConfigError, match="did you mean 'released'"):
        noisy(buffers="release")


def test_no_variance_falls_below_half_of_what_it_was() -> None:
    before = from_arrays({"n.running_var": np.array([1.0, 4.0, 0.5]), "n.running_mean": np.zeros(2)})
    found = from_arrays(
        {"n.running_var": np.array([-3.0, 1.0, 0.4]), "n.running_mean": np.array([-9.0, 9.0])}
    )
    after = usable(found, before)
    assert np.array_equal(after["n.running_var"], [0.5, 2.0, 0.4])
    assert np.array_equal(after["n.running_mean"], [-9.0, 9.0])


def test_a_simulation_draws_other_noise_for_them_than_for_a_model_alike() -> None:
    total = np.zeros(SIZE)
    alike, own = gaussian(1.0).total, statistics(gaussian(1.0), 1.0).total
    assert alike and own
    of_model, of_own = alike(total, Use(1, 1, SECRETS, 1.0)), own(total, Use(1, 1, SECRETS, 1.0))
    assert abs(np.corrcoef(of_model, of_own)[0, 1]) < 5 / math.sqrt(SIZE)
    assert np.array_equal(own(total, Use(1, 1, SECRETS, 99.0)), of_own)


def test_statistics_are_not_hidden_beside_a_model_that_is_not() -> None:
    with pytest.raises(CompositionError, match=r"put gaussian\(noise\) or tree\(noise\) before it"):
        Pipeline((statistics(gaussian(1.0), 1.0),))
