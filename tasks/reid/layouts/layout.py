"""SYSU-MM01 as a data layout: who owns what under each level, and how it is opened."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isofed.errors import DataError
from isofed.seeds import public
from isofed.tasks.reid.drawing.synthetic import SyntheticSysu, generate
from isofed.tasks.reid.layouts.images import Images, cached
from isofed.tasks.reid.layouts.sysu import (
    CAMERAS,
    INFRARED,
    VISIBLE,
    open_camera,
    open_sysu,
    open_tests,
    read_lists,
)
from isofed.tasks.reid.layouts.sysu_check import check_sysu
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import DataLayout, Samples, Site

POOLED = "pooled"


@dataclass(frozen=True)
class TestImages:
    """What the evaluator holds: infrared queries and visible gallery of people nobody trained on."""

    __test__ = False  # not a test case, whatever pytest thinks of the name
    query: Images
    gallery: Images
    permutations: Path | None = None


def sites(root: Path, level: str) -> tuple[Site, ...]:
    """Return the owners of the training data: one for each camera, or one trainer who holds all."""
    open_sysu(root)
    if level == "sharing":
        return (Site(POOLED, {"modality": "both", "place": "all cameras"}),)
    return tuple(Site(f"cam{c.number}", {"modality": c.modality, "place": c.place}) for c in CAMERAS)


def classes(root: Path) -> int:
    """Return the number of identities in the common numbering: those of train and val together."""
    return len(read_lists(root, f"'{root}'").train_ids)


def open_train(root: Path, site: str, cache: Path, options: ReidOptions) -> Samples:
    """Open one site's training images, labelled by place in the ascending list of training persons.

    A camera opens its own folder and the lists, nothing else.

    Raises:
        DataError: fewer identities than a batch holds, or see tasks/reid/layouts/sysu.py.
    """
    cameras = [c.number for c in CAMERAS] if site == POOLED else [int(site.removeprefix("cam"))]
    tree = open_camera(root, cameras[0])
    files = [file for camera in cameras for file in tree.files(camera, tree.train_ids)]
    images = cached(cache, files, options.height, options.width)
    present = len(np.unique(images.ids))
    if present < options.batch_identities:
        raise DataError(
            f"{site} holds {present} identities to train on, but a batch needs {options.batch_identities}; "
            "lower task.batch_identities or leave the camera out"
        )
    labels = np.searchsorted(np.array(tree.train_ids), images.ids)
    if options.labels == "shuffled":
        labels = public(0, 0, site, "shuffled labels").permutation(labels)
    return Samples(images.pixels, labels.astype(np.int64))


def open_test(root: Path, cache: Path, options: ReidOptions) -> TestImages:
    """Open the benchmark's test images: queries of cameras 3 and 6, gallery of 1, 2, 4 and 5.

    No training person's folder is opened, so that the evaluator needs none.
    """
    tree = open_tests(root)
    query, gallery = (
        cached(cache / name, [f for c in cameras for f in tree.files(c, tree.test_ids)], *_size(options))
        for name, cameras in (("query", INFRARED), ("gallery", VISIBLE))
    )
    published = root / "exp" / "rand_perm_cam.mat"
    return TestImages(query, gallery, published if published.is_file() else None)


def _size(options: ReidOptions) -> tuple[int, int]:
    return options.height, options.width


SYSU = DataLayout(
    name="sysu",
    summary="SYSU-MM01: six cameras, four visible and two infrared (Wu et al., ICCV 2017)",
    options=SyntheticSysu,
    make=generate,
    check=check_sysu,
    classes=classes,
    sites=sites,
    open_train=open_train,
    open_test=open_test,
)
