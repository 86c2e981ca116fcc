import numpy as np
import pytest
import torch

from isofed.tasks.vein.drawing import outline
from isofed.tasks.vein.drawing.chart import rolled
from isofed.tasks.vein.drawing.fields import gaussians
from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.notes import annotation
from isofed.tasks.vein.drawing.pose import forward
from isofed.tasks.vein.drawing.render import Sample, render
from isofed.tasks.vein.drawing.roi import render_roi
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.stream import stream
from isofed.tasks.vein.drawing.variations import Variation
from isofed.tasks.vein.drawing.warp import sample
from isofed.tasks.vein.layouts.crop import annotated

# one image of every kind, and mixtures
EACH = (1, 5, 7, 16, 17, 21, 22, 30, 33, 38, 43, 48, 52, 55, 58, 61)
# least overlap: whole pixels are moved by parts of a pixel, and vessels of two depths roll as of one
UNMOVED, MOVED, ROLLED = 0.999, 0.88, 0.70


@pytest.fixture(scope="module")
def fingers() -> list[Finger]:
    """Return some fingers."""
    return [identity(13, number) for number in range(3)]


def overlap(finger: Finger, taken: Sample) -> float:
    """Return the overlap of the neutral mask and the picture's mask warped back, where both can be seen."""
    y, x = np.mgrid[0:300, 0:600].astype(float)
    column = np.arange(600) - outline.LEFT
    axis, radius = finger.shape.axis[column], finger.identity.rho * finger.shape.radius[column]
    across = np.clip((y - axis) / radius, -1, 1)
    there = np.arcsin(across) + np.deg2rad(taken.variation.roll)
    moved = np.stack([x.ravel(), (axis + radius * np.sin(there)).ravel()], axis=1)
    at = forward(taken.variation.pose, moved).T.reshape(2, 300, 600)
    seen = (np.abs(across) < 0.9) & (np.abs(there) < 1.2)
    seen &= (at[0] > 1) & (at[0] < 598) & (at[1] > 1) & (at[1] < 298)
    mask = (taken.vein / 255).astype(np.float32)[None]
    warped = sample(mask, at[0].astype(np.float32), at[1].astype(np.float32))[0] > 0.5
    neutral = render(finger, Variation()).vein > 0
    return float((warped & neutral & seen).sum() / ((warped | neutral) & seen).sum())


@pytest.mark.parametrize("number", EACH)
def test_a_mask_warped_back_lands_on_the_neutral_one(fingers: list[Finger], number: int) -> None:
    taken = variation(13, 0, number)
    least = ROLLED if taken.roll else UNMOVED if taken.pose == Variation().pose else MOVED
    assert overlap(fingers[0], render(fingers[0], taken)) > least


@pytest.mark.parametrize("number", EACH)
def test_check_07_the_mask_lies_on_the_veins_that_are_seen(fingers: list[Finger], number: int) -> None:
    taken = render(fingers[1], variation(13, 1, number))
    image = taken.image.astype(np.float32)
    dark = gaussians(image, ((8, 8),))[0] - image
    inner = np.s_[20:-20, 20:-60]
    finger = (gaussians((taken.shape > 0).astype(np.float32), ((5, 5),))[0] > 0.999)[inner]
    found = {}
    for dy in range(-4, 5):
        for dx in range(-4, 5):
            mask = np.roll(taken.vein, (dy, dx), (0, 1))[inner][finger]
            found[dy, dx] = np.corrcoef(mask, dark[inner][finger])[0, 1]
    best = max(found, key=lambda at: found[at])
    assert max(abs(best[0]), abs(best[1])) <= 1
    assert found[best] > 0.1


@pytest.mark.parametrize("number", EACH)
def test_the_shape_s_mask_and_the_landmarks_follow_the_pose(fingers: list[Finger], number: int) -> None:
    finger, taken = fingers[2], render(fingers[2], variation(13, 2, number))
    pose = taken.variation.pose
    assert taken.joints == pytest.approx(forward(pose, outline.joints(finger.identity)))
    assert np.array(taken.centre) == pytest.approx(forward(pose, np.array([[239.0, 150.0]]))[0])
    assert taken.size == pytest.approx((478 * pose.scale, outline.box_height(finger.identity) * pose.scale))
    # just inside the finger's end, and just outside
    x = finger.identity.tip + np.array([-4.0, 4.0])
    ends = np.stack([x, outline.axis(finger.identity, x.astype(np.float32)).astype(float)], axis=1)
    (a, b), (c, d) = np.rint(forward(pose, ends)).astype(int)
    assert a >= 600 or taken.shape[b, a] == 255
    assert c >= 600 or taken.shape[d, c] == 0


@pytest.mark.parametrize("roll", [-20.0, 20.0])
def test_check_05_roll_leaves_the_outline(fingers: list[Finger], roll: float) -> None:
    still, turned = (render(fingers[0], Variation(roll=r)) for r in (0.0, roll))
    assert np.array_equal(still.shape, turned.shape)
    assert not np.array_equal(still.vein, turned.vein)


