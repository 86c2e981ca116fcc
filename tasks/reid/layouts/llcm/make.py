"""A small data set of drawn persons in LLCM's layout, made from a seed and never fetched.

Every image is a function of (seed, person, camera, modality, number), whatever the number of workers.
The cameras are as unequal as the published ones.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from isofed.seeds import public, public_key
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.drawing.draw import draw
from isofed.tasks.reid.layouts import making
from isofed.tasks.reid.layouts.llcm.check import PUBLISHED
from isofed.tasks.reid.layouts.llcm.looks import look
from isofed.tasks.reid.layouts.llcm.read import CAMERAS, SHORT, TEST_CAMERAS
from isofed.tasks.reid.layouts.llcm.write import Folder, write_llcm
from isofed.tasks.reid.layouts.reading import LAST_ID

FEWEST = 8  # training persons a camera sees at least: a batch holds eight


@dataclass(frozen=True)
class SyntheticLlcm:
    """How much to draw.

    Attributes:
        identities: persons to train on, 8 or more.
        test_identities: persons to test on, 2 or more, seen by every camera.
        images: images of each person from each half of a camera that sees them.
        coverage: factor on the share of the training persons that each camera sees in LLCM, 0.4..1; a
            camera sees at least 8, and every person passes at least one.
        height, width: of an image, pixels; the width is about half the height.
    """

    identities: int = 64
    test_identities: int = 24
    images: int = 4
    coverage: float = 1.0
    height: int = 96
    width: int = 48

    def __post_init__(self) -> None:
        making.refuse_outside(
            self,
            identities=(FEWEST, LAST_ID - self.test_identities),
            test_identities=(2, LAST_ID),
            images=(1, LAST_ID),
            coverage=(0.4, 1.0),
            height=(32, making.LARGEST),
            width=(16, making.LARGEST),
        )


@dataclass(frozen=True)
class Plan:
    """Who is trained on, who is tested on, and who passes which camera."""

    train: tuple[int, ...]
    test: tuple[int, ...]
    seen: dict[int, tuple[int, ...]]  # camera -> ascending training persons


@dataclass(frozen=True)
class Half:
    """What one half of a camera sees of one person."""

    camera: int
    modality: str
    id: int
    tested: bool


def plan(seed: int, options: SyntheticLlcm) -> Plan:
    """Draw the split and the cameras each training person passes."""
    rng = public(seed, 0, "llcm", "split")
    numbers = 1 + rng.permutation(options.identities + options.test_identities)
    train, test = numbers[: options.identities], numbers[options.identities :]
    return Plan(making.ascending(train), making.ascending(test), _deal(train, options.coverage))


def drawing(seed: int, options: SyntheticLlcm) -> making.Drawing:
    """Say what is drawn, and how it is written."""
    people = plan(seed, options)
    halves = _halves(people)
    mark = making.mark("llcm", seed, options, _expected(people, options.images))
    return making.Drawing(
        halves,
        partial(_folder, seed, options),
        len(halves) * options.images,
        lambda out, folders: write_llcm(out, folders, mark),
    )


generate = making.generator(SyntheticLlcm, drawing)


def _folder(seed: int, options: SyntheticLlcm, half: Half) -> Folder:
    """Draw and encode one person's images from one half of a camera."""
    # a seed of its own: the same number shall not be the same person as in another layout
    own = public_key(seed, 0, "llcm", "persons")
    view, size = f"cam{half.camera} {half.modality}", (options.height, options.width)
    pixels = draw(own, half.id, look(half.camera, half.modality), view, options.images, size)
    return Folder(half.camera, half.id, half.modality, half.tested, encode(pixels))


def _halves(people: Plan) -> list[Half]:
    """List what is drawn: training persons before both halves, test persons where there are test folders."""
    trained = [Half(c, m, i, False) for c in CAMERAS for m in SHORT for i in people.seen[c]]
    return trained + [Half(c, m, i, True) for m in SHORT for c in TEST_CAMERAS[m] for i in people.test]


def _deal(train: np.ndarray, coverage: float) -> dict[int, tuple[int, ...]]:
    """Give each camera its share of ``train``: they stand in a ring, and each takes over from the one before.

    The shares sum to more than the whole ring, so that nobody is left out.
    """
    seen, start = {}, 0
    for camera, (identities, _) in zip(CAMERAS, PUBLISHED.cameras, strict=True):
        share = coverage * identities / PUBLISHED.identities
        count = min(len(train), max(FEWEST, round(share * len(train))))
        seen[camera] = making.ascending(np.roll(train, -start)[:count])
        start += count
    return seen


def _expected(people: Plan, images: int) -> dict[str, object]:
    """Count what a whole copy has."""
    passes = sum(map(len, people.seen.values()))
    return {
        "identities": len(people.train),
        "test_identities": len(people.test),
        "cameras": {
            str(camera): {"identities": len(ids), "images": 2 * len(ids) * images}
            for camera, ids in people.seen.items()
        },
        "visible": passes * images,
        "infrared": passes * images,
        "query": len(people.test) * len(TEST_CAMERAS["infrared"]) * images,
        "gallery": len(people.test) * len(TEST_CAMERAS["visible"]),
    }
