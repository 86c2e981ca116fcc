import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.schedule import factor, peak, stairs
from isofed.tasks.reid.train import rate


@pytest.mark.parametrize(
    ("t", "rounds", "expected"),
    [
        (0, 50, 2e-5), (1, 50, 0.012519), (8, 50, 0.10001), (16, 50, 0.2), (33, 50, 0.1), (49, 50, 0.005882),
        (50, 50, 0.0), (23, 30, 0.1), (29, 30, 0.014286),
    ],
)  # fmt: skip
def test_rates_of_the_paper(t: float, rounds: int, expected: float) -> None:
    assert 0.2 * factor(t, 16, rounds) == pytest.approx(expected, abs=5e-7)
    assert 0.2 * rate(t, rounds, ReidOptions(peak_round=16)) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize("rounds", [30, 50, 100])
def test_a_fixed_peak_stays_where_it_is(rounds: int) -> None:
    assert rate(16, rounds, ReidOptions(peak_round=16, warmup=0.5)) == 1
    assert rate(15, rounds, ReidOptions(peak_round=16)) < 1 > rate(17, rounds, ReidOptions(peak_round=16))


def test_without_a_fixed_peak_it_is_at_a_share_of_the_run() -> None:
    assert peak(0, 0.35, 20) == 7
    assert rate(10, 20, ReidOptions(warmup=0.5)) == 1


@pytest.mark.parametrize("rounds", [10, 16])
def test_a_run_that_ends_before_its_peak_is_refused(rounds: int) -> None:
    with pytest.raises(ConfigError, match=rf"'peak_round' is 16, but the run has {rounds} rounds"):
        rate(0, rounds, ReidOptions(peak_round=16))


def test_steps_lie_on_a_line_within_a_round() -> None:
    assert factor(3.5, 16, 50) == pytest.approx((factor(3, 16, 50) + factor(4, 16, 50)) / 2)


@given(st.floats(0, 200), st.integers(1, 100), st.floats(0, 0.99))
def test_a_share_between_0_and_1_with_its_peak_at_the_warmup(t: float, rounds: int, share: float) -> None:
    assert 0 <= factor(t, share * rounds, rounds) <= 1
    assert factor(share * rounds, share * rounds, rounds) == 1


def test_a_late_step_never_goes_below_zero() -> None:
    assert factor(51, 16, 50) == 0


def test_stairs_of_the_entity_sharing_baselines() -> None:
    shown = {
        0: 0.1,
        0.99: 0.1,
        1: 0.2,
        8.5: 0.9,
        9: 1,
        10: 1,
        19.999: 1,
        20: 0.1,
        29.9: 0.1,
        49: 0.1,
        50: 0.01,
    }
    options = ReidOptions(schedule="stairs")
    for done, share in {**shown, 99: 0.01}.items():
        assert stairs(done) == share == rate(done, 30, options), done
    assert rate(5, 30, ReidOptions()) != stairs(5)


@pytest.mark.parametrize(("t", "warmup"), [(-1, 1), (0, 20), (0, 21), (0, -1)])
def test_impossible_numbers_are_refused(t: float, warmup: float) -> None:
    with pytest.raises(ConfigError, match="warmup"):
        factor(t, warmup, 20)
