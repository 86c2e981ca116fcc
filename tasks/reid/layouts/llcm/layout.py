"""LLCM as a data layout: who owns what under each level, and how it is opened."""

from pathlib import Path

import numpy as np

from isofed.tasks.reid.layouts import common, cut
from isofed.tasks.reid.layouts.images import cached
from isofed.tasks.reid.layouts.llcm.check import check_llcm
from isofed.tasks.reid.layouts.llcm.make import SyntheticLlcm, generate
from isofed.tasks.reid.layouts.llcm.read import CAMERAS, open_cameras, open_llcm, open_tests, read_lists
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import DataLayout, Samples, Site


def sites(root: Path, level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level, of a tree that has all cameras."""
    open_llcm(root)
    return owners(level)


def owners(level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level."""
    cameras = [Site(f"cam{n}", {"modality": "both", "place": f"camera {n}"}) for n in CAMERAS]
    return common.sites_of(level, "llcm", cameras)


def resolve(root: Path, options: ReidOptions) -> dict[str, int | str]:
    """Return the number of identities in the common numbering: those of both training lists."""
    return {"classes": len(read_lists(root, f"'{root}'").train_ids)}


def open_train(root: Path, site: str, cache: Path, options: ReidOptions) -> Samples:
    """Open one site's training images, the visible ones first.

    A camera opens its own images and the lists, nothing else.

    Raises:
        DataError: see tasks/reid/layouts/common.py and tasks/reid/layouts/llcm/read.py.
    """
    cameras = [int(site.removeprefix("cam"))] if site.startswith("cam") else CAMERAS
    tree = open_cameras(root, cameras)
    halves = tree.of(cameras)
    visible, infrared = halves["visible"], halves["infrared"]
    images = cached(cache, visible + infrared, options.height, options.width)
    domains = np.repeat([common.VISIBLE, common.INFRARED], [len(visible), len(infrared)])
    return common.labelled(images.pixels, images.ids, tree.train_ids, site, options, domains)


def open_test(root: Path, cache: Path, options: ReidOptions) -> TestSet:
    """Open the benchmark's test images: infrared queries, visible gallery.

    No training image is opened, so that the evaluator needs none.
    """
    tree = open_tests(root)
    query, gallery = (
        cached(cache / name, tree.test_files(modality), options.height, options.width)
        for name, modality in (("query", "infrared"), ("gallery", "visible"))
    )
    return TestSet(query, gallery, "llcm")


LLCM = DataLayout(
    name="llcm",
    summary="LLCM: nine cameras, each visible and infrared, in low light (Zhang and Wang, CVPR 2023)",
    options=SyntheticLlcm,
    make=generate,
    check=check_llcm,
    resolve=resolve,
    sites=sites,
    owners=owners,
    open_train=open_train,
    open_test=open_test,
    lists=cut.llcm,
)
