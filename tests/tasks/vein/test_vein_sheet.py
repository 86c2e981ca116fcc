"""What is left of the seventeen checks of the task's sheet: those that need more than one module.

``pytest tests/tasks/vein -k check_07`` finds one. The others stand beside the code they are about: 1 and 2 in
benchmarks/, 3 to 12 and 17 in drawing/, 13 to 15 beside losses and model, 16 in test_vein_learning.py.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from isofed.tasks.vein.drawing.blurs import blur, spread
from isofed.tasks.vein.drawing.chart import Layer, rolled
from isofed.tasks.vein.drawing.chart import depth_inside as read_chart
from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.notes import note
from isofed.tasks.vein.drawing.outline import LEFT
from isofed.tasks.vein.drawing.raster import AROUND, PER_RADIAN
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.sensing import graded
from isofed.tasks.vein.drawing.sensors import Sensor
from isofed.tasks.vein.drawing.variations import Optical, Scatter, Variation, flags
from isofed.tasks.vein.drawing.writer import FOLDERS, TOP, Drawing, write_fingers
from isofed.tasks.vein.layouts.annotation import FLAGS, parse
from isofed.tasks.vein.layouts.databases import FINGERVEINSYN
from isofed.tasks.vein.layouts.masks import mask
from isofed.tasks.vein.layouts.read import list_files, open_fingers

SAMPLE_NAMES = {"shape_masks": "finger_shape_masks", "pattern_masks": "vein_pattern_masks"}


@pytest.fixture(scope="module")
def finger() -> Finger:
    """Return any finger."""
    return identity(12, 0)


@pytest.fixture(scope="module")
def notes(finger: Finger) -> dict[int, tuple[Variation, ElementTree.Element, bytes]]:
    """Return the circumstances and the XML of a finger's hundred pictures."""
    found = {}
    for number in range(1, 101):
        taken = render(finger, variation(12, 0, number))
        text = note(finger, taken, f"00001_{number:03d}_{taken.variation.kind}.png")
        image = ElementTree.fromstring(text).find("image")
        assert image is not None
        found[number] = taken.variation, image, text
    return found


def at_rows(layer: Layer, rows: np.ndarray) -> np.ndarray:
    """Return the places across the finger at which these rows of the chart are seen."""
    return layer.rho * np.sin((rows + 0.5) / PER_RADIAN - AROUND)


@pytest.mark.parametrize("shift", [-23, -7, 0, 4, 20])
def test_check_05_without_roll_the_texture_itself_is_shown_and_rolled_it_is_moved(
    finger: Finger, shift: int
) -> None:
    rows, columns = np.arange(70, 190), np.arange(60, 500)
    roll = float(np.rad2deg(shift / PER_RADIAN))
    for layer in finger.chart:
        q = np.broadcast_to(at_rows(layer, rows)[:, None], (len(rows), len(columns)))
        x = np.broadcast_to(columns + LEFT, q.shape)
        seen = read_chart((layer,), x.astype(np.float32), q.astype(np.float32), roll)
        # a positive roll shows what lay on the side of smaller azimuths
        moved = layer.inside[0, 70 - shift : 190 - shift, 60:500]
        assert seen == pytest.approx(moved, abs=2e-3 if shift == 0 else 5e-3)


def test_check_05_hardly_any_roll_is_hardly_any_change(finger: Finger) -> None:
    still, turned = (render(finger, Variation(roll=roll)) for roll in (0.0, 1e-6))
    assert np.mean(still.vein == turned.vein) > 0.995
    assert np.abs(still.image.astype(int) - turned.image).mean() < 0.3


def test_check_05_a_vessel_of_a_known_place_is_seen_where_the_formula_says() -> None:
    # a chart that holds nothing but one line along the finger, seen before and after a roll
    rho, radius, start, roll = 0.8, 60.0, 30.0, 20.0
    azimuths = (np.arange(2 * int(AROUND * PER_RADIAN)) + 0.5) / PER_RADIAN - AROUND
    line = 3 - np.abs(azimuths - np.arcsin(start / (rho * radius))) * rho * radius
    inside = np.repeat(line.astype(np.float32)[None, :, None], 680, 2)
    q = (np.arange(-599, 600) / 600).astype(np.float32)[:, None]
    seen = read_chart((Layer(rho, inside, inside),), np.full_like(q, 300.0), q, roll)
    assert radius * q[int(seen.argmax()), 0] == pytest.approx(rolled(start, rho, radius, roll), abs=0.2)
    assert radius * q[int(seen.argmax()), 0] == pytest.approx(41.006, abs=0.2)


