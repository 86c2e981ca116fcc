"""What flow, latents and a training step of action units cost beside bare loops over the same work.

    .venv/bin/python benchmarks/action_units.py [--clips 16] [--rounds 3] [--runs 3] [--size 64] [--width 16]

Prints one JSON object, seconds of processor time of one core, the least of several runs, taken in turns:

flow      a flow picture of two frames that lie in memory (u, v, strain, each scaled), and a loop that calls
          OpenCV and does the rest in PyTorch
latents   what is remembered of a clip's three frames, and a loop that feeds the same magnifier batches of 16;
          ours takes clips one at a time, so that its bits do not depend on their neighbours
opened    a clip as a site opens it for the first time: three files read, flow, latents, cache written; and
          the sum of what both loops and reading cost
step      a step of one trainer's round as `isofed simulate` takes it, clips from the cache on disk, report
          and checkpoint included, the first round and both evaluations not; and one of a loop over tensors
          that lie ready in memory
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from micro_gesture import alternately, timed
from torch.nn import functional as F

from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.tasks.action_units import TASK, frozen, training
from isofed.tasks.action_units.flow import flow, picture
from isofed.tasks.action_units.layouts import store
from isofed.tasks.action_units.layouts.listing import Shot, trained
from isofed.tasks.action_units.model import latents, pooled
from isofed.tasks.action_units.options import ActionUnitOptions

TESTED, BATCH = "samm", 16
KEYS = ("casme", "casme2", "fourd", "mmew", "casme3a")
LAYOUT = TASK.layouts[f"cd6me_to_{TESTED}"]
DOWN = torch.tensor([[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]])
SOBEL = torch.stack([DOWN.T, DOWN])[:, None]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=16, help="of each of two people of a database")
    parser.add_argument("--rounds", type=int, default=3, help="passes over all clips in a run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--width", type=int, default=16)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {"subjects": 2, "clips": given.clips, "frames": 5, "size": given.size + given.size // 4}
        LAYOUT.make(folder / "data", 0, LAYOUT.options(**made), map, None)
        json.dump(told(folder, given), sys.stdout, indent=1)
    print()


def told(folder: Path, given: Any) -> dict[str, Any]:
    """Return the numbers."""
    words = {"size": given.size, "width": given.width}
    options = ActionUnitOptions(**words, workers=1)
    clips = trained(folder / "data", TESTED, KEYS, options.near)
    shots, made = clips.shots, frozen.magnifier()
    frames = [read(shot, options) for shot in shots]
    reading = timed(lambda: [read(shot, options) for shot in shots])
    ours, bare = {}, {}
    ours["flow"], bare["flow"] = alternately(
        given.runs,
        lambda at: timed(lambda: [picture(flow(*pair)) for pair in map(greys, frames)]),
        lambda at: timed(lambda: [bare_flow(*pair) for pair in map(greys, frames)]),
    )
    ours["latents"], bare["latents"] = alternately(
        given.runs,
        lambda at: timed(lambda: [remembered(made, [three], options) for three in frames]),
        lambda at: timed(
            lambda: [remembered(made, frames[n : n + BATCH], options) for n in range(0, len(frames), BATCH)]
        ),
    )
    opens = [timed(lambda n=n: store.opened(clips, folder / f"cache{n}", options)) for n in range(given.runs)]
    ours["opened"], bare["opened"] = min(opens), reading + bare["flow"] + bare["latents"]
    ours["step"], bare["step"] = steps(folder, given, words, options)
    each = {"step": given.rounds * len(rows(folder, options)[1])}
    numbers: dict[str, Any] = {"clips": len(shots), "clip_seconds_read": round(reading / len(shots), 6)}
    for name in ours:
        count = each.get(name, len(shots))
        numbers[f"{name}_seconds_ours"] = round(ours[name] / count, 6)
        numbers[f"{name}_seconds_bare"] = round(bare[name] / count, 6)
        numbers[f"{name}_ours_over_bare"] = round(ours[name] / bare[name], 3)
    return numbers


def read(shot: Shot, options: ActionUnitOptions) -> list[Any]:
    """Return a clip's three frames."""
    return [store.read(path, options) for path in (shot.onset, shot.apex, shot.near)]


