"""SYSU-MM01 as a data layout: who owns what under each level, and how it is opened."""

from pathlib import Path

import numpy as np

from isofed.tasks.reid.layouts import common, cut
from isofed.tasks.reid.layouts.images import cached
from isofed.tasks.reid.layouts.sysu.check import check_sysu
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate
from isofed.tasks.reid.layouts.sysu.read import (
    CAMERAS,
    INFRARED,
    VISIBLE,
    open_camera,
    open_sysu,
    open_tests,
    read_lists,
)
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import DataLayout, Samples, Site


def sites(root: Path, level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level, of a tree that has all cameras."""
    open_sysu(root)
    return owners(level)


def owners(level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level."""
    cameras = [Site(f"cam{c.number}", {"modality": c.modality, "place": c.place}) for c in CAMERAS]
    return common.sites_of(level, "sysu", cameras)


def folders(root: Path, site: str | None) -> tuple[Path, ...]:
    """Return where a level may be declared: beside all, and beside what each camera took."""
    names = [f"cam{c.number}" for c in CAMERAS]
    return (root, *(root / name for name in names if site == name or site not in names))


def resolve(root: Path, options: ReidOptions) -> dict[str, int | str]:
    """Return the number of identities in the common numbering: those of train and val together."""
    return {"classes": len(read_lists(root, f"'{root}'").train_ids)}


def open_train(root: Path, site: str, cache: Path, options: ReidOptions) -> Samples:
    """Open one site's training images.

    A camera opens its own folder and the lists, nothing else.

    Raises:
        DataError: see tasks/reid/layouts/common.py and tasks/reid/layouts/sysu/read.py.
    """
    cameras = [int(site.removeprefix("cam"))] if site.startswith("cam") else [c.number for c in CAMERAS]
    tree = open_camera(root, cameras[0])
    files = [file for camera in cameras for file in tree.files(camera, tree.train_ids)]
    images = cached(cache, files, options.height, options.width)
    domains = np.isin(images.cams, INFRARED).astype(np.int64)
    return common.labelled(images.pixels, images.ids, tree.train_ids, site, options, domains)


def open_test(root: Path, cache: Path, options: ReidOptions) -> TestSet:
    """Open the benchmark's test images: queries of cameras 3 and 6, gallery of 1, 2, 4 and 5.

    No training person's folder is opened, so that the evaluator needs none.
    """
    tree = open_tests(root)
    query, gallery = (
        cached(cache / name, [f for c in cameras for f in tree.files(c, tree.test_ids)], *_size(options))
        for name, cameras in (("query", INFRARED), ("gallery", VISIBLE))
    )
    published = root / "exp" / "rand_perm_cam.mat"
    return TestSet(query, gallery, "sysu", published if published.is_file() else None)


def _size(options: ReidOptions) -> tuple[int, int]:
    return options.height, options.width


SYSU = DataLayout(
    name="sysu",
    summary="SYSU-MM01: six cameras, four visible and two infrared (Wu et al., ICCV 2017)",
    options=SyntheticSysu,
    make=generate,
    check=check_sysu,
    resolve=resolve,
    sites=sites,
    owners=owners,
    open_train=open_train,
    open_test=open_test,
    folders=folders,
    lists=cut.sysu,
)
