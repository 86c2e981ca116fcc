"""The generator as a source of pictures for the small trees of every database.

A database's pictures are those of the virtual sensor that is most like it; one that has cut the finger out
gets the ROI alone. Databases show different fingers: each draws from a seed of its own.
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np
from PIL import Image

from isofed.seeds import public_key
from isofed.suggest import pick
from isofed.tasks.vein.drawing import outline
from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.pose import forward
from isofed.tasks.vein.drawing.render import render, roi_box
from isofed.tasks.vein.drawing.roi import render_roi
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.sensors import Sensor, preset, seen
from isofed.tasks.vein.drawing.variations import Variation, flags
from isofed.tasks.vein.layouts.annotation import Annotation
from isofed.tasks.vein.layouts.database import Database
from isofed.tasks.vein.layouts.write import Noted, Picture, Pixels

# the preset most like each database; those that are like none are taken by the one with the mildest numbers
SENSORS = {
    "fingerveinsyn": "fingerveinsyn",
    "fv_usm": "usm_like",
    "sdumla": "sdumla_like",
    "mmcbnu": "mmcbnu_like",
    "utfvp": "utfvp_like",
    "hkpu": "utfvp_like",
    "plusvein": "usm_like",
    "nupt_fpv": "nupt_like",
    "thu_fvfdt": "utfvp_like",
    "vera": "vera_like",
}
OTHERS = {"laser_palmar": "mmcbnu_like", "laser_dorsal": "mmcbnu_like"}  # PLUSVein's second sensor
KEPT = 4  # fingers that are remembered: the pictures of one come one after the other


def drawn(database: Database, part: str = "", seed: int = 0) -> tuple[Picture, Noted]:
    """Return what draws a database's pictures, and what annotates them.

    Args:
        database: whose pictures.
        part: which kind of them; the first where none is named.
        seed: any integer; databases never share a finger, whatever it is.

    Raises:
        ConfigError: the database has no such part.
    """
    chosen = pick("part", part, database.parts) if part else database.part()
    like = OTHERS.get(part, SENSORS[database.name])
    sensor = fitted(preset(like), chosen.height, chosen.width, chosen.crop == "whole")
    own = public_key(seed, 0, f"{database.name}{chosen.veins}", "fingers")  # two sides of a finger are two
    fingers = lru_cache(KEPT)(lambda number: identity(own, number, sensor))

    def seen_as(number: int, sample: int, session: int) -> tuple[Finger, Variation]:
        image = (session - 1) * database.samples + sample + 1
        return fingers(number), variation(own, number, image, sensor.schedule)

    def picture(number: int, sample: int, session: int, size: tuple[int, int]) -> Pixels:
        finger, circumstances = seen_as(number, sample, session)
        if chosen.crop != "whole":
            return render(finger, circumstances, sensor).image
        roi = Image.fromarray(render_roi(finger, circumstances, sensor))
        return np.asarray(roi.resize(size[::-1], Image.Resampling.BILINEAR))

    return picture, lambda number, sample: note(*seen_as(number, sample, 1), sensor)


def fitted(sensor: Sensor, height: int, width: int, cut: bool) -> Sensor:
    """Return a sensor whose pictures have a size, and show as much of the finger as before.

    Args:
        sensor: a preset.
        height, width: asked for, pixels.
        cut: whether only the ROI is shown, whatever the size of the sensor's own pictures.
    """
    if cut:
        return sensor
    return replace(sensor, height=height, width=width, pitch=sensor.pitch * sensor.width / width)


def note(finger: Finger, circumstances: Variation, sensor: Sensor) -> Annotation:
    """Return what is annotated of a picture; a scale of 1 is written as 0, as published."""
    center, size, angle = roi_box(finger, circumstances, sensor)
    pose = circumstances.pose
    joints = seen(sensor, forward(pose, outline.joints(finger.identity)))
    return Annotation(
        center,
        size,
        angle,
        (pose.dx, pose.dy),
        circumstances.roll,
        0.0 if pose.scale == 1 else pose.scale,
        tuple((float(x), float(y)) for x, y in joints),
        flags(circumstances),
    )
