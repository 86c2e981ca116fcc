"""BUPTCampus as a data layout: six cameras, each of them taking aligned visible and infrared pairs."""

from pathlib import Path

from isofed.tasks.reid.layouts import common, cut
from isofed.tasks.reid.layouts.buptcampus.check import check_buptcampus
from isofed.tasks.reid.layouts.buptcampus.make import SyntheticBuptCampus, generate
from isofed.tasks.reid.layouts.buptcampus.read import CAMERAS, open_camera, open_tests, partners, read_lists
from isofed.tasks.reid.layouts.films import domains, opened
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import DataLayout, Samples, Site

NAME = "buptcampus"
FRAMES = 10  # that stand for a tracklet


def sites(root: Path, level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level, of a tree that has all cameras."""
    for camera in CAMERAS:
        open_camera(root, camera)
    return owners(level)


def owners(level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level."""
    cameras = [Site(camera, {"modality": "both", "place": f"camera {camera}"}) for camera in CAMERAS]
    return common.sites_of(level, NAME, cameras)


def resolve(root: Path, options: ReidOptions) -> dict[str, int | str]:
    """Return the number of identities in the common numbering: everybody in train.txt."""
    return {"classes": len(read_lists(root, f"'{root}'").train_ids)}


def open_train(root: Path, site: str, cache: Path, options: ReidOptions) -> Samples:
    """Open one site's training tracklets, pairs side by side; a camera opens its own frames and the lists.

    Raises:
        DataError: see tasks/reid/layouts/common.py and tasks/reid/layouts/buptcampus/read.py.
    """
    cameras = CAMERAS if site in (NAME, common.POOLED) else (site,)
    opens = [open_camera(root, camera) for camera in cameras]
    lines = [line for _, own, _ in opens for line in own]
    films = [film for _, _, own in opens for film in own]
    tracklets = opened(cache, films, options, FRAMES, "spread", partners(lines))
    return common.labelled(tracklets, tracklets.ids, opens[0][0].train_ids, site, options, domains(films))


def open_test(root: Path, cache: Path, options: ReidOptions) -> TestSet:
    """Open the infrared queries and the visible gallery."""
    query, gallery = (
        opened(cache / name, films, options, FRAMES, "spread")
        for name, films in zip(("query", "gallery"), open_tests(root), strict=True)
    )
    return TestSet(query, gallery, NAME)


BUPTCAMPUS = DataLayout(
    name=NAME,
    summary="BUPTCampus: aligned visible and infrared tracklets of six cameras (Du et al., TIFS 2024)",
    options=SyntheticBuptCampus,
    make=generate,
    check=check_buptcampus,
    resolve=resolve,
    sites=sites,
    owners=owners,
    open_train=open_train,
    open_test=open_test,
    lists=cut.buptcampus,
)
