"""PyTorch's threads do NumPy's arithmetic, to the last bit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isofed import ranges
from isofed.beside import BLOCK, COUNT, Adding, exact, sum_of, threaded

NARROW = [np.float32, np.float16, np.int8, np.int64, np.bool_, np.float64]
FACTORS = st.sampled_from([1.0, 3.0, -7.0, float(COUNT), 0.1, 1 / 3, 2.0 * COUNT])


def column(rng: np.random.Generator, dtype: type) -> np.ndarray:
    spread = 10.0 ** rng.integers(-4, 5, 5) if issubclass(dtype, np.floating) else 9.0
    with np.errstate(over="ignore"):
        return np.clip(rng.standard_normal(5) * spread, -100, 100).astype(dtype)


@given(
    st.lists(FACTORS, min_size=1, max_size=4),
    st.sampled_from(NARROW),
    st.booleans(),
    st.booleans(),
    st.integers(0, 99),
)
def test_sums_have_the_bits_of_numpy(
    factors: list[float], dtype: type, apart: bool, begin: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    terms = [(factor, column(rng, dtype), column(rng, dtype)) for factor in factors]
    into = np.array([0.5, -0.25, 0.0, 1e-3, 7.0])
    wanted = np.zeros(5) if begin else into.copy()
    for factor, source, old in terms:
        held = source.astype(np.float64)
        if apart:
            held = held - old.astype(np.float64)
        wanted = wanted + (held if factor == 1.0 else held * factor)
    adding = Adding(into, [(f, s, old if apart else None) for f, s, old in terms], begin)
    adding.block(slice(0, BLOCK))
    assert into.tobytes() == wanted.tobytes()


@pytest.mark.parametrize(
    ("factor", "size", "said"),
    [(3.0, 4, True), (7, 1, True), (0.5, 4, False), (COUNT + 1.0, 4, False), (3.0, 8, False)],
)
def test_only_counts_of_narrow_numbers_are_exact(factor: float, size: int, said: bool) -> None:
    assert exact(factor, size) is said


def test_read_only_arrays_are_added_up_without_a_word() -> None:
    array = np.arange(7, dtype=np.float32)
    array.flags.writeable = False
    assert sum_of(array) == 21.0


@pytest.mark.parametrize("spoilt", [None, np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_found_by_either(
    spoilt: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.full(ranges.LARGE + 3, 3e38, np.float32)  # a sum that overflows is no finding
    if spoilt is not None:
        array[-2] = spoilt
    found = []
    for several in (True, False):
        monkeypatch.setattr(ranges, "threaded", lambda several=several: several)
        found.append(ranges.finite(array))
    assert found == [spoilt is None] * 2


def test_one_thread_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        said.append(threaded())
    assert said == [False, True]
