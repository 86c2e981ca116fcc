from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.tasks.vein.drawing.schedule import MIXED, PUBLISHED, spread_over, variation
from isofed.tasks.vein.drawing.variations import flags

COUNTS = {
    "Shift": 5, "Rotate": 11, "Scale": 5, "Roll": 9, "OpticalBlur": 5, "MotionBlur": 5, "Exposure": 5,
    "SkinScatter": 5, "Multi": 50,
}  # fmt: skip


def test_check_12_a_finger_has_the_published_hundred_in_order() -> None:
    taken = [variation(0, 3, j) for j in range(1, 101)]
    kinds = [each.kind for each in taken]
    assert Counter(kinds) == COUNTS
    assert list(dict.fromkeys(kinds)) == list(COUNTS)
    assert [t.pose.dy for t in taken[:5]] == [-30, -15, 0, 15, 30]
    assert [t.pose.angle for t in taken[5:16]] == list(range(-10, 11, 2))
    assert [t.pose.dx for t in taken[5:16]] == [-30, -24, -18, -12, -6, 0, -6, -12, -18, -24, -30]
    assert [t.pose.scale for t in taken[16:21]] == [0.90, 0.95, 1.05, 1.10, 1.15]
    assert [t.roll for t in taken[21:30]] == list(range(-20, 21, 5))


def test_single_factors_change_one_thing() -> None:
    own = {
        "Shift": "IsShift", "Scale": "IsScale", "Roll": "IsRoll", "OpticalBlur": "IsOpticalBlur",
        "MotionBlur": "IsMotionBlur", "Exposure": "IsExposure", "SkinScatter": "IsSkinScatter",
    }  # fmt: skip
    for j in range(1, 51):
        taken = variation(1, 2, j)
        on = {name for name, value in flags(taken).items() if value}
        allowed = {"IsRotate", "IsShift"} if taken.kind == "Rotate" else {own[taken.kind]}
        assert on <= allowed


def test_mixtures_have_the_measured_chances() -> None:
    names = {
        "shift": "IsShift", "rotate": "IsRotate", "scale": "IsScale", "roll": "IsRoll",
        "exposure": "IsExposure", "motion": "IsMotionBlur", "optical": "IsOpticalBlur",
        "scatter": "IsSkinScatter",
    }  # fmt: skip
    drawn = [flags(variation(0, finger, j)) for finger in range(40) for j in range(51, 101)]
    for factor, chance in MIXED.items():
        share = sum(each[names[factor]] for each in drawn) / len(drawn)
        # at least one factor acts, which lifts all chances a little
        assert chance - 0.04 < share < chance + 0.06, factor
    assert {sum(each.values()) for each in drawn} == set(range(1, 7))


def test_mixtures_keep_to_their_ranges() -> None:
    for j in range(51, 400):
        taken = variation(5, 0, j)
        assert abs(taken.pose.angle) <= 8.2 and abs(taken.pose.dy) <= 29 and abs(taken.roll) <= 19.3
        assert -20 <= taken.pose.dx <= 0 and 0.90 <= taken.pose.scale <= 1.09
        assert taken.motion.length % 2 == 1 and 1 <= taken.motion.length <= 15


@given(st.integers(), st.integers(0, 10**6), st.integers(1, 200))
def test_an_image_is_a_function_of_seed_finger_and_number(seed: int, finger: int, sample: int) -> None:
    assert variation(seed, finger, sample) == variation(seed, finger, sample)
    assert variation(seed, finger, sample).noise != variation(seed, finger + 1, sample).noise
    assert variation(seed, finger, sample).noise != variation(seed, finger, sample + 1).noise


def test_released_motion_takes_contrast_and_smears_nothing() -> None:
    motion = variation(0, 0, 36, replace(PUBLISHED, released_motion=True)).motion
    assert motion.length == 1 and 0.4 <= motion.contrast <= 0.8


def test_samples_are_numbered_from_one() -> None:
    with pytest.raises(ConfigError, match="numbered from 1"):
        variation(0, 0, 0)


@given(st.integers(1, 300))
def test_few_samples_are_spread_over_the_schedule(samples: int) -> None:
    numbers = spread_over(samples)
    assert len(set(numbers)) == samples and list(numbers) == sorted(numbers)
    assert numbers[0] >= 1 and numbers[-1] <= max(100, samples)


def test_twenty_samples_show_all_kinds() -> None:
    assert {variation(0, 0, j).kind for j in spread_over(20)} == set(COUNTS)
