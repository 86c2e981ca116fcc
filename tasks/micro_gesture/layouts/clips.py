"""What the readers return: a tree's clips before any is opened, and clips in memory."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.micro_gesture.joints import Body

Integers = NDArray[np.int64]
Floats = NDArray[np.float32]
UNLABELLED = -1
NOBODY = -1  # of a subject: the tree does not say who is shown
NONE, TRAIN, VALID, TEST = 0, 1, 2, 3  # on which published list a clip stands


@dataclass(frozen=True)
class Span:
    """Where a clip lies: frames ``start`` to ``end`` of a file, ``end`` included, or all where it is -1."""

    path: Path
    start: int = 0
    end: int = -1


@dataclass(frozen=True)
class Listing:
    """A tree's clips, N, in an order that names alone decide; no skeleton has been opened.

    Attributes:
        title: of the data set, for errors.
        body: whose joints.
        spans: where each lies.
        labels: (N,) 0 or 1, the emotion, or -1 where nobody said.
        videos: (N,) the number of the recording that a clip is from.
        subjects: (N,) the number of whom it shows, or -1 where the tree does not say.
        lists: (N,) on which published list it stands, ``NONE`` to ``TEST``.
    """

    title: str
    body: Body
    spans: tuple[Span, ...]
    labels: Integers
    videos: Integers
    subjects: Integers
    lists: Integers

    def __len__(self) -> int:
        return len(self.spans)

    def take(self, rows: Integers) -> "Listing":
        """Return the clips at ``rows``, (n,)."""
        columns = {name: getattr(self, name)[rows] for name in ("labels", "videos", "subjects", "lists")}
        return replace(self, spans=tuple(self.spans[row] for row in rows.tolist()), **columns)


@dataclass(frozen=True)
class Skeletons:
    """A site's clips, fed to the network as they are; those of one video are held out together.

    Attributes:
        clips: indexable by an integer array, (N, 3, 52, V) float32, possibly memory-mapped.
        scenes: (N,) int64, the video of each.
    """

    clips: Floats
    scenes: Integers
    rows: Integers | None = None

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, places: Integers) -> Floats:
        """Return (n, 3, 52, V) of ``places``, (n,)."""
        return self.clips[places if self.rows is None else self.rows[places]]

    def part(self, rows: Integers) -> "Skeletons":
        """Return those at ``rows``, (n,), none of them copied."""
        return Skeletons(self.clips, self.scenes[rows], rows if self.rows is None else self.rows[rows])


@dataclass(frozen=True)
class TestClips:
    """What the evaluator holds: labelled clips of nobody's training data.

    Attributes:
        inputs: (N, 3, 52, V) float32, indexable by an integer array, possibly memory-mapped.
        labels: (N,) int64, 0 or 1.
        videos: (N,) int64, numbered from 0; a video's clips stand together and share a label.
        subjects: (N,) int64, as numbered in the tree, plus a million for every silo before; -1 where it does
            not say.
        body: whose joints.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name
    inputs: Floats
    labels: Integers
    videos: Integers
    subjects: Integers
    body: Body

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Integers) -> "TestClips":
        """Return the clips at ``rows``, (n,)."""
        return TestClips(
            self.inputs[rows], self.labels[rows], self.videos[rows], self.subjects[rows], self.body
        )
