"""A small data set of drawn tracklets in HITSZ-VCM's layout, made from a seed and never fetched.

Every frame is a function of (seed, person, camera, modality, tracklet, number), whatever the number of
workers. A camera's visible and infrared tracklets show different walks.
"""

from dataclasses import dataclass
from functools import partial

from isofed.tasks.reid.layouts import filming, making
from isofed.tasks.reid.layouts.hitsz_vcm.read import SHORTEST
from isofed.tasks.reid.layouts.hitsz_vcm.write import write_hitsz_vcm

NAME = "hitsz_vcm"


@dataclass(frozen=True)
class SyntheticHitszVcm:
    """How much to draw.

    Attributes:
        identities: persons to train on, 8 or more; each camera sees half of them, and at least 8.
        test_identities: persons to test on, 2 or more, seen by every camera.
        tracklets: of each person and modality from each camera that sees them.
        frames: of each tracklet, 12 or more: shorter ones would be left out.
        height, width: of a frame, pixels; the width is about half the height.
    """

    identities: int = 24
    test_identities: int = 8
    tracklets: int = 2
    frames: int = 12
    height: int = 96
    width: int = 48

    def __post_init__(self) -> None:
        filming.refuse_odd(self, SHORTEST)


def drawing(seed: int, options: SyntheticHitszVcm) -> making.Drawing:
    """Say what is drawn, and how it is written."""
    people = filming.plan(NAME, seed, options.identities, options.test_identities)
    scenes = filming.scenes(people, options.tracklets)
    mark = making.mark(NAME, seed, options, _expected(people, options))
    return making.Drawing(
        scenes,
        partial(filming.shoot, NAME, seed, options.frames, (options.height, options.width), False),
        2 * options.frames * len(scenes),
        lambda out, takes: write_hitsz_vcm(out, takes, people.test, mark),
    )


generate = making.generator(SyntheticHitszVcm, drawing)


def _expected(people: filming.Plan, options: SyntheticHitszVcm) -> dict[str, object]:
    """Count what a whole copy has, under the names of check.py."""
    scenes = len(filming.scenes(people, options.tracklets))
    tested = len(people.test) * len(filming.CAMERAS) * options.tracklets
    cameras: dict[str, object] = {}
    for camera, ids in people.seen.items():
        cameras[f"camera {camera}: training identities"] = len(ids)
        cameras[f"camera {camera}: training tracklets"] = 2 * options.tracklets * len(ids)
    return {
        "identities": len(people.train) + len(people.test),
        "training identities": len(people.train),
        "test identities": len(people.test),
        "frames": 2 * options.frames * scenes,
        "tracklets": 2 * scenes,
        "visible tracklets": scenes,
        "infrared tracklets": scenes,
        **cameras,
        "query tracklets": tested,
        "gallery tracklets": tested,
    }
