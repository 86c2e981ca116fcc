"""What the readers return: clips as the network is fed them, and those that an evaluator tests on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.action_units.labels import Integers
from isofed.tasks.layouts.joined import Joined

Halves = NDArray[np.float16]


@dataclass(frozen=True)
class Motions:
    """A site's clips; those of one person are held out together.

    Attributes:
        flow: indexable by an integer array, (N, 3, H, W) float16 in 0 to 1, often memory-mapped.
        latents: likewise, (N, 64, H/4, W/4) float16, pooled, at least 0.
        scenes: (n,) int64, the person of each.
        rows: (n,) int64, which of the N; None for all.
        told: what is odd about the site's clips, sentences of counts alone.
    """

    flow: Any
    latents: Any
    scenes: Integers
    rows: Integers | None = None
    told: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, places: Integers) -> tuple[Halves, Halves]:
        """Return flow pictures (b, 3, H, W) and pooled latents (b, 64, H/4, W/4) of ``places``, (b,)."""
        rows = places if self.rows is None else self.rows[places]
        return self.flow[rows], self.latents[rows]

    def part(self, rows: Integers) -> "Motions":
        """Return those at ``rows``, (n,), none of them copied."""
        whole = rows if self.rows is None else self.rows[rows]
        return Motions(self.flow, self.latents, self.scenes[rows], whole, self.told)


def together(several: Sequence[Motions]) -> Motions:
    """Return the clips of several sets, one after the other, none of them copied; people stay apart.

    Args:
        several: at least one, each with all of its rows.
    """
    if len(several) == 1:
        return several[0]
    ends = np.cumsum([0, *(each.scenes.max() + 1 for each in several)])
    return Motions(
        Joined(tuple(each.flow for each in several)),
        Joined(tuple(each.latents for each in several)),
        np.concatenate([each.scenes + end for each, end in zip(several, ends, strict=False)]),
        told=tuple(sentence for each in several for sentence in each.told),
    )


@dataclass(frozen=True)
class TestClips:
    """What the evaluator holds: all clips of the database that nobody trains on.

    Attributes:
        inputs: N clips.
        labels: (N,) int64, see labels.py.
        databases: (N,) int64, places in ``DATABASES``, so that folds can be pooled.
        subjects: (N,) int64, equal for clips of one person.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name
    inputs: Motions
    labels: Integers
    databases: Integers
    subjects: Integers

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Integers) -> "TestClips":
        """Return the clips at ``rows``, (n,)."""
        return TestClips(self.inputs.part(rows), self.labels[rows], self.databases[rows], self.subjects[rows])
