"""The generator writes every layout, and what is read back shows its fingers."""

from pathlib import Path

import numpy as np
import pytest

from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.roi import render_roi
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.sensors import Sensor
from isofed.tasks.vein.layouts import crop
from isofed.tasks.vein.layouts.databases import DATABASES
from isofed.tasks.vein.layouts.drawn import drawn, note
from isofed.tasks.vein.layouts.read import open_fingers
from isofed.tasks.vein.layouts.write import Small, write_database

QUICK = ("fv_usm", "vera")
OTHERS = sorted(set(DATABASES) - set(QUICK))


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(n, marks=pytest.mark.slow) for n in OTHERS)])
def test_every_database_s_pictures_have_its_size(name: str) -> None:
    database = DATABASES[name]
    part = database.part()
    size = min(part.height, part.width), max(part.height, part.width)
    picture, _ = drawn(database)
    found = picture(0, 0, 1, size)
    assert found.shape == size and found.dtype == np.uint8 and found.std() > 5
    assert np.array_equal(found, picture(0, 0, 1, size))


def test_databases_never_share_a_finger() -> None:
    rois = [drawn(DATABASES[name])[0](0, 0, 1, (100, 300)) for name in ("thu_fvfdt", "plusvein")]
    assert not np.array_equal(*rois)


@pytest.fixture(scope="module")
def finger() -> Finger:
    """Make one finger."""
    return identity(0, 1)


@pytest.mark.parametrize("sample", [1, 6, 16, 17, 30, 70])
def test_a_cut_picture_is_the_roi_drawn_directly(finger: Finger, sample: int) -> None:
    taken = variation(0, 1, sample)
    cut = crop.annotated(render(finger, taken).image, note(finger, taken, Sensor()))
    direct = render_roi(finger, taken)
    inner = [part[5:-5, 5:-5].astype(float) for part in (cut, direct)]
    assert np.corrcoef(inner[0].ravel(), inner[1].ravel())[0, 1] > 0.99
    assert np.abs(inner[0] - inner[1]).mean() < 2.0  # the noise of both


@pytest.mark.parametrize("sample", [1, 6, 11, 16, 60])
def test_edges_find_what_the_generator_drew(finger: Finger, sample: int) -> None:
    taken = variation(0, 1, sample)
    found = crop._finger(render(finger, taken).image)
    assert found is not None and abs(found.angle - taken.pose.angle) < 2.5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fingerveinsyn", "vera"])
def test_drawn_trees_come_back_with_their_fingers_told_apart(tmp_path: Path, name: str) -> None:
    database = DATABASES[name]
    picture, annotated = drawn(database)
    write_database(tmp_path / name, database, Small(6, 2), picture, note=annotated)
    fingers = open_fingers(tmp_path / name, database)
    flat = fingers.pixels[:, 10:-10:2, 10:-10:2].reshape(len(fingers), -1).astype(float)
    tally = rules.score(flat - flat.mean(1, keepdims=True), fingers.takes, rules.open_set(fingers.takes))
    assert tally.eer()[0] < 0.4
