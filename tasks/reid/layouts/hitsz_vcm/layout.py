"""HITSZ-VCM as a data layout: six cameras, each of them visible and infrared."""

from pathlib import Path

from isofed.tasks.reid.layouts import common, cut
from isofed.tasks.reid.layouts.films import domains, opened
from isofed.tasks.reid.layouts.hitsz_vcm.check import check_hitsz_vcm
from isofed.tasks.reid.layouts.hitsz_vcm.make import SyntheticHitszVcm, generate
from isofed.tasks.reid.layouts.hitsz_vcm.read import CAMERAS, open_camera, open_tests, read_lists
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import DataLayout, Samples, Site

NAME = "hitsz_vcm"
FRAMES = 6  # that stand for a tracklet, one of each strip


def sites(root: Path, level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level, of a tree that has all cameras."""
    for camera in CAMERAS:
        open_camera(root, camera)
    return owners(level)


def owners(level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level."""
    cameras = [Site(f"cam{camera}", {"modality": "both", "place": f"camera {camera}"}) for camera in CAMERAS]
    return common.sites_of(level, NAME, cameras)


def resolve(root: Path, options: ReidOptions) -> dict[str, int | str]:
    """Return the number of identities in the common numbering: everybody among the training tracklets."""
    return {"classes": len(read_lists(root, f"'{root}'").train.ids)}


def open_train(root: Path, site: str, cache: Path, options: ReidOptions) -> Samples:
    """Open one site's training tracklets; a camera opens its own frames and the lists, nothing else.

    Raises:
        DataError: see tasks/reid/layouts/common.py and tasks/reid/layouts/hitsz_vcm/read.py.
    """
    cameras = (int(site.removeprefix("cam")),) if site.startswith("cam") else CAMERAS
    trees = [open_camera(root, camera) for camera in cameras]
    films = [film for _, own in trees for film in own]
    tracklets = opened(cache, films, options, FRAMES, "strips")
    ids = trees[0][0].train.ids
    return common.labelled(tracklets, tracklets.ids, ids, site, options, domains(films))


def open_test(root: Path, cache: Path, options: ReidOptions) -> TestSet:
    """Open the listed queries and, as the gallery, all other test tracklets."""
    query, gallery = (
        opened(cache / name, films, options, FRAMES, "strips")
        for name, films in zip(("query", "gallery"), open_tests(root), strict=True)
    )
    return TestSet(query, gallery, NAME)


HITSZ_VCM = DataLayout(
    name=NAME,
    summary="HITSZ-VCM: tracklets of six cameras, visible and infrared (Lin et al., CVPR 2022)",
    options=SyntheticHitszVcm,
    make=generate,
    check=check_hitsz_vcm,
    resolve=resolve,
    sites=sites,
    owners=owners,
    open_train=open_train,
    open_test=open_test,
    lists=cut.hitsz_vcm,
)
