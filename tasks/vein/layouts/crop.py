"""Cutting the finger out: whatever a database holds becomes 100 rows and 300 columns, the finger along them.

``annotated``   turned back about the centre of its published box and cut out, as FingerVeinSyn-5M says
``edges``       the finger's two edges are found, and the box between them is cut out: for raw pictures
``whole``       already cut out by the database; only resized

Portrait pictures are turned by a quarter first, clockwise, so that the first row becomes the last column.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.vein.layouts.annotation import Annotation

HEIGHT, WIDTH = 100, 300  # of what is cut out, pixels
MARGIN = 64  # pixels repeated beyond the frame, where a box reaches over it
SEARCHED = 160  # columns of the picture in which edges are looked for
WEAK = 0.3  # of the median edge: columns below it show no finger
STEEPEST = 25.0  # degrees; more is no finger laid on a sensor
NARROWEST = 0.2  # of the picture's height
INSET = 0.95  # of the width between the edges that is kept
Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]
Line = tuple[float, float]  # slope, and height at column 0
Crop = Callable[[Picture, Annotation | None], Picture]


def annotated(picture: Picture, note: Annotation | None) -> Picture:
    """Cut out the annotated box, turned back by the annotated angle about its centre.

    A box point (u, v) from the centre lies at ``c + (u cos a + v sin a, -u sin a + v cos a)``.

    Args:
        picture: (H, W) uint8.
        note: with the box; the size of the box becomes the whole of what is returned.

    Raises:
        DataError: there is no annotation.
    """
    if note is None:
        raise DataError("a picture has no annotation; expected the XML of the same name: restore it")
    (width, height), turn = note.size, np.deg2rad(note.angle)
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    # the middle of pixel 0 is at 0 in an annotation and at 0.5 for the image library
    x, y = (value + 0.5 + MARGIN for value in note.center)
    corner = (x - cos * width / 2 - sin * height / 2, y + sin * width / 2 - cos * height / 2)
    shape = max(1, round(width)), max(1, round(height))
    sx, sy = width / shape[0], height / shape[1]
    matrix = (cos * sx, sin * sy, corner[0], -sin * sx, cos * sy, corner[1])
    framed = Image.fromarray(np.pad(picture, MARGIN, mode="edge"))
    box = framed.transform(shape, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return _resized(box)


def edges(picture: Picture, note: Annotation | None = None) -> Picture:
    """Find the finger by its edges, and cut out the box between them, level; without a finger, the whole.

    The finger is brighter than what is above and below it. In each column of a smoothed small copy the
    steepest rise above the middle and the steepest fall below it are taken; a straight line through each,
    fitted without outliers, gives the axis and the width.

    Args:
        picture: (H, W) uint8.
        note: not looked at.

    Differs from mask-based methods (Lee et al. 2009) in fitting straight edges, which needs no mask.
    """
    level = landscape(picture)
    found = _finger(level)
    return annotated(level, found) if found else whole(level)


def whole(picture: Picture, note: Annotation | None = None) -> Picture:
    """Resize a picture that the database has cut out."""
    return _resized(Image.fromarray(landscape(picture)))


CROPS: dict[str, Crop] = {"annotated": annotated, "edges": edges, "whole": whole}


def landscape(picture: Picture) -> Picture:
    """Turn a portrait picture by a quarter, clockwise."""
    return np.ascontiguousarray(np.rot90(picture, -1)) if picture.shape[0] > picture.shape[1] else picture


def resized(finger: Picture, size: tuple[int, int]) -> Picture:
    """Return a finger that was cut out with other rows and columns, every pixel of it counted."""
    if finger.shape == size:
        return finger
    return np.asarray(Image.fromarray(finger).resize(size[::-1], Image.Resampling.BILINEAR))


def _resized(image: Image.Image) -> Picture:
    return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))


def _finger(picture: Picture) -> Annotation | None:
    """Return the box of the finger, or None where none is seen."""
    factor = picture.shape[1] / SEARCHED
    rows = max(8, round(picture.shape[0] / factor))
    small = Image.fromarray(picture).resize((SEARCHED, rows), Image.Resampling.BOX)
    steps = _steps(np.asarray(small, np.float64))
    upper, rise = steps[: rows // 2].argmax(0), steps[: rows // 2].max(0)
    lower, fall = rows // 2 + steps[rows // 2 :].argmin(0), -steps[rows // 2 :].min(0)
    shown = np.flatnonzero((rise > WEAK * np.median(rise)) & (fall > WEAK * np.median(fall)))
    if len(shown) < SEARCHED // 3 or min(np.median(rise), np.median(fall)) <= 1.0:
        return None
    lines = [_line(shown, edge[shown].astype(np.float64)) for edge in (upper, lower)]
    return _box(lines, (int(shown[0]), int(shown[-1])), rows, factor)


def _box(lines: list[Line], span: tuple[int, int], rows: int, factor: float) -> Annotation | None:
    """Return the box between two lines over a span of columns."""
    middle = (span[0] + span[1]) / 2
    slope = (lines[0][0] + lines[1][0]) / 2
    top, bottom = (a * middle + b for a, b in lines)
    angle = -float(np.rad2deg(np.arctan(slope)))
    if bottom - top < NARROWEST * rows or abs(angle) > STEEPEST:
        return None
    cos = float(np.cos(np.arctan(slope)))
    size = ((span[1] - span[0] + 1) / cos * factor, (bottom - top) * cos * INSET * factor)
    return Annotation(((middle + 0.5) * factor - 0.5, (top + bottom) / 2 * factor), size, angle)


def _steps(picture: Floats) -> Floats:
    """Return how much brighter it is below each row than above, smoothed along the rows: (H, W)."""
    reach = max(2, picture.shape[0] // 20)
    sums = np.cumsum(np.pad(picture, ((reach + 1, reach), (0, 0)), mode="edge"), axis=0)
    rows = picture.shape[0]
    middle = sums[reach : reach + rows]
    steps = (sums[2 * reach : 2 * reach + rows] - 2 * middle + sums[:rows]) / reach
    wide = picture.shape[1] // 24
    along = np.cumsum(np.pad(steps, ((0, 0), (wide + 1, wide)), mode="edge"), axis=1)
    smoothed: Floats = (along[:, 2 * wide + 1 :] - along[:, : -2 * wide - 1]) / (2 * wide + 1)
    return smoothed


def _line(columns: NDArray[np.int64], heights: Floats) -> Line:
    """Fit a straight line, three times, each time without what lies far off the last one."""
    kept = np.ones(len(columns), bool)
    slope, start = 0.0, float(np.median(heights))
    for _ in range(3):
        off = np.abs(heights - slope * columns - start)
        kept = off <= 2.5 * np.median(off) + 1.0
        slope, start = np.polyfit(columns[kept], heights[kept], 1).tolist()
    return slope, start
