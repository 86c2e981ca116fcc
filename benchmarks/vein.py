"""How fast fingers are drawn: processor time of one core, best of several runs.

    .venv/bin/python benchmarks/vein.py [--fingers 2] [--runs 3] [--sensor fingerveinsyn] [--workers 1 2]

Prints one JSON object: whole samples a second a core, written as five files (picture, ROI, two masks, XML),
their finger included; ROIs a second a core in memory; what five million samples would take; how wall time
scales with workers; and the PNG writer beside Pillow's. Ends with 1 where the first two are below what the
task's sheet asks of one core, check 17, which holds for a quiet machine alone.
"""

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.png import encode_grey
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.sensors import Sensor, preset
from isofed.tasks.vein.drawing.stream import rois
from isofed.tasks.vein.drawing.threads import one_thread
from isofed.tasks.vein.drawing.variations import Variation
from isofed.tasks.vein.drawing.writer import Drawing, write_finger, write_fingers

SAMPLES = 100  # of a finger, as published
PUBLISHED = 5_000_000  # samples
ASKED = {"full_samples_per_second_per_core": 60, "roi_samples_per_second_per_core": 300}
CORES = 16  # for which the whole data set's time is stated


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fingers", type=int, default=2, help="of a run, 100 samples each")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sensor", default="fingerveinsyn")
    parser.add_argument(
        "--workers", type=int, nargs="*", default=[], help="also measure wall time with so many"
    )
    arguments = parser.parse_args()
    sensor = preset(arguments.sensor)
    with one_thread():
        written = best(lambda: write(arguments), arguments.runs) / arguments.fingers
        drawn = best(lambda: draw(arguments.fingers, sensor), arguments.runs) / arguments.fingers
        finger = best(lambda: [identity(0, n, sensor) for n in range(8)], arguments.runs) / 8
        found = told(written, drawn, finger, sensor, arguments)
    print(json.dumps(found, indent=1))
    sys.exit(any(found[name] < least for name, least in ASKED.items()))


def told(written: float, drawn: float, finger: float, sensor: Sensor, arguments: Any) -> dict[str, Any]:
    """Return the numbers; arguments are seconds a finger."""
    return {
        "sensor": sensor.name,
        "full_samples_per_second_per_core": round(SAMPLES / written, 1),
        "roi_samples_per_second_per_core": round(SAMPLES / drawn, 1),
        "milliseconds_of_a_finger_before_its_first_sample": round(1e3 * finger, 1),
        "core_hours_for_5_million_full_samples": round(written * PUBLISHED / SAMPLES / 3600, 2),
        f"hours_for_5_million_on_{CORES}_cores": round(written * PUBLISHED / SAMPLES / 3600 / CORES, 2),
        "wall_samples_per_second_by_workers": {
            str(n): round(wall(n, arguments), 1) for n in arguments.workers
        },
        "png": png(render(identity(0, 0, sensor), Variation(), sensor).image),
    }


def write(arguments: Any) -> None:
    """Write fingers to a folder that is thrown away."""
    options = Drawing(fingers=arguments.fingers, samples=SAMPLES, sensor=arguments.sensor)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.fingers):
            write_finger(Path(folder), 0, options, number)


def draw(fingers: int, sensor: Sensor) -> None:
    """Draw ROIs and hold none."""
    for number in range(fingers):
        rois(identity(0, number, sensor), np.arange(1, SAMPLES + 1), sensor)


def wall(workers: int, arguments: Any) -> float:
    """Return samples a second of wall time, the start of the processes included."""
    options = Drawing(fingers=4 * workers, samples=SAMPLES, sensor=arguments.sensor, workers=workers)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        write_fingers(Path(folder) / "tree", 0, options)
        return options.fingers * SAMPLES / (time.perf_counter() - started)


def png(image: np.ndarray) -> dict[str, Any]:
    """Compare PNG writers on one picture: milliseconds and bytes."""
    found = {}
    writers: dict[str, Callable[[], bytes]] = {"ours": lambda: encode_grey(image)}
    writers |= {f"pillow_level_{level}": (lambda level=level: pillow(image, level)) for level in (1, 6)}
    for name, encode in writers.items():
        seconds = best(lambda encode=encode: [encode() for _ in range(10)], 3) / 10
        found[name] = {"milliseconds": round(1e3 * seconds, 2), "bytes": len(encode())}
    return found


def pillow(image: np.ndarray, level: int) -> bytes:
    """Return what Pillow makes of a picture."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def best(work: Callable[[], object], runs: int) -> float:
    """Return the least processor time of several runs, seconds."""
    work()
    times = []
    for _ in range(runs):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()
