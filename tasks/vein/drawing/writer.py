"""Writing fingers as FingerVeinSyn-5M is published, finger by finger, so that a killed run goes on.

::

    FingerVeinSyn-5M/{raw_images,roi_images,shape_masks,pattern_masks}/{ID5}/{ID5}_{NNN}_{Type}.png
    FingerVeinSyn-5M/annotations/{ID5}/{ID5}_{NNN}_{Type}.xml

A finger's folders are written beside their places and renamed, the annotations last: where those are, the
finger is whole, and it is passed over. The bytes depend on the seed, the finger, the sample and the sensor,
never on workers or on what else is drawn.
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from isofed.config import within
from isofed.errors import ConfigError
from isofed.tasks.layouts.tree import placed, read_mark
from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.notes import note
from isofed.tasks.vein.drawing.png import encode_grey
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.roi import render_roi
from isofed.tasks.vein.drawing.schedule import spread_over, variation
from isofed.tasks.vein.drawing.sensors import Sensor, preset
from isofed.tasks.vein.drawing.variations import Variation
from isofed.tasks.vein.layouts.annotation import parse
from isofed.tasks.vein.layouts.crop import annotated

TOP = "FingerVeinSyn-5M"
ROIS = "roi_images"
FOLDERS = ("raw_images", ROIS, "shape_masks", "pattern_masks", "annotations")  # the last makes a finger whole
PARTS = ("all", "rois")
MOST_FINGERS, MOST_SAMPLES = 99_999, 999  # that the names have digits for
Progress = Callable[[int, int], None]
Spread = Callable[..., Iterable[Any]]  # like the built-in map


@dataclass(frozen=True)
class Drawing:
    """What to draw.

    Args:
        fingers: how many, 1..99999.
        samples: pictures of each, 1..999; fewer than 100 are spread over the published schedule.
        first: number of the first finger, 0 on: clients whose numbers do not meet share no finger.
        sensor: a preset's name.
        parts: "all", or "rois" for the cut-out pictures alone, which are drawn at their own size.
        workers: processes, 1 on.
        schedule: "own", the sensor's, or "published", that of FingerVeinSyn-5M whatever the sensor.

    Raises:
        ConfigError: a number outside its range, another part, an unknown sensor or schedule.
    """

    fingers: int = 32
    samples: int = 20
    first: int = 0
    sensor: str = "fingerveinsyn"
    parts: str = "all"
    workers: int = 1
    schedule: str = "own"

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn or named."""
        within("fingers", self.fingers, 1, MOST_FINGERS)
        within("samples", self.samples, 1, MOST_SAMPLES)
        within("first", self.first, 0, MOST_FINGERS - self.fingers)
        within("workers", self.workers, 1, 1024)
        preset(self.sensor, self.schedule)
        if self.parts not in PARTS:
            raise ConfigError(f"'parts' is '{self.parts}', but must be one of {', '.join(PARTS)}")


def write_fingers(
    out: Path,
    seed: int,
    options: Drawing | None = None,
    spread: Spread = map,
    progress: Progress | None = None,
) -> None:
    """Write a data set; one that is there whole is left alone, one that was begun is finished.

    Args:
        out: the root to be.
        seed: any integer; the same seed gives the same bytes.
        options: how much to draw.
        spread: like the built-in ``map``; with that and ``workers`` above 1, processes are started here.
        progress: called with the pictures written and their total.

    Raises:
        DataError: ``out`` holds something that was not made by isofed.
    """
    chosen, out = options or Drawing(), Path(out)
    total, told = chosen.fingers * chosen.samples, progress or (lambda done, total: None)
    whole = mark(seed, chosen)
    if out.exists() and read_mark(out) == whole:
        return told(total, total)
    with placed(out, whole, resume=True) as root, _workers(spread, chosen.workers) as over:
        job = partial(write_finger, root / TOP, seed, chosen)
        numbers = range(chosen.first, chosen.first + chosen.fingers)
        for done, samples in enumerate(over(job, numbers), 1):
            told(done * samples, total)


def mark(seed: int, options: Drawing) -> dict[str, Any]:
    """Return what ``synthetic.json`` shall hold: what was drawn, not by how many."""
    # trees that were drawn before there was a choice of schedules have no such word
    silent = ("workers",) if options.schedule != "own" else ("workers", "schedule")
    drawn = {name: value for name, value in asdict(options).items() if name not in silent}
    images = options.fingers * options.samples
    expected = {"subjects": options.fingers, "fingers": options.fingers, "images": images}
    return {
        "made_by": "isofed",
        "layout": "fingerveinsyn",
        "seed": seed,
        "options": drawn,
        "expected": expected,
    }


def write_finger(root: Path, seed: int, options: Drawing, number: int) -> int:
    """Write one finger's folders below ``root`` unless they are there; return its pictures."""
    name = f"{number + 1:05d}"
    folders = (ROIS,) if options.parts == "rois" else FOLDERS
    beside = root / f".{name}.partial"
    # left by a run that was killed, perhaps after its last folder had been moved
    shutil.rmtree(beside, ignore_errors=True)
    if not (root / folders[-1] / name).is_dir():
        for folder in folders:
            (beside / folder).mkdir(parents=True)
        for path, data in _files(seed, options, number, name):
            (beside / path).write_bytes(data)
            _stop_alone()
        _move(beside, root, folders, name)
    return options.samples


def _stop_alone() -> None:
    """Leave a worker whose parent was killed: another run may already be at the same finger."""
    parent = parent_process()
    if parent is not None and not parent.is_alive():
        raise SystemExit(1)


def _move(beside: Path, root: Path, folders: tuple[str, ...], name: str) -> None:
    for folder in folders:
        place = root / folder / name
        # left by a run that was killed between two folders
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        (beside / folder).replace(place)
    beside.rmdir()


def _files(seed: int, options: Drawing, number: int, name: str) -> Iterator[tuple[str, bytes]]:
    sensor = preset(options.sensor, options.schedule)
    finger = identity(seed, number, sensor)
    for sample in spread_over(options.samples):
        taken = variation(seed, number, sample, sensor.schedule)
        stem = f"{name}_{sample:03d}_{taken.kind}"
        if options.parts == "rois":
            yield f"{ROIS}/{stem}.png", encode_grey(render_roi(finger, taken, sensor))
        else:
            yield from sample_files(finger, taken, sensor, stem)


def sample_files(finger: Finger, taken: Variation, sensor: Sensor, stem: str) -> Iterator[tuple[str, bytes]]:
    """Yield (folder/name, bytes) of a picture, its ROI, its masks and its annotation."""
    sample = render(finger, taken, sensor)
    text = note(finger, sample, f"{stem}.png")
    # as a reader will cut it out, who knows the box to two decimals
    roi = annotated(sample.image, parse(text))
    pictures = (sample.image, roi, sample.shape, sample.vein)
    for folder, pixels, flat in zip(FOLDERS, pictures, (False, False, True, True), strict=False):
        yield f"{folder}/{stem}.png", encode_grey(pixels, flat)
    yield f"{FOLDERS[-1]}/{stem}.xml", text


@contextmanager
def _workers(spread: Spread, workers: int) -> Iterator[Spread]:
    """Give ``spread``, or processes of our own where it is the built-in map and several are wanted."""
    if spread is not map or workers == 1:
        yield spread
        return
    # a forked process would inherit torch's threads, which do not live on in it
    with get_context("spawn").Pool(workers) as pool:
        yield pool.imap
