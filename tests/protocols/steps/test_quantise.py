import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed.errors import ConfigError, ContractError
from isofed.protocols.step import Step, Use
from isofed.protocols.steps.clip import shortened
from isofed.protocols.steps.quantise import quantise
from isofed.seeds import Secrets

BITS = st.integers(2, 16)
UPDATES = st.integers(1, 12).flatmap(
    lambda width: st.lists(
        hnp.arrays(np.float64, width, elements=st.floats(-5, 5, width=32)), min_size=1, max_size=5
    )
)


def use(site: int = 0, attempt: int = 1, bound: float = 2.0) -> Use:
    return Use(1, attempt, Secrets(bytes([site] * 32)), bound)


def sent(step: Step, update: np.ndarray, of: Use) -> np.ndarray:
    assert step.client
    return step.client(update, of)


def opened(step: Step, levels: np.ndarray, of: Use) -> np.ndarray:
    assert step.server
    return step.server(levels, of)


def spacing(bits: int, bound: float = 2.0) -> float:
    return bound / (2 ** (bits - 1) - 1)


@given(UPDATES, BITS)
def test_the_opened_sum_is_the_sum_of_clipped_updates_within_the_rounding(
    updates: list[np.ndarray], bits: int
) -> None:
    step, clipped = quantise(bits), [shortened(update, 2.0) for update in updates]
    total = sum(opened(step, sent(step, x, use(n)), use(n)) for n, x in enumerate(clipped))
    assert (np.abs(total - sum(clipped)) <= len(updates) * spacing(bits) * (1 + 1e-9)).all()


@given(BITS, st.integers(0, 255))
def test_levels_are_sent_as_small_integers_and_come_back_as_they_were(bits: int, site: int) -> None:
    step, most = quantise(bits), 2 ** (bits - 1) - 1
    levels = np.arange(-most, most + 1) * spacing(bits)
    found = sent(step, levels, use(site))
    assert found.dtype == ("uint8" if bits <= 8 else "uint16") == step.wire
    # a level may fall below or above itself by one rounding of double precision, and so to its neighbour
    np.testing.assert_allclose(opened(step, found, use()), levels, atol=1e-9, rtol=0)


def test_zero_is_a_level() -> None:
    for bits in range(2, 17):
        step = quantise(bits)
        assert not opened(step, sent(step, np.zeros(50), use()), use()).any()


def test_the_mean_of_many_roundings_is_the_entry() -> None:
    step, entry = quantise(3), np.array([-1.9, -0.7, 1e-3, 0.31, 2.0])
    drawn = np.array([opened(step, sent(step, entry, use(attempt=n)), use()) for n in range(4000)])
    # a rounding has a variance of at most s² / 4; five standard deviations of the mean of 4000
    assert (np.abs(drawn.mean(axis=0) - entry) < 5 * spacing(3) / 2 / np.sqrt(4000)).all()
    assert len(np.unique(drawn[:, 0])) == 2


def test_an_attempt_is_rounded_alike_and_the_next_one_anew() -> None:
    step, entry = quantise(8), np.linspace(-1, 1, 200)
    assert np.array_equal(sent(step, entry, use()), sent(step, entry, use()))
    for other in (use(attempt=2), use(site=1)):
        assert not np.array_equal(sent(step, entry, use()), sent(step, entry, other))


def test_a_level_that_no_site_sends_is_refused() -> None:
    with pytest.raises(ContractError, match="an update holds a level above 254, the highest of 8 bits"):
        opened(quantise(8), np.array([255], np.uint8), use())


@pytest.mark.parametrize("bits", [0, 1, 17])
def test_bits_out_of_range_are_refused(bits: int) -> None:
    with pytest.raises(ConfigError, match=f"'bits' is {bits}, but must lie between 2 and 16"):
        quantise(bits)