def greys(frames: list[Any]) -> tuple[Any, Any]:
    """Return onset and apex in grey."""
    onset, apex = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames[:2])
    return onset, apex


def bare_flow(a: Any, b: Any) -> torch.Tensor:
    """Return u, v and strain of two frames, each scaled to 0 to 1."""
    found = cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 9, 5, 5, 1.1, 0)
    moved = torch.from_numpy(found).permute(2, 0, 1)
    (ux, uy), (vx, vy) = F.conv2d(moved[:, None], SOBEL, padding=1)
    strain = (ux**2 + vy**2 + 0.5 * (uy + vx) ** 2).sqrt()
    channels = torch.cat([moved, strain[None]]).flatten(1)
    low, high = channels.amin(1, True), channels.amax(1, True)
    return ((channels - low) / (high - low).clamp(min=1e-12)).view(3, *a.shape)


def remembered(made: Any, clips: list[list[Any]], options: ActionUnitOptions) -> Any:
    """Return the pooled latents of several clips' frames."""
    frames = torch.from_numpy(np.array(clips)).permute(1, 0, 4, 2, 3).float() / 127.5 - 1
    with torch.inference_mode():
        return pooled(latents(made, *frames, options.amplification)).half()


def rows(folder: Path, options: ActionUnitOptions) -> tuple[Any, Any]:
    """Return all training clips and the places of every step."""
    samples = LAYOUT.open_train(folder / "data", "pooled", folder / "cache", options)
    return samples, training.sample(samples, options, np.random.default_rng(0))


def steps(folder: Path, given: Any, words: dict[str, Any], options: ActionUnitOptions) -> list[float]:
    """Return the processor time of all rounds' steps, ours and bare."""
    samples, places = rows(folder, options)
    federated(folder, "first", words, 1)  # which opens every clip, and makes PyTorch import its compiler
    return alternately(
        given.runs,
        lambda at: (
            federated(folder, f"run{at}", words, given.rounds + 1) - federated(folder, f"one{at}", words, 1)
        ),
        lambda at: loop(samples, places, options, given.rounds),
    )


def federated(folder: Path, name: str, words: dict[str, Any], rounds: int) -> float:
    """Return the processor time of one trainer's rounds."""
    cfg = {
        **{"run": name, "seed": 0, "rounds": rounds, "evaluate_every": 0, "layout": LAYOUT.name},
        "task": {"name": "action_units", **words},
        "protocol": {"name": "sharing"},
        "strategy": {"name": "fedavg"},
    }
    federation = Federation(name, cfg, ("pooled",), folder / "data", folder / "homes", folder / name)
    return timed(lambda: run(federation, Pool(1)))


def loop(samples: Any, places: Any, options: ActionUnitOptions, rounds: int) -> float:
    """Return the processor time of the bare loop: the same model, loss and optimiser in plain PyTorch."""
    model = TASK.model(options, torch.Generator().manual_seed(0)).train()
    optimiser = torch.optim.SGD(
        model.parameters(),
        options.rate,
        options.momentum,
        nesterov=True,
        weight_decay=options.weight_decay,
        foreach=True,
    )
    given = [training.transform(samples, each, options, np.random.default_rng(0), "cpu") for each in places]

    def passes() -> None:
        for _ in range(rounds):
            for each in given:
                output = model(each.inputs)
                there = each.labels > 0
                weight = torch.where(there, each.labels, 1.0)
                loss = sum(
                    F.binary_cross_entropy_with_logits(logits, there.float(), weight)
                    for logits in (output.magnified, output.flow)
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    return timed(passes)


if __name__ == "__main__":
    main()
