"""Tracklets on disk, as the layouts that hold videos list them, and how they are opened and counted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isofed.tasks.layouts import checking
from isofed.tasks.reid.layouts.common import INFRARED, VISIBLE
from isofed.tasks.reid.layouts.images import ImageFile, cached
from isofed.tasks.reid.layouts.tracklets import Tracklets
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import Finding


@dataclass(frozen=True)
class Film:
    """One tracklet on disk: whom it shows, which camera took it and how, its frames in order."""

    id: int
    camera: int
    infrared: bool
    frames: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.frames)


def image_files(films: Sequence[Film]) -> tuple[ImageFile, ...]:
    """List all frames, film by film."""
    return tuple(ImageFile(path, film.id, film.camera) for film in films for path in film.frames)


def opened(
    cache: Path,
    films: Sequence[Film],
    options: ReidOptions,
    count: int,
    choice: str,
    partner: np.ndarray | None = None,
) -> Tracklets:
    """Decode all frames of ``films`` once into ``cache`` and return them as tracklets, memory-mapped.

    Every frame is kept, since training draws among all of them: H W 3 bytes each.

    Args:
        cache: folder of the cache.
        films: T tracklets, none empty.
        options: height and width are read.
        count: frames that stand for a tracklet.
        choice: how they are chosen, see tracklets.py.
        partner: (T,) rows in the other modality, or None.

    Raises:
        DataError: frames that cannot be decoded, as a count for each camera.
    """
    frames = cached(cache, image_files(films), options.height, options.width).pixels
    lengths = _whole([len(film) for film in films])
    ids, cams = _whole([film.id for film in films]), _whole([film.camera for film in films])
    return Tracklets(frames, np.cumsum(lengths) - lengths, lengths, ids, cams, count, choice, partner)


def domains(films: Sequence[Film]) -> np.ndarray:
    """Return (T,) int64, ``VISIBLE`` or ``INFRARED``."""
    return _whole([INFRARED if film.infrared else VISIBLE for film in films])


def compared(
    found: Mapping[str, int], expected: Mapping[str, int], unverified: Mapping[str, int]
) -> Iterator[Finding]:
    """Set counts beside what is expected of them; what nobody vouches for is told and never wrong.

    Args:
        found: counts by name.
        expected: what a whole copy has.
        unverified: what somebody wrote somewhere, not checked against the data or a publication.
    """
    for name, count in found.items():
        if name in expected:
            yield from checking.compare([(name, count, expected[name])])
        elif name in unverified:
            yield Finding(name, str(count), f"{unverified[name]}, which is not verified", True)
        else:
            yield Finding(name, str(count), "anything: no count is published", True)


def _whole(numbers: Sequence[int]) -> np.ndarray:
    return np.array(numbers, np.int64)
