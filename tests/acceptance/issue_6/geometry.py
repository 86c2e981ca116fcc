#!/usr/bin/env python3
"""Geometry: masks warped back onto the neutral pose, kind by kind, and veins moved by a roll.

    python tests/acceptance/issue_6/geometry.py [--fingers 2]

Every one of a finger's hundred published variations is drawn. *Warped back*: its vein mask, read where the
neutral pose's pixels went, against the neutral mask. *Foretold*: where each layer's own vessels must lie,
against its mask. Overlaps are intersection over union, the least picture and the mean of a kind; formulas and
bounds are those of tests/tasks/vein/drawing/test_vein_geometry.py, written out there and not taken from the
generator. A roll is found again, in degrees, from bands of the surface before and after it.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tasks" / "vein" / "drawing"))

import numpy as np
import test_vein_geometry as geometry

from isofed.tasks.vein.benchmarks.masks import iou
from isofed.tasks.vein.drawing.finger import Finger, identity
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.variations import Variation

SEED = 13
ROLLS = (-20.0, -10.0, -5.0, 5.0, 10.0, 20.0)
AZIMUTHS = (-0.6, -0.3, 0.0, 0.3, 0.6)
NEAR, AGREED = 1.5, 0.6  # degrees between a roll and the one that masks show, and their least overlap


def overlaps(fingers: list[Finger], kind: str) -> Iterator[str]:
    """Print the overlaps of a kind of variation and yield what is below its bounds."""
    found, faults = [], 0
    for finger in fingers:
        for taken in geometry.each(finger, kind):
            both = [iou(*pair(finger, taken)) for pair in (geometry.warped_back, geometry.foretold)]
            faults += bool(np.any(np.array(both) <= geometry.bound(taken.variation)))
            found.append(both)
    least, mean = np.min(found, axis=0), np.mean(found, axis=0)
    print(
        f"{kind:<13}{len(found):>5} pictures   warped back {least[0]:.3f} least, {mean[0]:.3f} mean   "
        f"foretold {least[1]:.3f} least, {mean[1]:.3f} mean",
        flush=True,
    )
    if faults:
        yield f"{kind}: {faults} pictures overlap less than the stated bounds"
    if not np.all(mean > geometry.MEANS.get(kind, geometry.UNMOVED)):
        yield f"{kind}: the mean overlap is below {geometry.MEANS.get(kind, geometry.UNMOVED)}"


def rolls(finger: Finger) -> Iterator[str]:
    """Print by how much masks were turned at places of the surface, and yield what is not the roll."""
    radius = float(finger.identity.rho * finger.shape.radius[300])
    still = render(finger, Variation()).vein > 0
    for roll in ROLLS:
        turned = render(finger, Variation(roll=roll)).vein > 0
        found = [geometry.turned_by(finger, still, turned, azimuth, roll) for azimuth in AZIMUTHS]
        shown = " ".join(f"{degrees:+6.1f}" for degrees, _ in found)
        there = radius * np.sin(np.deg2rad(roll))
        print(f"roll {roll:+6.1f} deg: at azimuths -0.6 to 0.6 {shown}; a middle vein moves {there:+6.2f} px")
        if any(abs(degrees - roll) > NEAR or agreed <= AGREED for degrees, agreed in found):
            yield f"roll {roll}: found {shown}"


def main() -> int:
    """Draw, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fingers", type=int, default=2, help="how many, each with its hundred pictures")
    fingers = [identity(SEED, number) for number in range(parser.parse_args().fingers)]
    faults = [fault for kind in geometry.GROUPS for fault in overlaps(fingers, kind)]
    faults += rolls(fingers[0])
    print("\n".join(f"FAILS: {fault}" for fault in faults) or "accepted")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
