"""A planned clip as frames: the face warped by its action units, behind what a camera adds."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from isofed.seeds import public
from isofed.tasks.action_units.drawing.face import face
from isofed.tasks.action_units.drawing.motion import displacement, envelope
from isofed.tasks.action_units.drawing.plan import Planned, Small
from isofed.tasks.action_units.drawing.styles import STYLES
from isofed.tasks.action_units.layouts.databases import DATABASES

TINT = (1.08, 0.95, 0.86)  # of skin, red to blue
BASE = 128  # pixels of a frame for which motions are told


def filmed(seed: int, planned: Planned, small: Small) -> NDArray[np.uint8]:
    """Return a clip's frames from onset to offset, (T, H, W, 3), or (T, H, W) where its database is grey.

    I_t(p) = b_t face(p - e_t d(p) - s_t) + n, with e the motion's envelope, d its displacement, s and b the
    head's shake and the light's drift, which tell nothing of any unit, and n the sensor's noise.

    Args:
        seed: of the tree; a person's face is the same in all of a database's clips.
        planned: which clip.
        small: how much of everything.
    """
    clip = planned.clip
    style, grey = STYLES[clip.database], DATABASES[clip.database].grey
    side = round(small.size * style.scale)
    rng = public(seed, 0, f"{clip.database}/{clip.subject}/{clip.material}", "frames of action units")
    rest = face(public(seed, 0, f"{clip.database}/{clip.subject}", "a face"), style, side)
    scale = side / BASE
    moved = displacement(sorted(clip.units), planned.halves, planned.peak * scale, side)
    steps = envelope(clip.frames, clip.apex - clip.onset)
    shakes = scale * small.shake * rng.normal(size=(clip.frames, 2, 1, 1)) / np.sqrt(2)
    shakes[0] = 0
    frames = warped(rest, moved[None] * steps[:, None, None, None] + shakes)
    lit = frames * (1 + small.drift * rng.uniform(-1, 1, (clip.frames, 1, 1))).astype(np.float32)
    colour = lit if grey else lit[..., None] * np.array(TINT, np.float32)
    seen = colour + np.float32(style.noise * small.noise) * rng.standard_normal(colour.shape, np.float32)
    return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def warped(still: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return frames (T, H, W) float32 whose places p show what ``still`` (H, W) has at p - moved(p).

    Args:
        still: a picture.
        moved: (T, 2, H, W) to the right and down, pixels; bicubic between them.
    """
    count, _, height, width = moved.shape
    y, x = np.mgrid[:height, :width]
    far = np.array([width - 1, height - 1])
    grid = torch.from_numpy(
        np.stack([x - moved[:, 0], y - moved[:, 1]], -1).astype(np.float32) / np.float32(far / 2) - 1
    )
    whole = torch.from_numpy(still.astype(np.float32))[None, None].expand(count, 1, height, width)
    found = F.grid_sample(whole, grid, mode="bicubic", padding_mode="reflection", align_corners=True)
    return np.asarray(found[:, 0].numpy())
