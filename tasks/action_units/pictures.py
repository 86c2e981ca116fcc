"""Rows of a gallery: flow, what was magnified, where the flow branch looks, what infusion leaves of it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from isofed.tasks.action_units.evaluate import BRANCHES, through
from isofed.tasks.action_units.infused_maps import energy, saliency, watched
from isofed.tasks.action_units.labels import Integers, unpacked
from isofed.tasks.action_units.layouts.motions import TestClips
from isofed.tasks.action_units.model import UNITS, parted
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.action_units.training import fed

SIZE, EDGE = 200, 4  # pixels of a picture, and between two
BRIGHTEST = 0.995  # of a map's places are at most as bright as white
MEAN = 5  # pixels over which saliency is averaged
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


def rows(model: Any, test: TestClips, options: ActionUnitOptions, count: int = 6) -> list[Any]:
    """Return (a flow picture, its caption, [(picture, whether all units are right, caption)]) of clips.

    Beside the flow picture stand its three channels, what the magnifier makes of the motion, the saliency of
    the flow branch, and the infused maps of the first two stages; bright is much, each map by itself. Clips
    are an even choice of those that show a unit.

    Args:
        model: in evaluation mode.
        test: what the evaluator holds.
        options: of the task; not looked at.
        count: of clips.
    """
    return [_row(model, test, int(row)) for row in chosen(test.labels, count)]


def chosen(labels: Integers, count: int) -> Integers:
    """Return places of at most ``count`` clips, even among those with a unit, or among all if none has."""
    shown = np.flatnonzero(labels) if labels.any() else np.arange(len(labels))
    picks: Integers = shown[np.linspace(0, len(shown) - 1, min(count, len(shown))).round().astype(int)]
    return picks


def _row(model: Any, test: TestClips, row: int) -> tuple[Pixels, str, list[Any]]:
    place = np.array([row])
    inputs = torch.from_numpy(fed(test.inputs[place])).to(next(model.parameters()).device)
    found = through(model, test.inputs.part(place), 1)[BRANCHES[0]][0] > 0
    marks = unpacked(test.labels[place])[0] > 0
    right = bool((found == marks).all())
    said = f"units {spelt(marks)}; found {spelt(found)}"
    flow = parted(inputs)[0][0].cpu().numpy()
    colour = np.ascontiguousarray(flow.transpose(1, 2, 0))
    return large(colour), said, [(picture, right, words) for picture, words in _beside(model, inputs, flow)]


def _beside(model: Any, inputs: torch.Tensor, flow: Floats) -> list[tuple[Pixels, str]]:
    side = flow.shape[-1]
    with torch.inference_mode():
        _, maps = watched(model, inputs)
    looked, asked = saliency(model, inputs)
    kept = [energy(each, side)[0] for each in maps[:2]]
    magnified = energy(parted(inputs)[1], side)[0]
    channels = [large(np.repeat(channel[..., None], 3, -1)) for channel in flow]
    return [
        (joined(channels), "flow: u, v, strain"),
        (heat(magnified), "magnified motion"),
        (heat(smooth(looked[0])), f"saliency for {spelt(asked[0])}"),
        *((heat(each), f"infused, stage {number}") for number, each in enumerate(kept, 1)),
    ]


def spelt(marks: NDArray[np.bool_]) -> str:
    """Return units as an annotator would write them, ``4+7``, or ``none``."""
    return "+".join(str(unit) for unit, there in zip(UNITS, marks, strict=True) if there) or "none"


def smooth(values: Floats) -> Floats:
    """Return the mean of (H, W) over squares of ``MEAN`` pixels."""
    whole = torch.from_numpy(values)[None, None]
    mean = torch.nn.functional.avg_pool2d(whole, MEAN, 1, MEAN // 2, count_include_pad=False)
    found: Floats = mean[0, 0].numpy()
    return found


def heat(values: Floats) -> Pixels:
    """Return (H, W), at least 0, in colours from black over red and yellow to white, (SIZE, SIZE, 3)."""
    most = float(np.quantile(values, BRIGHTEST))
    level = np.clip(values / most if most > 0 else np.zeros_like(values), 0, 1)[..., None]
    return large(np.clip(3 * level - np.arange(3, dtype=np.float32), 0, 1))


def large(colours: Floats) -> Pixels:
    """Return (H, W, 3) in 0 to 1 as a picture, (SIZE, SIZE, 3)."""
    pixels = Image.fromarray(np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8))
    return np.asarray(pixels.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def joined(pictures: list[Pixels]) -> Pixels:
    """Return pictures side by side, a white line between two."""
    line = np.full((SIZE, EDGE, 3), 255, np.uint8)
    parts = [part for picture in pictures for part in (line, picture)]
    return np.concatenate(parts[1:], 1)
