"""The vein graph: vessels on the unrolled finger cylinder, and what holds them together."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats64 = NDArray[np.float64]
STEP = 4.0  # pixels between the points of a smoothed vessel
WAVES, WINDING = (
    (130.0, 80.0, 48.0),
    0.011,
)  # lengths of a vessel's small windings, and their strength as a share of the length


@dataclass(frozen=True)
class Vessel:
    """One vessel.

    Attributes:
        points: (n, 2): x along the finger, pixels of the published frame; azimuth, radians.
        diameters: (n,) pixels.
        depth: its radius from the finger's axis, share of the skin's.
        generation: 0 for those that come from the root; a bridge's is that of its child vessels.
        joined: numbers of the vessels in which it begins and, for a bridge, ends.
    """

    points: Floats64
    diameters: Floats64
    depth: float
    generation: int
    joined: tuple[int, ...] = ()


@dataclass(frozen=True)
class Graph:
    """All vessels of a finger."""

    vessels: tuple[Vessel, ...]

    def __len__(self) -> int:
        return len(self.vessels)


def connected(vessels: list[Vessel]) -> list[Vessel]:
    """Keep the component of the greatest length, the vessels' numbers closed up."""
    group = list(range(len(vessels)))
    for number, vessel in enumerate(vessels):
        for other in vessel.joined:
            old, new = group[number], group[other]
            group = [new if g == old else g for g in group]
    lengths: dict[int, float] = {}
    for g, vessel in zip(group, vessels, strict=True):
        lengths[g] = lengths.get(g, 0.0) + float(np.ptp(vessel.points[:, 0]))
    best = max(lengths, key=lambda g: (lengths[g], -g))
    kept = [number for number, g in enumerate(group) if g == best]
    places = {old: new for new, old in enumerate(kept)}
    return [_renumbered(vessels[old], places) for old in kept]


def _renumbered(vessel: Vessel, places: dict[int, int]) -> Vessel:
    joined = tuple(places[other] for other in vessel.joined)
    return Vessel(vessel.points, vessel.diameters, vessel.depth, vessel.generation, joined)


def smoothed(vessel: Vessel, pixels: float, rng: np.random.Generator) -> Vessel:
    """Round a vessel's corners twice after Chaikin, its ends kept, and lay points about STEP apart.

    Args:
        vessel: with the points of its growth.
        pixels: length of one radian.
        rng: of the small windings that the steps are too long for.
    """
    path = np.column_stack([vessel.points, vessel.diameters])
    for _ in range(2):
        path = _chaikin(path)
    length = np.hypot(np.diff(path[:, 0]), np.diff(path[:, 1]) * pixels)
    along = np.concatenate([[0.0], np.cumsum(length)])
    at = np.linspace(0.0, along[-1], max(2, int(np.ceil(along[-1] / STEP)) + 1))
    fine = np.column_stack([np.interp(at, along, column) for column in path.T])
    fine[:, 1] += _wriggle(along[-1], len(fine), rng) / pixels
    return Vessel(fine[:, :2], fine[:, 2], vessel.depth, vessel.generation, vessel.joined)


def _wriggle(length: float, points: int, rng: np.random.Generator) -> Floats64:
    """Return sideways displacements, (points,) pixels, zero at both ends."""
    along, shift = np.linspace(0, 1, points), np.zeros(points)
    for wave in WAVES:
        turns = length / wave
        shift += rng.normal(0, WINDING * wave) * np.sin(2 * np.pi * turns * along + rng.uniform(0, 2 * np.pi))
    return shift * np.minimum(1, 8 * along * (1 - along))


def _chaikin(path: Floats64) -> Floats64:
    if len(path) < 3:
        return path
    first, second = 0.75 * path[:-1] + 0.25 * path[1:], 0.25 * path[:-1] + 0.75 * path[1:]
    cut = np.stack([first, second], axis=1).reshape(-1, path.shape[1])
    return np.concatenate([path[:1], cut[1:-1], path[-1:]])


def attachments(vessels: Iterable[Vessel]) -> int:
    """Count the places where a vessel begins or ends in another."""
    return sum(len(vessel.joined) for vessel in vessels)
