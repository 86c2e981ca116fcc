"""Width, density and darkness of vessels that were painted with known ones."""

import numpy as np
import pytest

from isofed.tasks.vein.realism.vessels import REACH, beside, full_width, profile, vessels

SHAPE = np.ones((200, 300), bool)


@pytest.mark.parametrize("width", [2, 3, 4, 5, 6, 8, 11])
@pytest.mark.parametrize("along", [True, False])
def test_a_straight_stroke_is_as_wide_as_it_is(width: int, along: bool) -> None:
    mask = np.zeros((200, 300), bool)
    mask[80 : 80 + width, :] = True
    if not along:
        mask = mask.T
    found = vessels(mask, np.ones(mask.shape, bool))
    assert np.median(found.widths) == width + width % 2
    assert found.length == pytest.approx(300, abs=width + 2)
    assert found.coverage == pytest.approx(width / 200)


@pytest.mark.parametrize("width", [3.0, 4.5, 6.0, 8.5])
def test_strokes_are_as_wide_as_they_are_over_all_places_and_directions(width: float) -> None:
    rng, (y, x) = np.random.default_rng(4), np.mgrid[-60:60, -60:60]
    widths = []
    for _ in range(40):
        turn, place = rng.uniform(-0.8, 0.8), rng.uniform(-0.5, 0.5)
        mask = abs((y - place) * np.cos(turn) - x * np.sin(turn)) < width / 2
        found = vessels(mask, np.ones(mask.shape, bool))
        middle = np.zeros(mask.shape, bool)
        middle[20:-20, 20:-20] = True
        widths.append(found.widths[middle[found.line]])
    assert np.concatenate(widths).mean() == pytest.approx(width, abs=0.33)


def test_vessels_on_the_way_across_and_meshes_are_counted() -> None:
    mask = np.zeros((200, 300), bool)
    for top in (0, 60, 110):
        mask[top : top + 6, 20:280] = True
    ladder = mask.copy()
    ladder[60:112, 100:105] = ladder[60:112, 200:205] = True
    assert vessels(mask, SHAPE).columns == 3
    # rungs hide the gap between two vessels
    assert vessels(ladder, SHAPE).columns == pytest.approx((3 * 250 + 2 * 10) / 260)
    joined = ladder.copy()
    joined[:, 20:25] = True
    # two meshes by two rungs and the post, and one above between the post and nothing: none
    assert vessels(joined, SHAPE).loops == 2
    none = vessels(np.zeros_like(mask), SHAPE)
    assert (none.columns, none.coverage, none.length, len(none.widths)) == (0, 0, 0, 0)


def test_the_surround_is_the_tissue_s_own_brightness() -> None:
    veins = np.zeros((200, 300), bool)
    veins[97:103] = True
    image = np.where(veins, 60, 100).astype(np.uint8)
    # the dark edge of vessels and what lies beside the finger do not count
    image[95:97] = image[103:105] = 80
    shape = SHAPE.copy()
    shape[:40] = shape[160:] = False
    image[:45], image[155:] = 7, 7
    around = beside(image, veins, shape)
    assert around[90:110] == pytest.approx(np.full((20, 300), 100), abs=0.01)
    assert np.isnan(around[0]).all()
    ratio = image / around
    found = vessels(veins, shape)
    assert ratio[found.line] == pytest.approx(np.full(int(found.line.sum()), 0.6))
    assert found.coverage == pytest.approx(6 / 120)


def test_a_profile_goes_by_the_distance_to_the_centreline() -> None:
    rows = abs(np.arange(101) - 50)
    ratio = np.repeat(np.minimum(0.6 + 0.05 * rows, 1.0)[:, None], 60, axis=1)
    line = np.zeros((101, 60), bool)
    line[50] = True
    ratio[:, 30] = np.nan
    found = profile(ratio, line)
    assert found == pytest.approx(np.minimum(0.6 + 0.05 * np.arange(REACH), 1.0))
    # from 0.6 to 1: half at 0.8, four pixels to either side
    assert full_width(found) == pytest.approx(8.0)


@pytest.mark.parametrize("std", [2.0, 3.5])
def test_the_width_of_a_gaussian_dip(std: float) -> None:
    found = 1 - 0.3 * np.exp(-((np.arange(REACH) / std) ** 2) / 2)
    assert full_width(found) == pytest.approx(2.355 * std, rel=0.03)


def test_what_is_no_dip_has_no_width() -> None:
    assert np.isnan(full_width(np.ones(REACH)))
    assert np.isnan(full_width(np.linspace(1.2, 1.0, REACH)))
    assert np.isnan(full_width(np.full(REACH, np.nan)))
