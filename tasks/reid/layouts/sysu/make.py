"""A small data set of drawn persons in SYSU-MM01's layout, made from a seed and never fetched.

Every image is a function of (seed, person, camera, number), whatever the number of workers.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from isofed.seeds import public
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.drawing.cameras import LOOKS
from isofed.tasks.reid.drawing.draw import draw
from isofed.tasks.reid.layouts import making
from isofed.tasks.reid.layouts.reading import LAST_ID
from isofed.tasks.reid.layouts.sysu.read import CAMERAS, INFRARED, TEST_LIST, TRAIN_LISTS, VISIBLE
from isofed.tasks.reid.layouts.sysu.write import Folder, write_sysu

FEWEST = 8  # training persons a camera sees at least: a batch holds eight
VALIDATION_SHARE = 4  # one training person in so many stands in val_id.txt


@dataclass(frozen=True)
class SyntheticSysu:
    """How much to draw.

    Attributes:
        identities: persons to train on, 8 or more.
        test_identities: persons to test on, 2 or more, seen by every camera.
        images: images of each person from each camera that sees them.
        coverage: share of the training persons that each camera sees, 0.25..1. From 0.5 on, every
            one of them is seen in both modalities; a camera sees at least 8.
        height, width: of an image, pixels; the width is about half the height.
    """

    identities: int = 64
    test_identities: int = 24
    images: int = 8
    coverage: float = 0.5
    height: int = 96
    width: int = 48

    def __post_init__(self) -> None:
        making.refuse_outside(
            self,
            identities=(FEWEST, LAST_ID - self.test_identities),
            test_identities=(2, LAST_ID),
            images=(1, LAST_ID),
            coverage=(0.25, 1.0),
            height=(32, making.LARGEST),
            width=(16, making.LARGEST),
        )


@dataclass(frozen=True)
class Plan:
    """Who is trained on, who is tested on, and who passes which camera."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]
    seen: dict[int, tuple[int, ...]]  # camera -> ascending training persons


def plan(seed: int, options: SyntheticSysu) -> Plan:
    """Draw the split and the cameras each training person passes."""
    rng = public(seed, 0, "", "split")
    numbers = 1 + rng.permutation(options.identities + options.test_identities)
    train, test = numbers[: options.identities], numbers[options.identities :]
    kept = options.identities // VALIDATION_SHARE
    count = min(options.identities, max(FEWEST, round(options.coverage * options.identities)))
    return Plan(
        train=making.ascending(train[kept:]),
        validation=making.ascending(train[:kept]),
        test=making.ascending(test),
        seen=_deal(rng, train, INFRARED, count) | _deal(rng, train, VISIBLE, count),
    )


def drawing(seed: int, options: SyntheticSysu) -> making.Drawing:
    """Say what is drawn, and how it is written."""
    people = plan(seed, options)
    pairs = _pairs(people)
    lists = dict(zip((*TRAIN_LISTS, TEST_LIST), (people.train, people.validation, people.test), strict=True))
    mark = _mark(seed, options, people)
    return making.Drawing(
        pairs,
        partial(_folder, seed, options),
        len(pairs) * options.images,
        lambda out, folders: write_sysu(out, folders, lists, mark),
    )


generate = making.generator(SyntheticSysu, drawing)


def _folder(seed: int, options: SyntheticSysu, pair: tuple[int, int]) -> Folder:
    """Draw and encode one person's images from one camera."""
    camera, identity = pair
    size = options.height, options.width
    pixels = draw(seed, identity, LOOKS[camera], f"cam{camera}", options.images, size)
    return Folder(camera, identity, encode(pixels))


def _pairs(people: Plan) -> list[tuple[int, int]]:
    """List (camera, person), every test person with every camera."""
    return [(c.number, i) for c in CAMERAS for i in sorted(people.seen[c.number] + people.test)]


def _deal(
    rng: np.random.Generator, train: np.ndarray, cameras: tuple[int, ...], count: int
) -> dict[int, tuple[int, ...]]:
    """Give each camera ``count`` persons; all persons are dealt once before any is given again."""
    deck = rng.permutation(train)
    hands = {}
    for place, camera in enumerate(cameras):
        own = deck[place :: len(cameras)]
        rest = rng.permutation(np.setdiff1d(train, own))
        hands[camera] = making.ascending(np.concatenate([own, rest])[:count])
    return hands


def _mark(seed: int, options: SyntheticSysu, people: Plan) -> dict[str, object]:
    """Say what was drawn, and the counts a whole copy has."""
    cameras = {
        str(camera): {"identities": len(ids), "images": len(ids) * options.images}
        for camera, ids in sorted(people.seen.items())
    }
    expected = {
        "identities": options.identities + options.test_identities,
        "cameras": cameras,
        "query": options.test_identities * len(INFRARED) * options.images,
        "gallery": options.test_identities * len(VISIBLE),
    }
    return making.mark("sysu", seed, options, expected)
