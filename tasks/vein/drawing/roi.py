"""The recognition input, 100 x 300: the finger's box turned level, drawn at that size and no larger."""

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.blurs import reach, spread
from isofed.tasks.vein.drawing.finger import Finger
from isofed.tasks.vein.drawing.pose import Points, turn
from isofed.tasks.vein.drawing.render import View, roi_box, take
from isofed.tasks.vein.drawing.sensors import Sensor, zoom
from isofed.tasks.vein.drawing.variations import Variation

HEIGHT, WIDTH = 100, 300  # pixels
# of the squares of a resizing triangle's weights, for a factor s: about 2 / (3 s)
SMOOTH = 2 / 3


def render_roi(finger: Finger, variation: Variation, sensor: Sensor | None = None) -> NDArray[np.uint8]:
    """Take a picture of the ROI alone, (100, 300) uint8.

    It shows what turning the whole picture about the box's centre, cutting the box out and resizing it to
    300 x 100 shows, up to the noise; places beyond the frame repeat its border.

    Args:
        finger: as :func:`isofed.tasks.vein.drawing.finger.identity` made it for the sensor.
        variation: how it is taken.
        sensor: the published one where none is given.
    """
    device = sensor or Sensor()
    _, size, angle = roi_box(finger, variation, device)
    kernel = spread(variation, device.blur, stretch(size, angle, device))
    # a blur brings in what lies beside the ROI
    margin = reach(kernel, variation.scatter.haze, stretch(size, angle, device))
    picture = take(finger, variation, device, roi_view(finger, variation, device, margin), kernel)
    return np.ascontiguousarray(picture[margin : margin + HEIGHT, margin : margin + WIDTH])


def roi_view(finger: Finger, variation: Variation, sensor: Sensor, margin: int = 0) -> View:
    """Return the view of the ROI with ``margin`` pixels around it."""
    (x, y), (width, height), angle = roi_box(finger, variation, sensor)
    across = ((np.arange(WIDTH + 2 * margin) - margin + 0.5) / WIDTH - 0.5) * width
    down = (((np.arange(HEIGHT + 2 * margin) - margin + 0.5) / HEIGHT - 0.5) * height)[:, None]
    (a, b), (c, d) = turn(angle)
    at_x = (x + a * across).astype(np.float32) + (b * down).astype(np.float32)
    at_y = (y + c * across).astype(np.float32) + (d * down).astype(np.float32)
    np.clip(at_x, 0, sensor.width - 1, out=at_x)
    np.clip(at_y, 0, sensor.height - 1, out=at_y)
    quiet = float(np.sqrt(min(1.0, SMOOTH * WIDTH / width) * min(1.0, SMOOTH * HEIGHT / height)))
    return View(at_x, at_y, stretch((width, height), angle, sensor), quiet)


def stretch(size: tuple[float, float], angle: float, sensor: Sensor) -> Points:
    """Return the ROI's pixels (columns, rows) in a pixel of the published frame, (2, 2)."""
    shrink = np.array([[WIDTH / size[0]], [HEIGHT / size[1]]])
    return np.asarray(shrink * turn(angle).T * zoom(sensor))
