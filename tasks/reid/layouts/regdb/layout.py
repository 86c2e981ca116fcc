"""RegDB as a data layout: who owns what under each level, and how it is opened."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isofed.tasks.reid.layouts import common, cut
from isofed.tasks.reid.layouts.images import ImageFile, Images, cached
from isofed.tasks.reid.layouts.regdb.check import check_regdb
from isofed.tasks.reid.layouts.regdb.make import SyntheticRegdb, generate
from isofed.tasks.reid.layouts.regdb.read import (
    CAMERAS,
    SPLITS,
    THERMAL,
    VISIBLE,
    Camera,
    Entry,
    image_files,
    open_camera,
    open_regdb,
    open_tests,
    people,
    read_lists,
)
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import DataLayout, Samples, Site


def sites(root: Path, level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level, of a tree that has all cameras."""
    open_regdb(root)
    return owners(level)


def owners(level: str) -> tuple[Site, ...]:
    """Return the owners of the training data under a level."""
    cameras = [Site(f"cam{c.number}", {"modality": c.modality, "place": "side by side"}) for c in CAMERAS]
    return common.sites_of(level, "regdb", cameras)


def folders(root: Path, site: str | None) -> tuple[Path, ...]:
    """Return where a level may be declared: beside all, and beside what each camera took."""
    names = {f"cam{c.number}": c.folder for c in CAMERAS}
    return (root, *(root / folder for name, folder in names.items() if site == name or site not in names))


def resolve(root: Path, options: ReidOptions) -> dict[str, int | str]:
    """Return the number of identities in the split's numbering, which both cameras share."""
    return {"classes": len(people(read_lists(root, VISIBLE, options.split, f"'{root}'").train))}


def open_train(root: Path, site: str, cache: Path, options: ReidOptions) -> Samples:
    """Open one site's training images of the split.

    A camera opens its own folder and its own lists, nothing else.

    Raises:
        DataError: see tasks/reid/layouts/common.py and tasks/reid/layouts/regdb/read.py.
    """
    numbers = [int(site.removeprefix("cam"))] if site.startswith("cam") else [c.number for c in CAMERAS]
    opened = [open_camera(root, number, options.split) for number in numbers]
    files = [file for lists in opened for file in image_files(root, lists.camera, lists.train)]
    images = _cached(cache, files, options)
    domains = np.where(images.cams == THERMAL.number, common.INFRARED, common.VISIBLE).astype(np.int64)
    labels = list(people(opened[0].train))
    return common.labelled(images.pixels, images.ids, labels, site, options, domains)


def open_test(root: Path, cache: Path, options: ReidOptions) -> TestSet:
    """Open the split's test images: thermal queries, the visible ones as the gallery.

    No training person's image is opened, so that the evaluator needs none.
    """
    visible, thermal = open_tests(root, options.split)
    query, gallery = (
        _cached(cache / name, image_files(root, lists.camera, lists.test), options)
        for name, lists in (("query", thermal), ("gallery", visible))
    )
    return TestSet(query, gallery, "regdb")


def open_all_tests(root: Path, cache: Path, options: ReidOptions) -> TestSet:
    """Open all images that any of the ten splits tests on, each once, and the splits as repetitions.

    For a model that was trained on other data, with which no split's test half can have been seen.
    Identities are the numbers of persons' folders.
    """
    splits = [open_tests(root, split) for split in SPLITS]
    query, query_rows = _union(root, THERMAL, [thermal.test for _, thermal in splits])
    gallery, gallery_rows = _union(root, VISIBLE, [visible.test for visible, _ in splits])
    return TestSet(
        _cached(cache / "query", query, options),
        _cached(cache / "gallery", gallery, options),
        "regdb",
        repetitions=tuple(zip(query_rows, gallery_rows, strict=True)),
    )


def _union(
    root: Path, camera: Camera, halves: Sequence[Sequence[Entry]]
) -> tuple[list[ImageFile], list[np.ndarray]]:
    """Return the images of all halves, each once, and for each half the rows of its images."""
    entries = {entry.path: entry for half in halves for entry in half}
    rows = {path: row for row, path in enumerate(entries)}
    files = [ImageFile(root / path, entry.person, camera.number) for path, entry in entries.items()]
    return files, [np.array([rows[entry.path] for entry in half], np.int64) for half in halves]


def _cached(cache: Path, files: Sequence[ImageFile], options: ReidOptions) -> Images:
    return cached(cache, files, options.height, options.width)


REGDB = DataLayout(
    name="regdb",
    summary="RegDB: a visible and a thermal camera side by side, ten splits (Nguyen et al., Sensors 2017)",
    options=SyntheticRegdb,
    make=generate,
    check=check_regdb,
    resolve=resolve,
    sites=sites,
    owners=owners,
    open_train=open_train,
    open_test=open_test,
    folders=folders,
    lists=cut.regdb,
)
