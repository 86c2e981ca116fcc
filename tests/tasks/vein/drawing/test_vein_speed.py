"""Check 17: how fast one core draws, by its processor time, while little else runs there."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.sensors import Sensor
from isofed.tasks.vein.drawing.stream import rois
from isofed.tasks.vein.drawing.threads import one_thread
from isofed.tasks.vein.drawing.writer import Drawing, write_finger

FULL, ROIS = 60, 300  # samples a second of one core, their finger included
BUSY = 0.5  # share of the cores in use above which nothing is measured; benchmarks/vein.py always does

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.getloadavg()[0] > BUSY * (os.cpu_count() or 1) + 1,
        reason="other work shares the cores; benchmarks/vein.py measures all the same",
    ),
]


def rate(work: Callable[[int], object]) -> float:
    """Return samples a second, the best of three fingers of a hundred after one that is not counted."""
    times = []
    with one_thread():
        for number in range(4):
            begun = time.process_time()
            work(number)
            times.append(time.process_time() - begun)
    return 100 / min(times[1:])


def test_check_17_whole_samples_are_written_fast_enough(tmp_path: Path) -> None:
    assert rate(lambda number: write_finger(tmp_path, 0, Drawing(samples=100), number)) >= FULL


def test_check_17_rois_are_drawn_fast_enough() -> None:
    numbers = np.arange(1, 101)
    assert rate(lambda number: rois(identity(0, number), numbers, Sensor())) >= ROIS
