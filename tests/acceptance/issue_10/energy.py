#!/usr/bin/env python3
"""Where the infused maps have their energy: inside the region that action units move, against outside.

    python tests/acceptance/issue_10/energy.py [--rounds 10] [--seed 0] [--magnifier FILE]

Five drawn databases learn together, the sixth is tested. Of every tested clip that shows a unit the region
is known, because it was drawn: where its units move the face by more than a quarter of the most. Printed is,
for the first three stages of the magnified branch, mean energy (the sum over channels of squares) inside over
mean energy outside, the median over clips, before and after infusion; 1 says that no place is preferred.
Accepted is where after the first stage's infusion it is above 1, and above what it was before.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isofed.simulations.federation import Federation, run
from isofed.simulations.pictures import final
from isofed.simulations.pool import Pool
from isofed.tasks.action_units import TASK
from isofed.tasks.action_units.drawing.motion import region
from isofed.tasks.action_units.infused_maps import concentration, watched
from isofed.tasks.action_units.labels import unpacked
from isofed.tasks.action_units.model import UNITS
from isofed.tasks.action_units.training import fed
from isofed.tasks.task import names

FOLD = "cd6me_to_casme2"
STAGES = 3


def trained(folder: Path, given: Any) -> tuple[Any, Any]:
    """Draw, train a federation; return its last model and what is tested."""
    layout = TASK.layouts[FOLD]
    layout.make(folder / "data", given.seed, layout.options(size=80, frames=8), map, None)
    cfg = {
        **{"run": "energy", "seed": given.seed, "rounds": given.rounds, "evaluate_every": 0, "layout": FOLD},
        "task": {"name": "action_units", "width": given.width, "magnifier": given.magnifier},
        "protocol": {"name": "camera"},
        "strategy": {"name": "fedavg"},
    }
    sites = tuple(names(layout.sites(folder / "data", "camera")))
    federation = Federation("energy", cfg, sites, folder / "data", folder / "homes", folder / "run")
    run(federation, Pool(1))
    return final(federation.workshop(), federation)


def ratios(model: Any, test: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return energy inside over outside, (stages, clips), before infusion and after it."""
    shown = np.flatnonzero(test.labels)
    inputs = torch.from_numpy(fed(test.inputs[shown]))
    side = inputs.shape[-1]
    units = [
        [unit for unit, there in zip(UNITS, marks, strict=True) if there]
        for marks in unpacked(test.labels[shown])
    ]
    regions = np.stack([region(each, side) for each in units])
    before: list[torch.Tensor] = []
    hooks = [
        layer.register_forward_hook(lambda *told: before.append(told[2]))
        for layer in model.magnified.layers[:STAGES]
    ]
    with torch.inference_mode():
        _, after = watched(model, inputs)
    for hook in hooks:
        hook.remove()
    found = [np.stack([concentration(each, regions) for each in maps]) for maps in (before, after)]
    return found[0], found[1]


def main() -> int:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--magnifier", default="", help="a file of isofed magnifier; none: from a seed")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="isofed-energy-") as name:
        before, after = ratios(*trained(Path(name), given))
    print(f"{before.shape[1]} clips; energy inside over outside, median   before   after   more in")
    for stage, (old, new) in enumerate(zip(before, after, strict=True), 1):
        share = 100 * np.mean(new > old)
        print(f"stage {stage:<46}{np.median(old):>7.2f}{np.median(new):>8.2f}{share:>7.0f} %")
    well = np.median(after[0]) > 1 and np.median(after[0]) > np.median(before[0])
    print("accepted" if well else "FAILS: infusion does not gather energy where the face moves")
    return int(not well)


if __name__ == "__main__":
    sys.exit(main())
