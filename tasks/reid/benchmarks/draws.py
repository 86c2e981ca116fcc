"""Which gallery images a repetition of a benchmark uses.

``agw``       draw t = 0 ... 9 seeds Python's ``random`` with t, walks identities upwards and, inside
              each, cameras upwards, and takes one ``random.choice`` from the images in file order.
              This is the convention of AGW and all that descends from it, L2RW included (M. Ye et
              al., TPAMI 2022), and single-shot draws equal theirs image by image. Their multi-shot
              draw takes ten images without replacement from NumPy's global generator, which the
              draw number does not seed, and fails below ten images; it cannot be repeated. Ours
              takes ``random.sample`` of up to ten with the same seed.
``official``  the permutations published with SYSU-MM01 (A. Wu et al., ICCV 2017): run t = 1 ... 10
              reads row t of the permutation of (camera, identity) and takes its first `shots`
              entries, counted from 1 in file order; cameras upwards, inside each identities upwards.
              Exclusions, deduplicated CMC and AP are those of the ``sysu`` rule, single- and
              multi-shot alike. The published program compares by Euclidean distance and gives no
              mINP. It fails where a person has fewer images than shots (never in the test set,
              whose smallest group has 13); we take all there are.
``none``      the whole gallery, once.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isofed.errors import ConfigError, DataError
from isofed.suggest import pick
from isofed.tasks.reid.benchmarks.retrieval import Integers, Labels

REPETITIONS = 10
MISSING_PERMUTATIONS = (
    "official draws need SYSU-MM01's rand_perm_cam.mat, which is not there; put it into exp beside the "
    "lists, or give isofed score --permutations FILE"
)

Groups = Mapping[tuple[int, int], Integers]
Permutations = Mapping[tuple[int, int], Integers]


def groups(gallery: Labels, cameras: Sequence[int]) -> Groups:
    """Return gallery columns in file order by (identity, camera), both ascending, of ``cameras``.

    Raises:
        DataError: the gallery holds no image of these cameras.
    """
    kept = _searched(gallery, cameras)
    kept = kept[np.lexsort((gallery.cams[kept], gallery.ids[kept]))]
    keys = np.stack([gallery.ids[kept], gallery.cams[kept]], axis=1)
    starts = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1
    firsts = keys[np.concatenate([[0], starts])].tolist()
    return {(i, c): columns for (i, c), columns in zip(firsts, np.split(kept, starts), strict=True)}


def _searched(gallery: Labels, cameras: Sequence[int]) -> Integers:
    kept = np.flatnonzero(np.isin(gallery.cams, cameras))
    if not len(kept):
        raise DataError(f"the gallery holds no image of cameras {', '.join(map(str, cameras))}")
    return kept


def agw(found: Groups, draw: int, shots: int) -> Integers:
    """Return the gallery columns of draw ``draw`` (0 to 9), ``shots`` per (identity, camera)."""
    # Python's own generator, because only it repeats the published galleries
    generator = random.Random(draw)
    taken = [columns[_choose(generator, len(columns), shots)] for columns in found.values()]
    return np.concatenate(taken)


def _choose(generator: random.Random, images: int, shots: int) -> list[int]:
    if shots == 1:
        return [generator.choice(range(images))]
    return generator.sample(range(images), min(shots, images))


def official(found: Groups, draw: int, shots: int, permutations: Permutations) -> Integers:
    """Return the gallery columns of run ``draw + 1`` of the published permutations.

    Raises:
        DataError: a person's permutation is not as long as the gallery has images of that camera.
    """
    by_camera = sorted(found, key=lambda key: (key[1], key[0]))
    return np.concatenate([found[key][permutations[key][draw, :shots] - 1] for key in by_camera])


def check_fit(found: Groups, permutations: Permutations, cameras: Sequence[int]) -> None:
    """Raise :class:`DataError` unless the permutations are of these groups, image for image."""
    people = {identity for identity, _ in found}
    listed = {key for key in permutations if key[0] in people and key[1] in cameras}
    for key in sorted(listed | set(found), key=lambda key: key[1]):
        images = len(found.get(key, ()))
        expected = permutations[key].shape[1] if key in permutations else 0
        if images != expected:
            raise DataError(
                f"the permutation file lists {expected} images of one person in camera {key[1]} where "
                f"the gallery holds {images}; pass every visible test image in file order"
            )


def load_permutations(path: Path) -> Permutations:
    """Read ``rand_perm_cam.mat``: (identity, camera) -> integers (10, images), counted from 1.

    Raises:
        DataError: the file is missing, is no MATLAB file or holds something else.
    """
    from scipy.io import loadmat  # not installed at sites, which never draw

    if not path.is_file():
        raise DataError("the permutation file does not exist; it is rand_perm_cam.mat of SYSU-MM01")
    try:
        cells = loadmat(path, appendmat=False)["rand_perm_cam"].ravel()
        found = {
            (identity, camera): table
            for camera, people in enumerate(cells, 1)
            for identity, table in enumerate(people.ravel(), 1)
            if table.size
        }
    except Exception as error:  # a damaged file can raise anything inside the reader
        raise DataError(
            "the permutation file is no MATLAB file with a cell array 'rand_perm_cam'; "
            "take it from the evaluation folder that comes with SYSU-MM01"
        ) from error
    if not found or not all(_permutes(table) for table in found.values()):
        raise DataError("the permutation file must hold ten permutations per camera and person")
    return {key: table.astype(np.int64) for key, table in found.items()}


def _permutes(table: Any) -> bool:
    if table.ndim != 2 or len(table) != REPETITIONS or table.dtype.kind not in "iuf":
        return False
    return bool((np.sort(table, axis=1) == np.arange(1, table.shape[1] + 1)).all())


def _agw_draws(gallery: Labels, cameras: Sequence[int], shots: int, path: Path | None) -> list[Integers]:
    found = groups(gallery, cameras)
    return [agw(found, draw, shots) for draw in range(REPETITIONS)]


def _official_draws(gallery: Labels, cameras: Sequence[int], shots: int, path: Path | None) -> list[Integers]:
    if path is None:
        raise ConfigError(MISSING_PERMUTATIONS)
    found, permutations = groups(gallery, cameras), load_permutations(path)
    check_fit(found, permutations, cameras)
    return [official(found, draw, shots, permutations) for draw in range(REPETITIONS)]


def _whole(gallery: Labels, cameras: Sequence[int], shots: int, path: Path | None) -> list[Integers]:
    return [_searched(gallery, cameras)]


DRAWS: dict[str, Callable[[Labels, Sequence[int], int, Path | None], list[Integers]]] = {
    "agw": _agw_draws,
    "official": _official_draws,
    "none": _whole,
}


def galleries(
    name: str, gallery: Labels, cameras: Sequence[int], shots: int = 1, permutations: Path | None = None
) -> list[Integers]:
    """Return the gallery columns of every repetition: ten arrays, or one for ``none``.

    Args:
        name: ``agw``, ``official`` or ``none``; see the top of this file.
        gallery: labels of all gallery images, in file order inside each (identity, camera).
        cameras: gallery cameras to use.
        shots: images per (identity, camera), at least 1; ``none`` takes all.
        permutations: path of ``rand_perm_cam.mat``, for ``official``.

    Raises:
        ConfigError: unknown ``name``, or ``official`` without ``permutations``.
        DataError: empty gallery, or a permutation file that cannot be read or does not fit.
    """
    return pick("draws", name, DRAWS)(gallery, cameras, shots, permutations)
