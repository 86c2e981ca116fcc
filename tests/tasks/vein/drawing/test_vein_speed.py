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

FULL, ROIS = 60, 300  # samples a second of one core's time, as accepted


def rate(samples: int, work: Callable[[int], object]) -> float:
    """Return the best rate of three runs, by processor time."""
    times = []
    with one_thread():
        for run in range(4):
            started = time.process_time()
            work(run)
            times.append(time.process_time() - started)
    return samples / min(times[1:])


@pytest.mark.slow
def test_whole_samples_are_written_fast_enough(tmp_path: Path) -> None:
    assert rate(100, lambda n: write_finger(tmp_path / str(n), 0, Drawing(samples=100), n)) >= FULL


@pytest.mark.slow
def test_rois_are_drawn_fast_enough() -> None:
    numbers = np.arange(1, 101)
    assert rate(100, lambda n: rois(identity(0, n), numbers, Sensor())) >= ROIS
