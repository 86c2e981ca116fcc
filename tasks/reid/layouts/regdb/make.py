"""A small data set of drawn persons in RegDB's layout, made from a seed and never fetched.

Every image is a function of (seed, person, camera, number), whatever the number of workers.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from isofed.seeds import public
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.drawing.cameras import Look
from isofed.tasks.reid.drawing.draw import draw
from isofed.tasks.reid.layouts import making
from isofed.tasks.reid.layouts.regdb.read import CAMERAS, SPLITS, Camera
from isofed.tasks.reid.layouts.regdb.write import Folder, Split, write_regdb

MOST = 9999  # persons, and images of a person

# Both cameras stand side by side, so they share yaw, room and the person's size. Thermal: clothes are
# nearly alike (haze lifts all and the small gain draws together), and edges are soft.
LOOKS = {
    "visible": Look(
        room=11,
        modality="visible",
        yaw=0.10,
        backs=0.25,
        light=0.20,
        gain=0.80,
        gamma=1.10,
        tint=(1.02, 1.00, 0.94),
        haze=0.02,
        blur=1,
        noise=0.030,
        scale=0.88,
        hides=0.0,
        hider="below",
    ),
    "thermal": Look(
        room=11,
        modality="infrared",
        yaw=0.10,
        backs=0.25,
        light=0.05,
        gain=0.60,
        gamma=1.00,
        tint=(1.0, 1.0, 1.0),
        haze=0.35,
        blur=5,
        noise=0.012,
        scale=0.88,
        hides=0.0,
        hider="below",
    ),
}


@dataclass(frozen=True)
class SyntheticRegdb:
    """How much to draw.

    Attributes:
        identities: persons that each of the ten splits trains on, 8 or more.
        test_identities: persons that each split tests on, 2 or more.
        images: images of each person from each of the two cameras.
        height, width: of an image, pixels; the width is about half the height.
    """

    identities: int = 64
    test_identities: int = 24
    images: int = 8
    height: int = 96
    width: int = 48

    def __post_init__(self) -> None:
        making.refuse_outside(
            self,
            identities=(8, MOST - self.test_identities),
            test_identities=(2, MOST),
            images=(1, MOST),
            height=(32, making.LARGEST),
            width=(16, making.LARGEST),
        )


def plan(seed: int, options: SyntheticRegdb) -> tuple[Split, ...]:
    """Draw the ten splits of all persons, each with the same two numbers of them."""
    rng = public(seed, 0, "", "splits")
    everybody = 1 + np.arange(options.identities + options.test_identities)
    return tuple(_split(rng.permutation(everybody), options.identities) for _ in SPLITS)


def drawing(seed: int, options: SyntheticRegdb) -> making.Drawing:
    """Say what is drawn, and how it is written."""
    everybody = range(1, options.identities + options.test_identities + 1)
    pairs = [(camera, person) for camera in CAMERAS for person in everybody]
    return making.Drawing(
        pairs,
        partial(_folder, seed, options),
        len(pairs) * options.images,
        lambda out, folders: write_regdb(out, folders, plan(seed, options), _mark(seed, options)),
    )


generate = making.generator(SyntheticRegdb, drawing)


def _split(order: np.ndarray, train: int) -> Split:
    return Split(making.ascending(order[:train]), making.ascending(order[train:]))


def _folder(seed: int, options: SyntheticRegdb, pair: tuple[Camera, int]) -> Folder:
    """Draw and encode one person's images from one camera."""
    camera, person = pair
    size, who = (options.height, options.width), making.FIRST["regdb"] + person
    pixels = draw(seed, who, LOOKS[camera.modality], camera.modality, options.images, size)
    return Folder(camera, person, encode(pixels, "BMP"))


def _mark(seed: int, options: SyntheticRegdb) -> dict[str, object]:
    """Say what was drawn, and the counts a whole copy has."""
    expected: dict[str, object] = {
        "identities": options.identities + options.test_identities,
        "train": options.identities,
        "test": options.test_identities,
        "images": options.images,
    }
    return making.mark("regdb", seed, options, expected)