@pytest.mark.parametrize(
    "scatter", [Scatter(0.7), Scatter(4.1), Scatter(4.1, flat=False), Scatter(2.0, True, 0.6)]
)
def test_check_09_scatter_keeps_the_interior_s_mean(finger: Finger, scatter: Scatter) -> None:
    light = render(finger, Variation()).image.astype(np.float32)
    view = np.eye(2)
    inner = np.s_[20:-20, 20:-20]
    # what crosses the interior's border is put back: it is no loss of the blur
    light[:60], light[-60:], light[:, :60], light[:, -60:] = 20, 20, 20, 20
    blurred = blur(light, spread(Variation(scatter=scatter), 0.0, view), scatter.haze, view)
    assert blurred[inner].mean() == pytest.approx(light[inner].mean(), rel=1e-3)
    assert blurred[inner].std() < light[inner].std()


def test_check_09_optics_change_the_mean_by_their_gain(finger: Finger) -> None:
    light = np.pad(render(finger, Variation()).image[60:-60, 60:-60].astype(np.float32), 60)
    taken, view = Variation(optical=Optical(5.5, 0.83)), np.eye(2)
    places = (
        np.arange(light.shape[1], dtype=np.float32)[None],
        np.arange(len(light), dtype=np.float32)[:, None],
    )
    found = graded(blur(light, spread(taken, 0.0, view), 1.0, view), taken, Sensor(), *places)
    assert found.mean() / light.mean() == pytest.approx(0.83, abs=1e-5)


def test_check_12_a_flag_stands_where_its_number_is_not_neutral(
    notes: dict[int, tuple[Variation, ElementTree.Element, bytes]],
) -> None:
    seen = set()
    for taken, image, _ in notes.values():
        told = {name: image.findtext(f"IntraVar/{name}") for name in FLAGS}
        assert told == {name: str(on) for name, on in expected(image).items()}
        assert {name: told[name] == "True" for name in FLAGS} == flags(taken)
        seen |= {(name, value) for name, value in told.items()}
    assert len(seen) == 2 * len(FLAGS)


def expected(image: ElementTree.Element) -> dict[str, bool]:
    """Return the flags that follow from the numbers of an XML alone."""

    def number(path: str, name: str = "") -> float:
        if not name:
            return float(image.findtext(f"IntraVar/{path}") or "nan")
        found = image.find(f"extra/{path}")
        assert found is not None
        return float(found.attrib[name])

    return {
        "IsRoll": number("roll") != 0,
        "IsShift": (number("shift/x_offset"), number("shift/y_offset")) != (0, 0),
        "IsRotate": number("rotation/angle") != 0,
        "IsScale": number("scale") not in (0, 1),
        "IsExposure": number("exposure", "A") != 0,
        "IsMotionBlur": number("motion", "length") > 1 or number("motion", "contrast") != 1,
        "IsOpticalBlur": number("optical", "radius") > 0 or number("optical", "gain") != 1,
        "IsSkinScatter": number("scatter", "std") > 0 or number("scatter", "haze") != 1,
    }


def test_check_12_the_roi_is_inside_the_frame_and_the_published_tags_are_there(
    notes: dict[int, tuple[Variation, ElementTree.Element, bytes]],
) -> None:
    for number, (taken, image, text) in notes.items():
        clipped = image.find("extra/upright")
        assert clipped is not None
        x0, y0, x1, y1 = (float(clipped.attrib[name]) for name in ("x0", "y0", "x1", "y1"))
        assert 0 <= x0 < x1 <= 599 and 0 <= y0 < y1 <= 299
        read = parse(text)
        assert (read.angle, len(read.joints)) == (pytest.approx(taken.pose.angle, abs=0.006), 4)
        assert [child.tag for child in image] == ["IntraVar", "bbox", "joint_points", "extra"]
        name = f"00001_{number:03d}_{taken.kind}.png"
        assert dict(image.attrib) == {"file": name, "mask": name, "width": "600", "height": "300"}


def test_check_12_a_written_tree_is_read_under_both_names_of_its_folders(tmp_path: Path) -> None:
    write_fingers(tmp_path / "made", 12, Drawing(fingers=1, samples=3))
    one = tmp_path / "made" / TOP
    before = open_fingers(tmp_path / "made", FINGERVEINSYN).pixels
    masks = [mask(file, "veins") for file in list_files(tmp_path / "made", FINGERVEINSYN)]
    other = tmp_path / "sample" / "FingerVeinSyn5M"
    for folder in set(FOLDERS) - {"roi_images"}:
        target = other / SAMPLE_NAMES.get(folder, folder) / "example"
        target.parent.mkdir(parents=True)
        (one / folder / "00001").rename(target)
    files = list_files(tmp_path / "sample", FINGERVEINSYN)
    assert np.array_equal(open_fingers(tmp_path / "sample", FINGERVEINSYN).pixels, before)
    assert all(np.array_equal(mask(f, "veins"), m) and m.any() for f, m in zip(files, masks, strict=True))
