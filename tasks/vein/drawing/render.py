"""Taking a picture of a finger: one warp, one blur, the light, the sensor."""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing import outline
from isofed.tasks.vein.drawing.blurs import blur, spread
from isofed.tasks.vein.drawing.chart import absorbance, depth_inside
from isofed.tasks.vein.drawing.finger import Finger
from isofed.tasks.vein.drawing.identities import PIVOT
from isofed.tasks.vein.drawing.kernels import Kernel
from isofed.tasks.vein.drawing.pose import Points, Pose, corners, forward, matrix, upright
from isofed.tasks.vein.drawing.sensing import graded, sensed
from isofed.tasks.vein.drawing.sensors import Sensor, seen, zoom
from isofed.tasks.vein.drawing.threads import one_thread
from isofed.tasks.vein.drawing.variations import Variation
from isofed.tasks.vein.drawing.warp import nearest, sample

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Sample:
    """A picture and everything known of it; places are pixels of the picture, the middle of the first at 0.

    Attributes:
        image: (H, W) uint8.
        vein, shape: (H, W) uint8, 0 or 255: where a vessel lies, where the finger lies.
        joints: (4, 2) x and y of root, proximal and distal joint cavity, tip joint.
        box: x0, y0, x1, y1 of the axis-aligned box around the ROI, clipped to the frame.
        centre, size, angle: of the ROI box as it is turned; degrees, counter-clockwise.
        corners: (4, 2) of that box.
        variation: how it was taken.
    """

    image: Bytes = field(repr=False)
    vein: Bytes = field(repr=False)
    shape: Bytes = field(repr=False)
    joints: Points
    box: tuple[float, float, float, float]
    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float
    corners: Points
    variation: Variation


@dataclass(frozen=True)
class View:
    """Which places of the sensor a picture shows.

    Attributes:
        x, y: place of every pixel in the sensor's frame, pixels, float32: (h, w) or what widens to it.
        stretch: (2, 2): pixels of the picture (columns, rows) in a pixel of the published frame.
        quiet: factor on the noise, below 1 where several of the sensor's pixels make one.
        direct: whether it is the sensor's own frame, so that its background needs no reading between pixels.
    """

    x: Floats
    y: Floats
    stretch: Points
    quiet: float = 1.0
    direct: bool = False


def render(finger: Finger, variation: Variation, sensor: Sensor | None = None) -> Sample:
    """Take a picture with its masks and landmarks: a function of its arguments and nothing else.

    Args:
        finger: as :func:`isofed.tasks.vein.drawing.finger.identity` made it for the sensor.
        variation: how it is taken.
        sensor: the published one where none is given.
    """
    device = sensor or Sensor()
    view = whole(device)
    with one_thread():
        kernel = spread(variation, device.blur, view.stretch)
        image, covered, inside = _taken(finger, variation, device, view, kernel, True)
    joints = seen(device, forward(variation.pose, outline.joints(finger.identity)))
    centre, size, angle = roi_box(finger, variation, device)
    around = corners(np.array(centre), size, angle)
    return Sample(
        image, _mask(inside, 0.0), _mask(covered, 0.5), joints, upright(around, image.shape),
        centre, size, angle, around, variation,
    )  # fmt: skip


@lru_cache(maxsize=4)
def whole(sensor: Sensor) -> View:
    """Return the view that is the sensor's whole frame."""
    x, y = np.arange(sensor.width, dtype=np.float32), np.arange(sensor.height, dtype=np.float32)
    return View(x[None], y[:, None], np.eye(2) * zoom(sensor), direct=True)


def roi_box(
    finger: Finger, variation: Variation, sensor: Sensor
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """Return centre (x, y), size (width, height) and angle (degrees) of the ROI box on the sensor."""
    pose = variation.pose
    x, y = seen(sensor, forward(pose, np.array([PIVOT])))[0]
    scale = pose.scale * zoom(sensor)
    size = (outline.BOX * scale, outline.box_height(finger.identity) * scale)
    return (float(x), float(y)), size, pose.angle


def take(finger: Finger, variation: Variation, sensor: Sensor, view: View, kernel: Kernel | None) -> Bytes:
    """Take a picture of what ``view`` shows, blurred by ``kernel``, without masks."""
    with one_thread():
        return _taken(finger, variation, sensor, view, kernel, False)[0]


def _taken(
    finger: Finger, variation: Variation, sensor: Sensor, view: View, kernel: Kernel | None, masks: bool
) -> tuple[Bytes, Floats, Floats]:
    """Return the picture, how far its pixels are inside the finger, and their distances inside vessels."""
    linear, offset = neutral(variation.pose, sensor)
    (a, b), (c, d) = linear.astype(np.float32)
    from_x, from_y = offset.astype(np.float32)
    x, y = a * view.x + (b * view.y + from_x), c * view.x + (d * view.y + from_y)
    light, covered, inside = _shown(finger, variation.roll, x, y, masks)
    light += (1 - covered) * (finger.ground if view.direct else nearest(finger.ground, view.x, view.y))
    light = blur(light, kernel, variation.scatter.haze, view.stretch)
    light = graded(light, variation, sensor, view.x, view.y)
    return sensed(light, finger.identity.gamma, variation, sensor, view.quiet), covered, inside


def neutral(pose: Pose, sensor: Sensor) -> tuple[Points, Points]:
    """Return (M, t) with ``p = M p' + t``: from pixels of the sensor to places of the neutral finger."""
    linear, offset = matrix(pose)
    inverse = np.asarray(np.linalg.inv(linear) / zoom(sensor), np.float64)
    return inverse, np.asarray(-inverse @ seen(sensor, offset[None])[0])


def _shown(finger: Finger, roll: float, x: Floats, y: Floats, masks: bool) -> tuple[Floats, Floats, Floats]:
    """Return light, coverage and distance inside vessels at places of the neutral finger, (h, w) each."""
    column, row = x - np.float32(outline.LEFT), y - np.float32(outline.TOP)
    if roll == 0:
        planes = sample(finger.neutral if masks else finger.neutral[:2], column, row)
        return planes[0], planes[1], planes[-1]
    light, off, covered, q = sample(finger.parts, column, row)
    blood = absorbance(finger.chart, x, q, roll)
    light = light * np.exp(np.float32(-finger.identity.mu_v) * blood) + off
    return light, covered, depth_inside(finger.chart, x, q, roll) if masks else covered


def _mask(field_: Floats, above: float) -> Bytes:
    return (field_ > above).view(np.uint8) * np.uint8(255)
