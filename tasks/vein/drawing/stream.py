"""Pictures without files: what feeds a training directly."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.roi import render_roi
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.sensors import Sensor


@dataclass(frozen=True)
class Rois:
    """Pictures of one finger.

    Attributes:
        finger: its number.
        samples: (n,) int64 numbers of the pictures.
        pixels: (n, 100, 300) uint8.
    """

    finger: int
    samples: NDArray[np.int64]
    pixels: NDArray[np.uint8] = field(repr=False)

    def __len__(self) -> int:
        return len(self.pixels)


def stream(
    seed: int, fingers: Iterable[int], samples: Iterable[int], sensor: Sensor | None = None
) -> Iterator[Rois]:
    """Yield the ROI pictures finger by finger, each drawn when it is asked for and held by nobody.

    Args:
        seed: of the data set.
        fingers: numbers from 0, in the wanted order; clients with disjoint numbers have disjoint fingers.
        samples: numbers of the pictures of each finger, from 1.
        sensor: the published one where none is given.

    Example:
        >>> first = next(stream(0, range(2), (1, 2)))
        >>> first.finger, first.pixels.shape
        (0, (2, 100, 300))
    """
    device, numbers = sensor or Sensor(), np.fromiter(samples, np.int64)
    for finger in fingers:
        yield rois(identity(seed, finger, device), numbers, device)


def rois(finger: Finger, samples: NDArray[np.int64], sensor: Sensor) -> Rois:
    """Draw pictures of a finger as the sensor's schedule says."""
    drawn = [
        render_roi(finger, variation(finger.seed, finger.number, int(n), sensor.schedule), sensor)
        for n in samples
    ]
    return Rois(finger.number, samples, np.stack(drawn) if drawn else np.empty((0, 100, 300), np.uint8))
