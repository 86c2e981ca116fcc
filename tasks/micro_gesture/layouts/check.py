"""Comparing trees on disk with the published counts, and opening every clip.

For the local command ``isofed data check NAME DIR`` alone: its findings name files.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from isofed.tasks.layouts import checking
from isofed.tasks.micro_gesture.layouts.clips import NOBODY, TEST, TRAIN, UNLABELLED, Listing
from isofed.tasks.micro_gesture.layouts.owners import Silo, listed
from isofed.tasks.micro_gesture.layouts.store import FAULTS, faulty
from isofed.tasks.task import Finding, Progress


def check(found: tuple[Silo, ...], progress: Progress | None = None) -> list[Finding]:
    """Compare each silo with the counts of its data set, or with those of its ``synthetic.json``.

    ``progress`` is called with the files looked at and their number.

    Raises:
        DataError: there is no tree to look at.
    """
    lines = []
    for silo in found:
        shown = f"{silo.name}: " if len(found) > 1 else ""
        own = _checked(silo, progress)
        lines += [Finding(f"{shown}{line.what}", line.found, line.expected, line.ok) for line in own]
    return lines


def counted(clips: Listing) -> dict[str, int]:
    """Return what a tree holds."""
    return {
        "subjects": len(set(clips.subjects[clips.subjects != NOBODY].tolist())),
        "videos": len(set(clips.videos.tolist())),
        "clips": len(clips),
        "training clips": int((clips.lists == TRAIN).sum()),
        "test clips": int((clips.lists == TEST).sum()),
    }


def _checked(silo: Silo, progress: Progress | None) -> Iterator[Finding]:
    clips = listed(silo)
    expected = checking.expected_counts(silo.root, dict(silo.format.counts), _counts_from)
    have = counted(clips)
    yield from checking.compare((name, have[name], count) for name, count in expected.items())
    yield _one_emotion(clips)
    faults = list(faulty(clips, silo.format.frames, progress))
    for span, word in faults:
        found, wanted = FAULTS[word]
        told = wanted.format(joints=f"{len(clips.body.joints)} joints of 3 numbers")
        where = f"{span.path.relative_to(silo.root).as_posix()}, frames {span.start} to {span.end}"
        yield Finding(where.removesuffix(", frames 0 to -1"), f"clips that {found}", told, False)
    good = f"{len(clips) - len(faults)} of {len(clips)}"
    yield Finding("clips that can be read", good, "all", not faults)


def _one_emotion(clips: Listing) -> Finding:
    """Say whether the clips of a video agree, as they must where a video is decided by their majority."""
    known = clips.labels != UNLABELLED
    pairs = np.unique(np.stack([clips.videos[known], clips.labels[known]], 1), axis=0)
    double = len(pairs) - len(np.unique(pairs[:, 0]))
    return Finding("videos with two emotions", str(double), "0", double == 0)


def _counts_from(expected: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in expected.items()}
