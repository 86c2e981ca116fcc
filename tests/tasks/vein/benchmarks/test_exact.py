"""Verification numbers of all scores, against the worked lists and against counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks import exact

A = (
    [0.91, 0.85, 0.80, 0.74, 0.62, 0.55, 0.48, 0.40, 0.33, 0.20],
    [0.05, 0.10, 0.15, 0.18, 0.22, 0.28, 0.31, 0.36, 0.45, 0.58],
)
B = ([0.9, 0.8, 0.7, 0.6, 0.35], [0.1, 0.2, 0.3, 0.4, 0.5, 0.15, 0.25, 0.45])
scores = st.lists(st.integers(-50, 50).map(lambda step: step / 50), min_size=1, max_size=40)


def test_check_01_the_first_worked_list() -> None:
    assert exact.eer(*A) == pytest.approx(0.2, abs=1e-12)
    assert exact.tar(*A, far=0.1) == exact.Acceptance(0.7, 0.45, False)
    assert exact.tar(*A, far=0.01) == exact.Acceptance(0.5, 0.58, False)
    found = exact.rates(*A)
    at = int(np.flatnonzero(found.thresholds == 0.40)[0])
    assert (found.far[at], found.frr[at]) == (pytest.approx(0.2), pytest.approx(0.2))


def test_check_02_the_second_worked_list() -> None:
    assert exact.eer(*B) == pytest.approx(0.225, abs=1e-12)
    assert exact.tar(*B, far=0.125).tar == pytest.approx(0.8)
    assert exact.tar(*B, far=0.125).threshold == 0.45


@given(scores, scores)
def test_the_equal_error_rate_is_that_of_trying_every_score(
    genuine: list[float], impostor: list[float]
) -> None:
    tried = []
    for t in sorted({*genuine, *impostor}):
        far = sum(s >= t for s in impostor) / len(impostor)
        frr = sum(s < t for s in genuine) / len(genuine)
        tried.append((round(abs(far - frr), 12), t, (far + frr) / 2))
    assert exact.eer(genuine, impostor) == pytest.approx(min(tried)[2], abs=1e-12)


@given(scores, scores, st.sampled_from([0.01, 0.1, 0.125, 0.5]))
def test_a_far_is_never_exceeded(genuine: list[float], impostor: list[float], far: float) -> None:
    found = exact.tar(genuine, impostor, far)
    assert sum(s > found.threshold for s in impostor) <= far * len(impostor) + 1e-9
    assert found.tar == sum(s > found.threshold for s in genuine) / len(genuine)


@pytest.mark.parametrize(("far", "impostors", "k"), [(0.1, 10, 1), (0.01, 300, 3), (0.001, 999, 0)])
def test_impostors_that_may_be_accepted(far: float, impostors: int, k: int) -> None:
    assert exact.allowed(far, impostors) == k


def test_a_far_needs_ten_impostors_beyond_it() -> None:
    assert exact.enough(0.01, 1000) and not exact.enough(0.01, 999)


def test_d_prime() -> None:
    genuine, impostor = [0.7, 0.9], [0.1, 0.3]  # means 0.8 and 0.2, both of variance 0.01
    assert exact.d_prime(genuine, impostor) == pytest.approx(6.0)
    assert exact.d_prime([0.5], [0.5]) == 0.0
    assert exact.d_prime([0.5], [0.4]) == float("inf")


@pytest.mark.parametrize("scores", [([], [0.1]), ([0.1], []), ([float("nan")], [0.1])])
def test_what_is_no_list_of_scores_is_refused(scores: tuple[list[float], list[float]]) -> None:
    with pytest.raises(DataError, match="expected at least one"):
        exact.eer(*scores)
