"""Crops: where a box lies, which way it turns, and how well the edges of a finger are found."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.vein.layouts import crop
from isofed.tasks.vein.layouts.annotation import Annotation
from isofed.tasks.vein.layouts.write import neutral

Bar = Callable[..., np.ndarray]


def alike(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of two pictures' inner parts."""
    inner = [part[10:-10, 30:-30].astype(float).ravel() for part in (a, b)]
    return float(np.corrcoef(*inner)[0, 1])


def test_an_upright_box_is_cut_and_resized() -> None:
    picture = np.zeros((300, 600), np.uint8)
    picture[100:200, 150:450] = np.arange(100, dtype=np.uint8)[:, None] + np.arange(300, dtype=np.uint8) // 4
    note = Annotation((299.5, 149.5), (300.0, 100.0))
    assert np.array_equal(crop.annotated(picture, note), picture[100:200, 150:450])


@pytest.mark.parametrize("angle", [-10.0, -4.0, 6.0, 10.0])
def test_a_turned_finger_is_turned_back(bar: Bar, angle: float) -> None:
    still, turned = bar(3, 1, (300, 600)), bar(3, 2, (300, 600), angle=angle)
    center, size = (299.5, 149.5), (420.0, 150.0)
    expected = crop.annotated(still, Annotation(center, size))
    assert alike(crop.annotated(turned, Annotation(center, size, angle)), expected) > 0.97
    assert alike(crop.annotated(turned, Annotation(center, size, -angle)), expected) < 0.8


def test_a_box_beyond_the_frame_repeats_its_edge() -> None:
    picture = np.full((300, 600), 77, np.uint8)
    assert (crop.annotated(picture, Annotation((10.0, 5.0), (60.0, 40.0))) == 77).all()


def test_without_annotation_there_is_no_annotated_crop() -> None:
    with pytest.raises(DataError, match="no annotation"):
        crop.annotated(np.zeros((3, 6), np.uint8), None)


@pytest.mark.parametrize("angle", [-9.0, -3.0, 0.0, 5.0])
@pytest.mark.parametrize("offset", [-30.0, 0.0, 25.0])
@pytest.mark.parametrize("size", [(240, 320), (380, 672), (300, 400), (300, 600)])
def test_edges_find_angle_place_and_width(
    bar: Bar, angle: float, offset: float, size: tuple[int, int]
) -> None:
    found = crop._finger(bar(5, 1, size, angle=angle, offset=offset))
    assert found is not None
    assert found.angle == pytest.approx(angle, abs=1.0)
    assert found.size[1] == pytest.approx(0.55 * size[0] * crop.INSET, rel=0.06)
    # the axis passes there: its height at the box's own column
    slope = -np.tan(np.deg2rad(angle))
    axis = (
        (size[0] - 1) / 2 + offset / np.cos(np.deg2rad(angle)) + slope * (found.center[0] - (size[1] - 1) / 2)
    )
    assert found.center[1] == pytest.approx(axis, abs=0.02 * size[0])


def test_edges_level_the_finger(bar: Bar) -> None:
    still, moved = bar(7, 1, (300, 600)), bar(7, 2, (300, 600), angle=6.0, offset=20.0)
    assert alike(crop.edges(moved), crop.edges(still)) > 0.7 > alike(crop.whole(moved), crop.whole(still))


@pytest.mark.parametrize(
    "picture",
    [
        np.full((240, 320), 90, np.uint8),
        np.random.default_rng(0).integers(0, 255, (240, 320), dtype=np.uint8),
        np.tile(np.arange(320, dtype=np.uint8), (240, 1)),
    ],
    ids=["grey", "noise", "ramp"],
)
def test_without_a_finger_the_whole_is_kept_or_something_of_it(picture: np.ndarray) -> None:
    assert crop.edges(picture).shape == (100, 300)


def test_a_grey_picture_shows_no_finger() -> None:
    grey = np.full((240, 320), 90, np.uint8)
    assert crop._finger(grey) is None


def test_portraits_are_turned_clockwise() -> None:
    portrait = np.zeros((300, 100), np.uint8)
    portrait[:150] = 200  # the upper half
    turned = crop.whole(portrait)
    assert turned.shape == (100, 300)
    assert turned[:, :140].max() == 0 and turned[:, 160:].min() == 200


def test_whole_only_resizes() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (60, 128), dtype=np.uint8)
    expected = Image.fromarray(picture).resize((300, 100), Image.Resampling.BILINEAR)
    assert np.array_equal(crop.whole(picture), np.asarray(expected))


def test_an_unmoved_finger_s_box_is_cut_out() -> None:
    picture = np.tile(np.arange(300, dtype=np.uint8)[:, None], (1, 600))
    found = crop.annotated(picture, neutral())
    assert found[0].mean() == pytest.approx(87.6, abs=1) and found[-1].mean() == pytest.approx(212.4, abs=1)
