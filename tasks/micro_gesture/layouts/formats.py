"""The published layouts by name, and which of them a folder holds."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from isofed.tasks.micro_gesture.joints import IMIGUE, SMG, Body
from isofed.tasks.micro_gesture.layouts import imigue, miga, smg, smg_miga
from isofed.tasks.micro_gesture.layouts.clips import Floats, Listing


@dataclass(frozen=True)
class Format:
    """One published layout.

    Args:
        name: as in ``data=``.
        title: of the data set.
        summary: one line for ``isofed list layouts``.
        body: whose joints.
        rate: frames a second.
        list_clips: (root, whose alone or None) to its clips, none of them opened.
        frames: a file of its joints to (L, V, 3), or to what is wrong with it.
        counts: what a whole copy holds, by what is counted; what is not known is left out.
    """

    name: str
    title: str
    summary: str
    body: Body
    rate: int
    list_clips: Callable[[Path, int | None], Listing] = field(repr=False)
    frames: Callable[[Path], Floats | str] = field(repr=False)
    counts: tuple[tuple[str, int], ...] = ()


FORMATS = {
    made.name: made
    for made in (
        Format(
            "imigue",
            imigue.TITLE,
            "iMiGUE: players' gestures at press conferences, a JSON file for each clip, won or lost",
            IMIGUE,
            25,
            imigue.list_clips,
            imigue.frames,
            # of the emotion protocol's videos
            (("subjects", 72), ("videos", 202), ("training clips", 4961), ("test clips", 4881)),
        ),
        Format(
            "imigue_miga",
            miga.TITLE,
            "iMiGUE as the MiGA challenge hands it out: tables of joints and gestures for each video",
            IMIGUE,
            25,
            miga.list_clips,
            miga.frames,
        ),
        Format(
            "smg",
            smg.TITLE,
            "SMG: relaxed and stressed people before a Kinect, a JSON file for each clip",
            SMG,
            30,
            smg.list_clips,
            smg.frames,
            (("subjects", 40),),
        ),
        Format(
            "smg_miga",
            smg_miga.TITLE,
            "SMG as its authors hand it out: tables of joints, gestures and emotions for each subject",
            SMG,
            30,
            smg_miga.list_clips,
            smg_miga.frames,
            (("subjects", 40), ("clips", 3692)),
        ),
    )
}


def guessed(folder: Path) -> Format:
    """Return the layout that a folder holds: by its folders' names, and iMiGUE's where they say nothing."""
    inside = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    for mark, name in ((miga.FOLDER, "imigue_miga"), (smg_miga.FOLDER, "smg_miga")):
        if any(found.startswith(mark) for found in inside):
            return FORMATS[name]
    return FORMATS["smg" if set(inside) & set(smg.SPLITS) else "imigue"]
