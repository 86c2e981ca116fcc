"""No loop in Python over frames or joints: a longer clip costs no further call."""

import gc
import json
import sys
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

from isofed.tasks.micro_gesture.drawing.body import acted, habits
from isofed.tasks.micro_gesture.drawing.plan import Video
from isofed.tasks.micro_gesture.frames import NORMALISATIONS, VIEWS, prepared
from isofed.tasks.micro_gesture.joints import IMIGUE
from isofed.tasks.micro_gesture.layouts import imigue, miga, smg
from isofed.tasks.micro_gesture.layouts.clips import Span
from isofed.tasks.micro_gesture.layouts.store import cut


def calls(work: Callable[[], Any]) -> int:
    """Return how many functions are called, those written in C included."""
    count = 0

    def hear(frame: FrameType, event: str, given: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    work()  # once before, so that what is done once alone is not counted
    gc.disable()  # others listen to it
    sys.setprofile(hear)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def clip(path: Path, frames: int) -> Path:
    parts = {name: np.ones((frames, joints, 3)).tolist() for name, joints in imigue.PARTS.items()}
    path.write_text(json.dumps(parts))
    return path


@pytest.mark.parametrize("reader", [imigue, smg], ids=["imigue", "smg"])
def test_reading_a_clip(reader: Any, tmp_path: Path) -> None:
    short, long = (clip(tmp_path / f"{frames}.json", frames) for frames in (5, 200))
    assert isinstance(reader.frames(long), np.ndarray)
    assert calls(lambda: reader.frames(short)) == calls(lambda: reader.frames(long))


def test_reading_a_table(tmp_path: Path) -> None:
    counts = []
    for rows in (5, 200):
        path = tmp_path / f"{rows}.csv"
        np.savetxt(path, np.hstack([np.arange(rows)[:, None], np.ones((rows, 105))]), delimiter=",")
        counts.append(calls(partial(miga.frames, path)))
    # NumPy asks Python for every line of a file, and for nothing else of it
    assert counts[1] - counts[0] <= 195 * 4


def test_cutting_and_preparing() -> None:
    whole = np.random.default_rng(0).random((900, 22, 3)).astype(np.float32)
    short, long = ((Span(Path("a"), 0, end),) * 2 for end in (9, 899))
    assert calls(lambda: cut(short, whole, 22)) == calls(lambda: cut(long, whole, 22))
    for normalise, view in product(NORMALISATIONS, VIEWS):
        few, many = (
            partial(prepared, cut(spans, whole, 22)[0], IMIGUE, normalise, "hold", view)
            for spans in (short, long * 4)
        )
        assert calls(few) == calls(many)


def test_drawing() -> None:
    person = habits(np.random.default_rng(0))

    def draw(length: int) -> dict[str, np.ndarray]:
        video = Video(1, 1, 1, "train", np.array([12]), np.array([length]), np.array([4]), 0.0)
        return acted(video, person, 25, np.random.default_rng(1))

    assert calls(lambda: draw(20)) == calls(lambda: draw(2000))
