"""A small data set of drawn tracklets in BUPTCampus' layout, made from a seed and never fetched.

Every frame is a function of (seed, person, camera, modality, tracklet, number), whatever the number of
workers. A pair shows one walk to two sensors. Two more persons, each before one camera, are auxiliary.
"""

from dataclasses import dataclass
from functools import partial

from isofed.tasks.reid.layouts import filming, making
from isofed.tasks.reid.layouts.buptcampus.read import AUXILIARY, CAMERAS, GALLERY, QUERY, TRAIN
from isofed.tasks.reid.layouts.buptcampus.write import write_buptcampus

NAME = "buptcampus"
OTHERS = 2  # auxiliary persons


@dataclass(frozen=True)
class SyntheticBuptCampus:
    """How much to draw.

    Attributes:
        identities: persons to train on, 8 or more; each camera sees half of them, and at least 8.
        test_identities: persons to test on, 2 or more: a query each, before one camera, and a gallery of all
            their other walks.
        tracklets: pairs of each person from each camera that sees them.
        frames: of each tracklet.
        height, width: of a frame, pixels; the width is about half the height.
    """

    identities: int = 24
    test_identities: int = 8
    tracklets: int = 2
    frames: int = 12
    height: int = 96
    width: int = 48

    def __post_init__(self) -> None:
        filming.refuse_odd(self, 1)


def drawing(seed: int, options: SyntheticBuptCampus) -> making.Drawing:
    """Say what is drawn, and how it is written."""
    people = filming.plan(NAME, seed, options.identities, options.test_identities, OTHERS)
    scenes = filming.scenes(people, options.tracklets)
    mark = making.mark(NAME, seed, options, _expected(people, options))
    return making.Drawing(
        scenes,
        partial(filming.shoot, NAME, seed, options.frames, (options.height, options.width), True),
        2 * options.frames * len(scenes),
        lambda out, takes: write_buptcampus(out, takes, partial(listed, people), mark),
    )


generate = making.generator(SyntheticBuptCampus, drawing)


def listed(people: filming.Plan, scene: filming.Scene) -> str:
    """Return the list in which a scene stands; a test person's query is the first walk past one camera."""
    if scene.id in people.others:
        return AUXILIARY
    if scene.id not in people.test:
        return TRAIN
    asked = filming.CAMERAS[people.test.index(scene.id) % len(CAMERAS)]
    return QUERY if (scene.camera, scene.number) == (asked, 1) else GALLERY


def _expected(people: filming.Plan, options: SyntheticBuptCampus) -> dict[str, object]:
    """Count what a whole copy has, under the names of check.py."""
    cameras: dict[str, object] = {}
    for name, ids in zip(CAMERAS, people.seen.values(), strict=True):
        cameras[f"camera {name}: training identities"] = len(ids)
        cameras[f"camera {name}: training pairs"] = options.tracklets * len(ids)
    return {
        "identities": len(people.train) + len(people.test) + len(people.others),
        "training identities": len(people.train),
        "test identities": len(people.test),
        "auxiliary identities": len(people.others),
        "training pairs": options.tracklets * sum(map(len, people.seen.values())),
        **cameras,
        "query tracklets (infrared)": len(people.test),
        "gallery tracklets (visible)": len(people.test) * (len(CAMERAS) * options.tracklets - 1),
    }
