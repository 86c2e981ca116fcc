"""What of the published lists one site needs: the lines of its own images, and of others a number alone.

Cameras of one data set number people alike, and a reader learns from the lists how. So each number stays, in
a line that says neither which camera saw the person, nor when. Whom a list must name that a site has no
business with, because it may not be empty, is nobody: a number that the data set does not use.

Each function goes from (folder, site or ``evaluator``, task options) to lists by their paths below it.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isofed.tasks.reid.layouts.buptcampus import read as buptcampus_read
from isofed.tasks.reid.layouts.hitsz_vcm import read as hitsz_read
from isofed.tasks.reid.layouts.hitsz_vcm.write import Listing
from isofed.tasks.reid.layouts.llcm import read as llcm_read
from isofed.tasks.reid.layouts.reading import LAST_ID
from isofed.tasks.reid.layouts.regdb import read as regdb_read
from isofed.tasks.reid.layouts.sysu import read as sysu_read
from isofed.tasks.task import EVALUATOR

Lists = dict[str, bytes | None]
STRANGER = 10**8  # above all numbers of RegDB's folders: under these stands who is no site's own


def sysu(root: Path, site: str, options: Any) -> Lists:
    """Cut the list of test persons, which the evaluator alone needs."""
    tree = sysu_read.read_lists(root, f"'{root}'")
    used = (*tree.train_ids, *tree.test_ids)
    return {} if site == EVALUATOR else {f"{sysu_read.EXP}/{sysu_read.TEST_LIST}": _number(nobody(used))}


def llcm(root: Path, site: str, options: Any) -> Lists:
    """Cut the lists of training images, and that of test persons."""
    tree, own = llcm_read.read_lists(root, f"'{root}'"), _own(site, llcm_read.CAMERAS)
    lists: Lists = {
        llcm_read.list_name(modality): _llcm(modality, lines, own) for modality, lines in tree.train.items()
    }
    if site != EVALUATOR:
        unused = nobody((*tree.train_ids, *tree.test_ids))
        lists[f"{llcm_read.IDX}/{llcm_read.TEST_LIST}"] = _number(unused)
    return lists


def _llcm(modality: str, lines: Sequence[llcm_read.Line], own: Collection[int]) -> bytes:
    """Return the own cameras' lines, and one for each further person, under a camera that is nobody's own."""
    kept = [f"{line.path} {line.label}" for line in lines if line.camera in own]
    seen, other = {line.id for line in lines if line.camera in own}, _elsewhere(own, llcm_read.CAMERAS)
    short = llcm_read.SHORT[modality]
    unseen = {line.id: line.label for line in lines if line.id not in seen}
    kept += [
        f"{short}/{person:04d}/{person:04d}_c{other:02d}_s0_f0_{short}.jpg {label}"
        for person, label in sorted(unseen.items())
    ]
    return _lines(kept)


def regdb(root: Path, site: str, options: Any) -> Lists:
    """Cut the split's lists of the other camera, and those of the half that is not the site's."""
    own, lists = _own(site, (1, 2)), Lists()
    for camera in regdb_read.CAMERAS:
        for half in ("train", "test"):
            whole = half == "test" if site == EVALUATOR else half == "train" and camera.number in own
            if not whole:
                name = regdb_read.list_name(half, camera, options.split)
                entries = regdb_read.read_list(root, half, camera, options.split, f"'{root}'")
                people = _regdb(half, site, regdb_read.people(entries))
                rows = (f"{camera.folder}/{person}/nobody.bmp {label}" for label, person in people.items())
                lists[name] = _lines(rows)
    return lists


def _regdb(half: str, site: str, people: dict[int, int]) -> dict[int, int]:
    """Return whom a list is to name by label: trainers the people of the head, others strangers."""
    if half == "test":
        return {0: STRANGER}
    return {label: STRANGER + label for label in people} if site == EVALUATOR else people


def buptcampus(root: Path, site: str, options: Any) -> Lists:
    """Cut the four lists, and the map to frames."""
    tree = buptcampus_read.read_lists(root, f"'{root}'")
    own = _own(site, buptcampus_read.CAMERAS)
    other = _elsewhere(own, buptcampus_read.CAMERAS)
    mine = [line for line in tree.lists[buptcampus_read.TRAIN] if line.camera in own]
    unseen = sorted(set(tree.train_ids) - {line.person for line in mine})
    rows = [*map(_bupt, mine), *(f"{person} {buptcampus_read.VISIBLE} {other} 0" for person in unseen)]
    lists: Lists = {buptcampus_read.TRAIN: _lines(rows), buptcampus_read.AUXILIARY: b""}
    if site == EVALUATOR:
        mine = [
            line for name in (buptcampus_read.QUERY, buptcampus_read.GALLERY) for line in tree.lists[name]
        ]
    else:
        nobody_there = _lines([f"0 {buptcampus_read.BOTH} {other} 0"])
        lists |= dict.fromkeys((buptcampus_read.QUERY, buptcampus_read.GALLERY), nobody_there)
    lists[buptcampus_read.PATHS] = json.dumps(_paths(tree, mine)).encode()
    return lists


def _bupt(line: buptcampus_read.Line) -> str:
    return f"{line.person} {line.modality} {line.camera} {line.tracklet}"


def _paths(tree: buptcampus_read.Campus, lines: Sequence[buptcampus_read.Line]) -> dict[str, Any]:
    """Return the map to the frames of some lines alone."""
    kept: dict[str, Any] = {}
    for line in lines:
        for modality in buptcampus_read.PARTS[line.modality]:
            of = tree.paths.get(str(line.person), {}).get(modality, {}).get(line.camera, {})
            if line.tracklet in of:
                place = kept.setdefault(str(line.person), {}).setdefault(modality, {})
                place.setdefault(line.camera, {})[line.tracklet] = of[line.tracklet]
    return kept


def hitsz_vcm(root: Path, site: str, options: Any) -> Lists:
    """Cut the tables of tracklets, and the names of frames that they point into."""
    tree, own = hitsz_read.read_lists(root, f"'{root}'"), _own(site, hitsz_read.CAMERAS)
    train = _hitsz(tree.train, own, tree.train.ids)
    lists = _named(hitsz_read.TRAIN, train)
    if site != EVALUATOR:
        lists |= {**_named(hitsz_read.TEST, _hitsz(tree.test, (), (0,))), hitsz_read.QUERY: _number(1)}
    return lists


def _hitsz(half: hitsz_read.Half, own: Collection[int], ids: Sequence[int]) -> Listing:
    """Return the own cameras' tracklets, and one too short to count for each further person."""
    listing, other = Listing(), _elsewhere(own, hitsz_read.CAMERAS)
    for modality, first, last, person, camera in half.tracks.tolist():
        if camera in own:
            listing.add(modality, person, camera, half.names[first - 1 : last])
    seen = {person for _, _, _, person, _ in listing.tracks}
    for person in sorted(set(ids) - seen):
        listing.add(hitsz_read.INFRARED, person, other, [f"{0:04d}M1D0T0000F0000.jpg"])
    return listing


def _named(side: str, listing: Listing) -> Lists:
    return {
        hitsz_read.NAMES[side]: _lines(listing.names),
        hitsz_read.TRACKS[side]: _lines(" ".join(map(str, row)) for row in listing.tracks),
    }


def nobody(used: Iterable[int]) -> int:
    """Return the highest number that stands for no person of a data set."""
    return int(np.setdiff1d(np.arange(1, LAST_ID + 1), list(used))[-1])


def _own(site: str, cameras: Sequence[Any]) -> tuple[Any, ...]:
    """Return the cameras that a site trains on: its own, all of them, or for the evaluator none."""
    if site == EVALUATOR:
        return ()
    named = {site, int(site[3:])} if site.startswith("cam") and site[3:].isdigit() else {site}
    return tuple(camera for camera in cameras if camera in named) or tuple(cameras)


def _elsewhere(own: Collection[Any], cameras: Sequence[Any]) -> Any:
    """Return a camera that is not among the own; whose all are, needs none."""
    return next((camera for camera in cameras if camera not in own), cameras[0])


def _number(number: int) -> bytes:
    return f"{number}\n".encode()


def _lines(rows: Iterable[str]) -> bytes:
    return "".join(f"{row}\n" for row in rows).encode()
