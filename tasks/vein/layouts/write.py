"""Writing a small tree in a database's layout, from anything that draws fingers.

Names, sizes and kinds of file are the published ones, portrait ROIs included, and a stray Thumbs.db lies
where Windows would leave one. Session 2 differs a little from session 1, as another day does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isofed.config import within
from isofed.errors import DataError
from isofed.suggest import pick
from isofed.tasks.layouts.tree import File, encode, write_tree
from isofed.tasks.task import Progress
from isofed.tasks.vein.drawing.schedule import group
from isofed.tasks.vein.layouts.annotation import Annotation, spell
from isofed.tasks.vein.layouts.database import Database, Part, Take, spelt
from isofed.tasks.vein.layouts.read import NOTES, RAW

Pixels = NDArray[np.uint8]
# (finger from 0, sample from 0 in its session, session from 1, (height, width)) -> (height, width) uint8,
# the finger along the width
Picture = Callable[[int, int, int, tuple[int, int]], Pixels]
Noted = Callable[[int, int], Annotation]  # (finger from 0, sample from 0), in 300 x 600

BOX = (239.0, 150.0), (478.0, 126.0)  # centre and size of the ROI of an unmoved finger, in 300 x 600
JOINTS = ((2.32, 141.88), (216.18, 160.79), (378.76, 155.45), (514.13, 141.88))
GAMMA, GAIN = 1.1, 0.95  # of session 2, against session 1
STRAY = "Thumbs.db"
USUAL = 4  # samples that are written unless another number is asked for, where there are so many


@dataclass(frozen=True)
class Small:
    """How much of a database to write.

    Args:
        subjects: 1 to the published number.
        samples: of each finger in each session, 1 to the published number; 0 for that, 4 at most.
        part: which kind of pictures; the first where none is named.

    Raises:
        ConfigError: when written, for a number outside its range or an unknown part.
    """

    subjects: int = 4
    samples: int = 0
    part: str = ""


def write_database(
    out: Path,
    database: Database,
    small: Small,
    picture: Picture,
    progress: Progress | None = None,
    note: Noted | None = None,
) -> None:
    """Write a small tree; its ``synthetic.json`` holds the counts to expect.

    Args:
        out: the root to be; missing, empty or an earlier tree of ours, which is replaced.
        database: whose layout.
        small: how much.
        picture: what is drawn; see ``Picture``.
        progress: called with the pictures written and their total.
        note: what an annotated picture's XML shall say; that of an unmoved finger where nothing is given.

    Raises:
        DataError: ``out`` holds something that was not made here, or a picture is not what was asked for.
        ConfigError: as :class:`Small`.
    """
    pick("part", small.part or next(iter(database.parts)), database.parts)
    part = small.part or next(iter(database.parts))
    write_parts(out, database, small, {part: (picture, note or _unmoved)}, progress)


def write_parts(
    out: Path,
    database: Database,
    small: Small,
    drawn: Mapping[str, tuple[Picture, Noted]],
    progress: Progress | None = None,
) -> None:
    """Write several kinds of pictures into one small tree, the same takes of each.

    Args:
        out, database, small, progress: as of :func:`write_database`, and errors too.
        drawn: by the kind's name, what is drawn and what is said of it.
    """
    within("subjects", small.subjects, 1, database.subjects)
    within("samples", small.samples, 0, database.samples)
    small = replace(small, samples=small.samples or min(USUAL, database.samples))
    takes = list(_takes(database, small))
    jobs = [_Job(database, database.parts[part], *each) for part, each in drawn.items()]
    files = _told(
        (_of_take(job, take, n == 0) for job in jobs for n, take in enumerate(takes)),
        len(jobs) * len(takes),
        progress,
    )
    write_tree(out, files, mark(database, small))


def _unmoved(finger: int, sample: int) -> Annotation:
    return neutral()


def mark(database: Database, small: Small) -> dict[str, object]:
    """Return what ``synthetic.json`` shall hold of a small tree: above all the counts to expect."""
    fingers = small.subjects * len(database.fingers)
    images = fingers * len(database.sessions) * small.samples
    return {
        "made_by": "isofed",
        "layout": database.name,
        "options": vars(small),
        "expected": {"subjects": small.subjects, "fingers": fingers, "images": images},
    }


def kind(sample: int) -> str:
    """Return what varies in a sample of FingerVeinSyn-5M, numbered from 1: the end of its name."""
    return group(sample)[1]


def neutral() -> Annotation:
    """Return the annotation of an unmoved finger in 300 x 600."""
    return Annotation(*BOX, joints=JOINTS)


def another_day(picture: Pixels) -> Pixels:
    """Return a picture as session 2 shows it: 0.95 x^1.1 of the full scale."""
    return np.rint(255 * GAIN * (picture / 255.0) ** GAMMA).astype(np.uint8)


def _takes(database: Database, small: Small) -> Iterator[Take]:
    counts = small.subjects, len(database.fingers), len(database.sessions), small.samples
    return (Take(*numbers) for numbers in product(*(range(1, count + 1) for count in counts)))


@dataclass(frozen=True)
class _Job:
    database: Database
    part: Part
    picture: Picture
    note: Noted

    def finger(self, take: Take) -> int:
        return (take.subject - 1) * len(self.database.fingers) + take.finger - 1


def _told(pictures: Iterable[Iterable[File]], total: int, progress: Progress | None) -> Iterator[File]:
    """Yield the files of every picture, and tell how many pictures are written."""
    for done, files in enumerate(pictures, 1):
        yield from files
        if progress is not None:
            progress(done, total)


def _of_take(job: _Job, take: Take, first: bool) -> Iterator[File]:
    path = spelt(job.database, job.part, take, _wild(job, take))
    if first:
        yield f"{path.rpartition('/')[0]}/{STRAY}", bytes(64)
    yield path, encode(_drawn(job, take)[None], job.part.kind)[0]
    yield from _noted(path, job, take)


def _drawn(job: _Job, take: Take) -> Pixels:
    """Draw a picture, and turn it where the database's are portrait."""
    part = job.part
    size = min(part.height, part.width), max(part.height, part.width)
    found = job.picture(job.finger(take), take.sample - 1, take.session, size)
    if found.shape != size or found.dtype != np.uint8:
        raise DataError(
            f"a drawn picture is {found.shape} of {found.dtype}; expected {size} of uint8: draw what was "
            "asked for"
        )
    seen = found if take.session == 1 else another_day(found)
    return np.ascontiguousarray(np.rot90(seen)) if part.height > part.width else seen


def _wild(job: _Job, take: Take) -> str:
    if job.database.name != "fingerveinsyn":
        return job.part.wild
    return f"{job.part.wild.rpartition('|')[0]}|{kind(take.sample)}"


def _noted(path: str, job: _Job, take: Take) -> Iterable[File]:
    """Return the annotation of an annotated picture."""
    if job.part.crop != "annotated":
        return ()
    name = path.replace(RAW, NOTES, 1).removesuffix(".png") + ".xml"
    note = job.note(job.finger(take), take.sample - 1)
    return ((name, spell(note, path.rpartition("/")[2], job.part.width, job.part.height)),)
