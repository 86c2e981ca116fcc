"""The two sides of a database: what a site trains on, and what its evaluator tests on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.config import within
from isofed.seeds import public
from isofed.tasks.task import Part, Samples
from isofed.tasks.vein.benchmarks.rules import Split, Takes
from isofed.tasks.vein.layouts.read import Fingers

FEWEST = 10  # fingers that are kept at least: fewer teach nothing
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class TestSet:
    """What the evaluator of one database holds.

    Attributes:
        fingers: pictures of subjects whom nobody trains on.
        split: whom to compare with whom, rows of these pictures.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name
    fingers: Fingers
    split: Split


def training(fingers: Fingers, split: Split, rows: Integers | None = None) -> Samples:
    """Return the training half, labelled by finger from 0 in the order of subjects.

    Args:
        fingers: the whole database.
        split: of it.
        rows: of the database, to train on no more than these, such as :func:`few` gives; None for all.
    """
    chosen = split.train if rows is None else rows
    return Samples(Part(fingers.pixels, chosen), fingers.takes.take(chosen).ids())


def held_out(fingers: Fingers, split: Split) -> TestSet:
    """Return the tested pictures alone; none of the training half is touched."""
    parts = split.enrol if split.probe is None else np.concatenate([split.enrol, split.probe])
    rows = np.sort(parts)
    enrol = np.searchsorted(rows, split.enrol)
    probe = None if split.probe is None else np.searchsorted(rows, split.probe)
    nobody = np.zeros(0, np.int64)
    held = Fingers(fingers.pixels[rows], fingers.takes.take(rows))
    return TestSet(held, Split(nobody, nobody, enrol, probe))


def few(takes: Takes, rows: Integers, share: float, images: int, seed: int) -> Integers:
    """Draw a few fingers of the training half, and a few pictures of each: fine-tuning on little real data.

    Args:
        takes: of the whole database.
        rows: of the training half.
        share: of its fingers that are kept, above 0 to 1; ten at least, as far as there are.
        images: of each that are kept, 1 or more; all where there are fewer.
        seed: of the draw.

    Raises:
        ConfigError: a number outside its range.
    """
    within("share", share, 1e-9, 1.0)
    within("images", images, 1, 1_000_000)
    ids, rng = takes.take(rows).ids(), public(seed, 0, "", "few fingers")
    people = int(ids.max(initial=-1)) + 1
    kept = rng.permutation(people)[: max(min(FEWEST, people), round(share * people))]
    order = rng.permutation(len(rows))
    shuffled = ids[order]
    # how many pictures of the same finger stand before each
    grouped = np.argsort(shuffled, kind="stable")
    before = np.empty(len(rows), np.int64)
    starts = np.searchsorted(shuffled[grouped], np.arange(people))
    before[grouped] = np.arange(len(rows)) - starts[shuffled[grouped]]
    return np.sort(rows[order[(before < images) & np.isin(shuffled, kept)]])
