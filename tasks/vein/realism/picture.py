"""A picture of a finger with its masks, published or drawn here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.sensors import Sensor
from isofed.tasks.vein.drawing.variations import KINDS
from isofed.tasks.vein.layouts.databases import FINGERVEINSYN
from isofed.tasks.vein.layouts.masks import mask
from isofed.tasks.vein.layouts.pictures import Shot, VeinFile, read
from isofed.tasks.vein.layouts.read import list_files, refuse_empty

KIND = re.compile(r"_([A-Za-z]+)\.[a-z]+$")


@dataclass(frozen=True)
class Picture:
    """One picture.

    Attributes:
        finger: its number.
        sample: the picture's number in the published schedule, from 1.
        kind: what was varied, one of KINDS.
        image: (H, W) uint8.
        shape, veins: (H, W) bool: where the finger lies, where vessels lie.
        centre: (x, y) of the ROI box, pixels.
    """

    finger: int
    sample: int
    kind: str
    image: NDArray[np.uint8] = field(repr=False)
    shape: NDArray[np.bool_] = field(repr=False)
    veins: NDArray[np.bool_] = field(repr=False)
    centre: tuple[float, float]


def published(files: Sequence[VeinFile]) -> Iterator[Picture]:
    """Read pictures of FingerVeinSyn-5M with their masks and boxes.

    Raises:
        DataError: one cannot be read, or lacks its masks or its box.
    """
    for file in files:
        shot = read(file)
        if not isinstance(shot, Shot) or shot.note is None:
            raise DataError(
                f"a picture of {FINGERVEINSYN.title} cannot be read; expected {shot}: copy it again"
            )
        shape, veins = mask(file, "shape"), mask(file, "veins")
        if not (shape.any() and veins.any()):
            raise DataError("a mask shows nothing; expected a finger and its veins: copy the folder again")
        yield Picture(
            file.take.subject, file.take.sample, kind(file), shot.pixels, shape, veins, shot.note.center
        )


def find(root: Path, most: int) -> tuple[VeinFile, ...]:
    """Return the pictures below ``root`` that are looked at: at most so many, spread over all.

    Args:
        root: a tree of FingerVeinSyn-5M, under either of its two sets of folder names.
        most: pictures, 1 on.

    Raises:
        DataError: there is no such folder, or no picture in it; empty files.
    """
    files = list_files(root, FINGERVEINSYN, shown=f"'{root}'")
    chosen = np.unique(np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int))
    refuse_empty(files, FINGERVEINSYN)
    return tuple(files[n] for n in chosen)


def kind(file: VeinFile) -> str:
    """Return what a published picture's name says was varied.

    Raises:
        DataError: it says nothing that is known.
    """
    said = KIND.search(file.path.name)
    if said is None or said[1] not in KINDS:
        raise DataError(
            f"a picture's name does not say what was varied; expected {', '.join(KINDS)} at its end"
        )
    return said[1]


def drawn(seed: int, takes: Sequence[tuple[int, int]], sensor: Sensor) -> Iterator[Picture]:
    """Draw pictures.

    Args:
        seed: of the fingers.
        takes: (finger, sample) each, those of a finger one after the other.
        sensor: what takes them.
    """
    finger = None
    for number, sample in takes:
        if finger is None or finger.number != number:
            finger = identity(seed, number, sensor)
        taken = render(finger, variation(seed, number, sample, sensor.schedule), sensor)
        yield Picture(
            number, sample, taken.variation.kind, taken.image, taken.shape > 0, taken.vein > 0, taken.centre
        )


def dealt(samples: Sequence[int], fingers: int, each: int) -> list[tuple[int, int]]:
    """Return (finger, sample) of what is drawn: the samples are dealt to the fingers in turn, like cards.

    Args:
        samples: numbers that the reference shows.
        fingers: how many.
        each: pictures of a finger, 1 on; the samples start again when they are used up.

    Example:
        >>> dealt((1, 3, 5), 2, 2)
        [(0, 1), (0, 5), (1, 3), (1, 1)]
    """
    hands = ((finger, finger + fingers * turn) for finger in range(fingers) for turn in range(each))
    return [(finger, samples[card % len(samples)]) for finger, card in hands]
