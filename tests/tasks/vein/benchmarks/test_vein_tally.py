"""Histograms against the exact numbers within the stated bound, and what merging must keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks import exact
from isofed.tasks.vein.benchmarks import tally as tallies
from isofed.tasks.vein.benchmarks.tally import Tally, empty, from_scalars, tally


def of(genuine: np.ndarray, impostor: np.ndarray) -> Tally:
    """Tally two lists."""
    same = np.repeat([True, False], [len(genuine), len(impostor)])
    return tally(np.concatenate([genuine, impostor]), same)


def drawn(seed: int, genuine: int = 300, impostor: int = 2000, spread: float = 0.2) -> tuple[np.ndarray, ...]:
    """Draw scores of two kinds that overlap."""
    rng = np.random.default_rng(seed)
    return rng.normal(0.4, spread, genuine).clip(-1, 1), rng.normal(0, spread, impostor).clip(-1, 1)


grids = st.lists(st.integers(-4096, 4096).map(lambda step: step / 4096), min_size=1, max_size=30)


@given(grids, grids)
def test_the_bin_error_is_a_bound(genuine: list[float], impostor: list[float]) -> None:
    found = of(np.array(genuine), np.array(impostor))
    value, bound = found.eer()
    assert abs(value - exact.eer(genuine, impostor)) <= bound + 1e-12
    for far in (0.01, 0.1, 0.5):
        value, bound = found.tar(far)
        assert abs(value - exact.tar(genuine, impostor, far).tar) <= bound + 1e-12


@pytest.mark.parametrize("spread", [0.2, 0.0005])
def test_the_bound_holds_where_all_scores_share_few_bins(spread: float) -> None:
    for seed in range(20):
        genuine, impostor = drawn(seed, spread=spread)
        lists = (genuine - 0.4, impostor) if spread < 0.01 else (genuine, impostor)
        value, bound = of(*lists).eer()
        assert abs(value - exact.eer(*lists)) <= bound + 1e-12


def test_the_bound_is_small_where_scores_spread() -> None:
    assert max(of(*drawn(seed)).eer()[1] for seed in range(10)) < 0.003


def test_where_an_edge_is_hit_the_number_is_exact() -> None:
    genuine, impostor = np.array([0.75, 0.25]), np.array([-0.5, 0.5])
    assert of(genuine, impostor).eer() == (0.5, 0.0)
    assert exact.eer(genuine, impostor) == 0.5


def test_rates_at_the_edges_are_exact() -> None:
    genuine, impostor = drawn(1)
    found = of(genuine, impostor).rates()
    for at in range(0, tallies.BINS + 1, 97):
        edge = found.thresholds[at]
        assert found.far[at] == pytest.approx((impostor >= edge).mean(), abs=1e-12)
        assert found.frr[at] == pytest.approx((genuine < edge).mean(), abs=1e-12)


def test_a_score_beside_an_edge_stays_on_its_side() -> None:
    counts = tally(np.array([-1e-30, 0.0, 1.0, -1.0], np.float64), np.array([True] * 4)).counts[1]
    assert np.flatnonzero(counts).tolist() == [0, tallies.BINS // 2 - 1, tallies.BINS // 2, tallies.BINS - 1]


def test_d_prime_follows_from_the_sums() -> None:
    genuine, impostor = drawn(2)
    assert of(genuine, impostor).d_prime() == pytest.approx(exact.d_prime(genuine, impostor), rel=1e-5)


@given(st.integers(0, 10), st.integers(1, 299), st.integers(1, 1999))
def test_a_sum_is_the_tally_of_the_union_to_the_last_bit(seed: int, g: int, i: int) -> None:
    genuine, impostor = drawn(seed)
    parts = of(genuine[:g], impostor[:i]), of(genuine[g:], impostor[i:])
    whole = of(genuine, impostor).to_scalars()
    assert (parts[0] + parts[1]).to_scalars() == whole == (parts[1] + parts[0]).to_scalars()


def test_scalars_come_back_also_when_added_by_name() -> None:
    one, two = of(*drawn(3)), of(*drawn(4))
    added = dict(one.to_scalars())
    for name, value in two.to_scalars().items():
        added[name] = added.get(name, 0.0) + value
    assert from_scalars(added).result() == (one + two).result()


def test_a_result_names_what_may_be_told() -> None:
    found = of(*drawn(5)).result()
    assert set(found) == {"EER", "EER error", "TAR@1e-2", "TAR@1e-2 error", "d'"}
    assert found["EER"] < 0.25


@pytest.mark.parametrize(
    "change",
    [{"genuine.0001": 0.5}, {"genuine.0001": -1.0}, {"genuine.9999": 1.0}, {"score": 1.0}],
)
def test_scalars_that_are_no_tally_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(DataError, match="tally of scores"):
        from_scalars({**of(*drawn(6)).to_scalars(), **change})


def test_missing_sums_are_refused() -> None:
    with pytest.raises(DataError, match="tally of scores"):
        from_scalars({})


def test_nothing_to_compare_is_said() -> None:
    with pytest.raises(DataError, match="0 comparisons of one finger and 0 of two"):
        empty().eer()


def test_a_model_that_diverged_is_said() -> None:
    with pytest.raises(DataError, match="not finite"):
        tally(np.array([np.nan]), np.array([True]))