def test_roll_moves_the_middle_s_veins_by_the_formula(fingers: list[Finger]) -> None:
    finger, roll = fingers[0], 10.0
    still, turned = (render(finger, Variation(roll=r)).vein[:, 100:400] > 0 for r in (0.0, roll))
    columns = np.arange(100, 400) - outline.LEFT
    radius = float(np.median(finger.shape.radius[columns]))
    expected = rolled(0.0, finger.identity.rho, radius, roll)
    middle = np.s_[120:180]
    shifts = range(0, 20)
    agreed = [(still[middle] & np.roll(turned, -s, 0)[middle]).sum() for s in shifts]
    assert abs(shifts[int(np.argmax(agreed))] - expected) <= 2


@pytest.mark.slow
def test_check_11_neutral_pictures_look_as_measured(fingers: list[Finger]) -> None:
    more = [*fingers, *(identity(13, number) for number in range(3, 24))]
    looks = np.array([look(finger) for finger in more])
    mean, ground, veins, glow = looks.T
    assert ((mean > 55) & (mean < 75)).all()
    assert ((ground > 12) & (ground < 25)).all()
    assert ((veins > 0.75) & (veins < 0.92)).all()
    # patches of the tissue lie on joints too: a few fingers are beyond the band of the glow
    assert np.mean((glow > 1.6) & (glow < 3.0)) >= 0.85 and glow.min() > 1.25 and glow.max() < 3.2


def look(finger: Finger) -> tuple[float, float, float, float]:
    """Return the mean of finger and background, vein over surround, and the joints' glow."""
    taken = render(finger, Variation())
    image, vein, shape = taken.image.astype(np.float32), taken.vein > 0, taken.shape > 0
    wide = gaussians(vein.astype(np.float32), ((2, 2),))[0]
    beside = ((wide < 0.02) & shape).astype(np.float32)
    amount, weight = gaussians(image * beside, ((8, 8),))[0], gaussians(beside, ((8, 8),))[0]
    # the middles of vessels, which run along the rows mostly
    above, below = (np.roll(wide, s, 0) for s in (2, -2))
    core = vein & (wide > above) & (wide > below) & (weight > 0.05)
    core[:, :60] = False
    ratio = float(np.median(image[core] / (amount[core] / weight[core])))
    return float(image[shape].mean()), float(image[~shape].mean()), ratio, glow_of(finger, image)


def glow_of(finger: Finger, image: np.ndarray) -> float:
    """Return how much brighter the joints are than the mean of what lies between and before them."""
    axis = finger.shape.axis[-outline.LEFT : -outline.LEFT + 600]
    rows = np.rint(axis + np.arange(-8, 9)[:, None]).astype(int)
    line = image[rows, np.arange(600)].mean(0)
    first, second = (round(600 * j) for j in (finger.identity.j1, finger.identity.j2))
    bright = line[[*range(first - 15, first + 15), *range(second - 15, second + 15)]].mean()
    between = line[(first + second) // 2 - 12 : (first + second) // 2 + 12].mean()
    return float(2 * bright / (between + line[80:110].mean()))


def test_an_image_is_drawn_alike_whatever_came_before(fingers: list[Finger]) -> None:
    first = render(fingers[0], variation(13, 0, 60))
    render(fingers[1], variation(13, 1, 30))
    again = render(identity(13, 0), variation(13, 0, 60))
    assert np.array_equal(first.image, again.image) and np.array_equal(first.vein, again.vein)


def test_the_number_of_threads_changes_nothing_and_stays(fingers: list[Finger]) -> None:
    before = torch.get_num_threads()
    try:
        pictures = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            pictures.append(render(identity(13, 0), variation(13, 0, 60)).image)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(*pictures)


@pytest.mark.parametrize("number", EACH)
def test_an_roi_shows_what_cutting_it_out_shows(fingers: list[Finger], number: int) -> None:
    taken = render(fingers[0], variation(13, 0, number))
    cut = annotated(taken.image, annotation(taken)).astype(float)
    drawn = render_roi(fingers[0], taken.variation).astype(float)
    assert np.corrcoef(cut.ravel(), drawn.ravel())[0, 1] > 0.98
    assert drawn.mean() == pytest.approx(cut.mean(), abs=1.5)
    assert drawn.std() == pytest.approx(cut.std(), abs=1.0)


def test_a_stream_gives_each_finger_s_rois() -> None:
    got = list(stream(13, (2, 0), (7, 52)))
    assert [each.finger for each in got] == [2, 0]
    assert all(each.pixels.shape == (2, 100, 300) and each.pixels.dtype == np.uint8 for each in got)
    assert np.array_equal(got[1].pixels[1], render_roi(identity(13, 0), variation(13, 0, 52)))
