"""LLCM at its published counts with images of 8 x 4 pixels: a tree in seconds for ``isofed data check llcm``.

Who passes which camera, and how a camera's images divide into visible and infrared, is not published; here
persons stand in a ring and every camera divides alike.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from isofed.tasks.layouts.tree import MARK, encode
from isofed.tasks.reid.layouts.llcm.read import CAMERAS, TEST_CAMERAS
from isofed.tasks.reid.layouts.llcm.write import Folder, write_llcm

TRAINED, TESTED = 713, 351
IDENTITIES = (21, 20, 345, 353, 661, 687, 72, 40, 24)  # of cameras 1 to 9
IMAGES = (343, 137, 5733, 5843, 8019, 8450, 1002, 1089, 305)
VISIBLE = 16946  # of all training images
TESTS = {"visible": (8680, 484), "infrared": (7166, 600)}  # images; pairs of a person and a camera
JPEG = {
    "visible": encode(np.arange(96, dtype=np.uint8).reshape(1, 8, 4, 3))[0],
    "infrared": encode(np.arange(32, dtype=np.uint8).reshape(1, 8, 4))[0],
}


def write(root: Path) -> None:
    """Write the tree to ``root``, without a mark, so that it is compared with the published counts."""
    numbers = 1 + np.random.default_rng(0).permutation(TRAINED + TESTED)
    train, test = numbers[:TRAINED].tolist(), numbers[TRAINED:].tolist()
    write_llcm(root, [*_trained(train), *_tested(test)], {})
    (root / MARK).unlink()


def _trained(persons: Sequence[int]) -> Iterator[Folder]:
    """Deal the persons to the cameras round a ring."""
    start = 0
    for camera, count, images, visible in zip(CAMERAS, IDENTITIES, IMAGES, _visible(), strict=True):
        own = [persons[(start + place) % TRAINED] for place in range(count)]
        start += count
        for modality, some in (("visible", visible), ("infrared", images - visible)):
            for person, each in zip(own, _parts(some, count), strict=True):
                yield Folder(camera, person, modality, False, (JPEG[modality],) * each)


def _visible() -> list[int]:
    """Return each camera's visible images, the same share of all of them; the busiest makes up the sum."""
    counts = [images * VISIBLE // sum(IMAGES) for images in IMAGES]
    counts[IMAGES.index(max(IMAGES))] += VISIBLE - sum(counts)
    return counts


def _tested(persons: Sequence[int]) -> Iterator[Folder]:
    """Show every person to one camera, then some of them to the next one."""
    for modality, (images, pairs) in TESTS.items():
        cameras = TEST_CAMERAS[modality]
        for place, each in enumerate(_parts(images, pairs)):
            turn, who = divmod(place, TESTED)
            camera = cameras[(who + turn) % len(cameras)]
            yield Folder(camera, persons[who], modality, True, (JPEG[modality],) * each)


def _parts(total: int, parts: int) -> list[int]:
    """Divide a number as evenly as can be."""
    return [total // parts + (place < total % parts) for place in range(parts)]
