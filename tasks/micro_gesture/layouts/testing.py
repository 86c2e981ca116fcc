"""What the evaluator tests on: the labelled clips of every silo that nobody is trained on."""

from pathlib import Path
from typing import Any

import numpy as np

from isofed.errors import DataError
from isofed.tasks.layouts.joined import Joined
from isofed.tasks.micro_gesture.layouts.clips import NOBODY, TestClips
from isofed.tasks.micro_gesture.layouts.owners import Silo, listed
from isofed.tasks.micro_gesture.layouts.splits import sides
from isofed.tasks.micro_gesture.layouts.store import opened

SILO = 1_000_000  # between the numbers of one silo's subjects and those of the next


def open_test(found: tuple[Silo, ...], cache: Path, options: Any) -> TestClips:
    """Open the tested clips of every silo; no video is one of two silos, nor is a subject.

    Raises:
        DataError: there is none; clips that cannot be read.
    """
    parts, videos, subjects, labels = [], [np.zeros(0, np.int64)], [], []
    for place, silo in enumerate(found):
        clips = listed(silo)
        own = clips.take(sides(clips, options)[1])
        parts.append(opened(own, silo.format.frames, cache / silo.name, options))
        labels.append(own.labels)
        videos.append(_numbered(own.videos) + videos[-1].max(initial=-1) + 1)
        known = own.subjects != NOBODY
        subjects.append(np.where(known, own.subjects + SILO * place, NOBODY))
    tested = np.concatenate(labels)
    if not len(tested):
        raise DataError(
            f"no labelled clip is left to test on with split={options.split}; expected one or more: choose "
            "another task.split, or give clips whose emotion is known"
        )
    inputs: Any = parts[0] if len(parts) == 1 else Joined(tuple(parts))
    return TestClips(inputs, tested, np.concatenate(videos), np.concatenate(subjects), found[0].format.body)


def _numbered(keys: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    return found
