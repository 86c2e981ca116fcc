from dataclasses import replace

import numpy as np
import pytest

from isofed.tasks.reid.drawing.canvas import Canvas, band, box, disc, levels, paint
from isofed.tasks.reid.drawing.figure import Pose, paint_person
from isofed.tasks.reid.drawing.persons import BAGS, HAIR, Person, Skin, person

HEIGHT, WIDTH = 96, 48


def _canvas(*turns: float, modality: str = "visible") -> Canvas:
    n = len(turns)
    scale = np.full((n, 1, 1), 80.0, np.float32)
    column = (np.arange(WIDTH, dtype=np.float32) + 0.5 - WIDTH / 2) / 80
    row = (np.arange(HEIGHT, dtype=np.float32) + 0.5 - 8) / 80
    return Canvas(
        pixels=np.zeros((1 if modality == "infrared" else 3, n, HEIGHT, WIDTH), np.float32),
        across=np.tile(column, (n, 1, 1)),
        down=np.tile(row, (n, 1)),
        scale=scale,
        turn=np.array(turns, np.float32)[:, None],
        light=np.zeros((n, 1, 1), np.float32),
        modality=modality,
    )


def _painted(someone: Person, *turns: float, modality: str = "visible") -> np.ndarray:
    canvas = _canvas(*turns, modality=modality)
    still = np.zeros((len(turns), 1))
    paint_person(canvas, someone, Pose(still, still + 0.03, still, still + 0.1, still))
    return canvas.pixels


def test_a_box_covers_its_area_with_its_colour() -> None:
    canvas = _canvas(0.0)
    still = np.zeros((1, 1))
    paint(canvas, box(canvas, still, still + 0.125, 0.25, 0.5), np.array([0.5, 0.25, 1.0], np.float32))
    assert canvas.pixels[0].max() == pytest.approx(0.5, rel=0.01)
    assert np.count_nonzero(canvas.pixels[2] > 0.5) == 20 * 20
    assert canvas.pixels[:, :, :28].max() == 0 == canvas.pixels[:, :, 48:].max()


def test_a_band_without_rows_paints_nothing() -> None:
    canvas = _canvas(0.0)
    shape = band(canvas, np.zeros((1, 1)), np.full((1, HEIGHT), -1.0))
    paint(canvas, shape, np.ones(3, np.float32))
    assert canvas.pixels.max() == 0


def test_a_disc_is_round() -> None:
    canvas = _canvas(0.0)
    assert disc(canvas, np.zeros((1, 1)), 0.25, 0.4, 0.25).mask.sum() == pytest.approx(
        np.pi * 20**2, rel=0.02
    )


def test_levels_are_minus_one_outside() -> None:
    down = np.array([[0.0, 0.15, 0.3]])
    np.testing.assert_allclose(levels(down, [0.1, 0.2], [2.0, 4.0]), [[-1, 3, -1]])


def test_a_body_from_the_side_is_narrower() -> None:
    someone = replace(person(0, 1), bag="none", hem=0.05, lower_form="slim")
    front, side = (_painted(someone, np.pi / 2, 0.0) > 0).any(axis=0)[::-1]
    assert side.sum() < 0.8 * front.sum()


def test_a_person_stands_from_head_to_sole_and_spares_the_border() -> None:
    for number in range(40):
        painted = (_painted(person(0, number), 0.4) > 0).any(axis=0)[0]
        rows = np.flatnonzero(painted.any(axis=1))
        assert 5 <= rows[0] <= 12 and 85 <= rows[-1] <= 90
        assert not painted[:, 0].any()


@pytest.mark.parametrize("bag", [bag for bag in BAGS if bag != "none"])
def test_a_bag_changes_the_picture(bag: str) -> None:
    plain = replace(person(0, 1), bag="none")
    carried = replace(plain, bag=bag, bag_size=1.0)
    assert (np.abs(_painted(plain, 0.3) - _painted(carried, 0.3)) > 0.02).any(axis=0).sum() > 20


def test_a_backpack_is_seen_whole_from_behind_only() -> None:
    plain = replace(person(0, 1), bag="none")
    changed = (
        np.abs(_painted(plain, 0.0, np.pi) - _painted(replace(plain, bag="backpack"), 0.0, np.pi)) > 0.02
    )
    front, behind = changed.any(axis=0).sum(axis=(1, 2))
    assert behind > 1.5 * front > 0


def test_every_hair_differs_from_every_other() -> None:
    contrast = Skin((0.1, 0.9, 0.1), 0.1)
    heads = [_painted(replace(person(0, 1), hair=hair, hair_colour=contrast), 0.5) for hair in HAIR]
    for i, one in enumerate(heads):
        for other in heads[:i]:
            assert (np.abs(one - other) > 0.05).any(axis=0).sum() > 15


@pytest.mark.parametrize("survives", [True, False])
def test_a_pattern_is_seen_in_infrared_where_it_survives(survives: bool) -> None:
    someone = person(0, 1)
    stripes = replace(someone.upper, pattern="horizontal", infrared=(0.2, 0.8 if survives else 0.2))
    stripes = replace(stripes, visible=((0.1, 0.2, 0.3), (0.9, 0.8, 0.2)))
    someone = replace(someone, upper=stripes, bag="none", hair="short")
    chest = np.s_[0, 0, 28:38, WIDTH // 2]
    assert np.ptp(_painted(someone, 0.0)[chest]) > 0.5
    assert (np.ptp(_painted(someone, 0.0, modality="infrared")[chest]) > 0.4) == survives
