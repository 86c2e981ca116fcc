"""A picture upside down is another finger's."""

from pathlib import Path

import numpy as np
import pytest

from isofed.tasks.vein.drawing.writer import Drawing, write_fingers
from isofed.tasks.vein.layouts import opening
from isofed.tasks.vein.layouts.databases import FINGERVEINSYN
from isofed.tasks.vein.layouts.flipped import Flipped
from isofed.tasks.vein.layouts.owners import alone, seats
from isofed.tasks.vein.options import VeinOptions


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw eight fingers, three pictures of each."""
    place = tmp_path_factory.mktemp("flipped") / "data"
    write_fingers(place, 3, Drawing(fingers=8, samples=3, parts="rois"))
    return place


def test_rows_are_turned_and_nothing_else() -> None:
    whole = np.random.default_rng(0).integers(0, 256, (4, 3, 5)).astype(np.uint8)
    found, rows = Flipped(whole), np.array([2, 0, 2])
    assert (len(found), found.shape, found.dtype) == (4, (4, 3, 5), np.uint8)
    assert np.array_equal(found[rows], np.stack([np.flipud(whole[row]) for row in rows]))


def test_twice_the_fingers_and_the_second_half_upside_down(root: Path, tmp_path: Path) -> None:
    sensors = alone(FINGERVEINSYN, root)
    (pooled,) = seats(sensors, "sharing")
    plain, more = (
        opening.open_seat(pooled, tmp_path, VeinOptions(height=16, width=48, flips=flips))
        for flips in (False, True)
    )
    count = len(plain)
    assert len(more) == 2 * count and np.array_equal(more.labels[:count], plain.labels)
    assert np.array_equal(more.labels[count:], plain.labels + plain.labels.max() + 1)
    every = np.arange(count)
    assert np.array_equal(more.inputs[every], plain.inputs[every])
    assert np.array_equal(more.inputs[count + every], plain.inputs[every][:, ::-1])
    assert opening.fingers(sensors, VeinOptions(flips=True)) == 2 * opening.fingers(sensors, VeinOptions())
    assert more.domains is not None and len(more.domains) == 2 * count


def test_the_pictures_of_one_change_are_the_first_fifty(root: Path) -> None:
    found = opening.listed(alone(FINGERVEINSYN, root)[0], VeinOptions())
    (pooled,) = seats(alone(FINGERVEINSYN, root), "sharing")
    every, single = (opening.own_rows(found, pooled, VeinOptions(single=each)) for each in (False, True))
    assert set(found.takes.samples[every].tolist()) == {1, 50, 100} or len(set(every)) == len(every)
    assert 0 < len(single) < len(every)
    assert np.array_equal(single, every[found.takes.samples[every] <= 50])
