"""A small data set of drawn tracklets in HITSZ-VCM's layout, made from a seed and never fetched.

Every frame is a function of (seed, person, camera, modality, tracklet, number), whatever the number of
workers. A camera's visible and infrared tracklets show different walks.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

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


def generate(
    out: Path,
    seed: int,
    options: SyntheticHitszVcm | None = None,
    spread: making.Spread = map,
    progress: making.Progress | None = None,
) -> None:
    """Draw a data set and write it to ``out``.

    Args:
        out: the folder to make.
        seed: any integer; the same seed gives the same bytes.
        options: how much to draw.
        spread: like the built-in ``map``; one that uses several processes gives the same bytes.
        progress: called with the images written and their total.

    Raises:
        DataError: ``out`` holds something that was not made by isofed.
    """
    options = options or SyntheticHitszVcm()
    people = filming.plan(NAME, seed, options.identities, options.test_identities)
    scenes = filming.scenes(people, options.tracklets)
    shoot = partial(filming.shoot, NAME, seed, options.frames, (options.height, options.width), False)
    takes = making.told(spread(shoot, scenes), 2 * options.frames * len(scenes), progress)
    expected = _expected(people, options)
    write_hitsz_vcm(Path(out), takes, people.test, making.mark(NAME, seed, options, expected))


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
