"""From a clip of any length to what the network is fed: 52 frames, missing joints, units, views.

All of it works on a stack of clips at once, (n, T, V, 3), without a loop over frames or joints.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.micro_gesture.joints import Body
from isofed.tasks.micro_gesture.model import FRAMES

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
MISSING = ("hold", "zero")
ANCHORS = {"imigue": (1, 2, 5), "smg": (20, 8, 4)}  # where both clavicles meet, right and left shoulder
SMALLEST = 1e-6  # of a scale: a body of no size is left as it is


def places(lengths: Integers, frames: int = FRAMES) -> Integers:
    """Return which frames of clips are looked at: floor(linspace(0, L - 1, frames)).

    Both ends are kept; a clip that is too short shows frames several times.

    Args:
        lengths: (n,) L, frames of each clip, each at least 1.
        frames: how many are wanted.

    Returns:
        (n, frames) int64.

    Source: the released code of Xia et al., "Hybrid-supervised Hypergraph-enhanced Transformer for
    Micro-gesture Based Emotion Recognition", 2025; rounded down exactly, in whole numbers.

    Example:
        >>> places(np.array([3]), 5).tolist()
        [[0, 0, 1, 1, 2]]
    """
    steps = np.arange(frames, dtype=np.int64)
    found: Integers = steps * (lengths[:, None].astype(np.int64) - 1) // max(frames - 1, 1)
    return found


def seen(clips: Floats, body: Body) -> NDArray[np.bool_]:
    """Return (n, T, V), whether a joint was found: by its confidence, or, without one, by any coordinate."""
    return np.asarray(clips[..., 2] > 0 if _flat(body) else (clips != 0).any(-1))


def held(clips: Floats, found: NDArray[np.bool_]) -> Floats:
    """Put a joint that was not found where it was last, or, before that, where it will be first.

    A confidence of 0 goes on saying so; a joint that is never found stays at 0.
    """
    frames = np.arange(clips.shape[1])[:, None]
    before = np.maximum.accumulate(np.where(found, frames, -1), 1)
    after = np.minimum.accumulate(np.where(found, frames, clips.shape[1])[:, ::-1], 1)[:, ::-1]
    source = np.where(before >= 0, before, after)
    source = np.where(source == clips.shape[1], frames, source)
    return np.take_along_axis(clips, source[..., None], 1)


def prepared(
    clips: Floats, body: Body, normalise: str = "body", missing: str = "hold", view: str = "joint"
) -> Floats:
    """Return what the network is fed of resampled clips.

    Args:
        clips: (n, T, V, 3), as recorded.
        body: whose joints.
        normalise: of ``NORMALISATIONS``.
        missing: of ``MISSING``.
        view: of ``VIEWS``.

    Returns:
        (n, 3, T, V) float32.
    """
    found = seen(clips, body)
    numbers = held(clips, found) if missing == "hold" else clips.copy()
    if missing == "hold":
        numbers[..., _coordinates(body) :] = clips[..., _coordinates(body) :]
    known = np.asarray(found.any(1, keepdims=True)) if missing == "hold" else found
    count = _coordinates(body)
    places_ = NORMALISATIONS[normalise](numbers[..., :count].astype(np.float64), found, body)
    numbers[..., :count] = np.where(np.expand_dims(known, -1), places_, 0.0)
    return np.ascontiguousarray(VIEWS[view](numbers, body).transpose(0, 3, 1, 2), np.float32)


def _raw(x: NDArray[np.float64], found: NDArray[np.bool_], body: Body) -> NDArray[np.float64]:
    return x


def _by_body(x: NDArray[np.float64], found: NDArray[np.bool_], body: Body) -> NDArray[np.float64]:
    """Measure from the neck in shoulder widths, both a clip's medians over frames in which they are seen."""
    neck, right, left = ANCHORS[body.name]
    there = found[..., [neck, right, left]]
    origin = _median(x[:, :, neck], there[..., 0])
    width = np.sqrt(((x[:, :, right] - x[:, :, left]) ** 2).sum(-1))
    scale = _median(width[..., None], there[..., 1] & there[..., 2])
    usual, spread = _moments(x, found)
    origin = np.where(there[..., 0].any(1, keepdims=True), origin, usual)
    scale = np.where(scale > SMALLEST, scale, spread)
    return (x - origin[:, None, None]) / np.where(scale > SMALLEST, scale, 1.0)[:, None, None]


def _by_range(x: NDArray[np.float64], found: NDArray[np.bool_], body: Body) -> NDArray[np.float64]:
    """Scale each axis of a clip to -1 .. 1 over the joints that are seen."""
    there = np.expand_dims(found, -1)
    low = np.where(there, x, np.inf).min((1, 2), keepdims=True)
    high = np.where(there, x, -np.inf).max((1, 2), keepdims=True)
    return 2 * (x - low) / np.maximum(high - low, SMALLEST) - 1


def _median(x: NDArray[np.float64], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return (n, c), the median over those frames of (n, T, c) that are there; 0 where none is."""
    ordered = np.sort(np.where(there[..., None], x, np.inf), 1)
    count = there.sum(1)
    middle = np.stack([np.maximum(count - 1, 0) // 2, count // 2], 1)
    pair = np.take_along_axis(ordered, middle[..., None], 1)
    return np.where(count[:, None] > 0, np.where(np.isfinite(pair), pair, 0.0).mean(1), 0.0)


def _moments(x: NDArray[np.float64], found: NDArray[np.bool_]) -> tuple[NDArray[np.float64], ...]:
    """Return mean (n, c) and spread (n, 1) of all joints that are seen, for clips that show no shoulders."""
    count = np.maximum(found.sum((1, 2)), 1)[:, None]
    there = np.expand_dims(found, -1)
    mean = np.where(there, x, 0.0).sum((1, 2)) / count
    apart = np.where(there, (x - mean[:, None, None]) ** 2, 0.0).sum((1, 2, 3))
    return mean, np.sqrt(apart[:, None] / count)


def _joint(x: Floats, body: Body) -> Floats:
    return x


def _bone(x: Floats, body: Body) -> Floats:
    """Return each joint's place as seen from the joint before it, 0 for the first."""
    parents = np.arange(len(body.joints))
    first, second = np.array(body.bones).T
    parents[second] = first
    count, out = _coordinates(body), x.copy()
    out[..., :count] -= x[:, :, parents, :count]
    return out


def _motion(x: Floats, body: Body) -> Floats:
    """Return how far each joint moves to the next frame, 0 in the last."""
    count, out = _coordinates(body), x.copy()
    out[:, :, :, :count] = 0
    out[:, :-1, :, :count] = np.diff(x[..., :count], axis=1)
    return out


def _flat(body: Body) -> bool:
    return body.channels[2] == "confidence"


def _coordinates(body: Body) -> int:
    """Return how many of a joint's three numbers are coordinates."""
    return 2 if _flat(body) else 3


Normalisation = Callable[[NDArray[np.float64], NDArray[np.bool_], Body], NDArray[np.float64]]
NORMALISATIONS: dict[str, Normalisation] = {"body": _by_body, "range": _by_range, "raw": _raw}
VIEWS: dict[str, Callable[[Floats, Body], Floats]] = {"joint": _joint, "bone": _bone, "motion": _motion}
