"""The unrolled vein cylinder as textures, and how a rolled finger shows them.

Vessels lie in two layers by depth. Every layer is kept as the chord of its vessels, blurred as tissue blurs
what lies that deep, and as the distance to the vessels' rims, from which masks are cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import gaussians
from isofed.tasks.vein.drawing.graph import Graph, Vessel
from isofed.tasks.vein.drawing.identities import MM
from isofed.tasks.vein.drawing.outline import COLUMNS, LEFT, Outline, X
from isofed.tasks.vein.drawing.raster import AROUND, PER_RADIAN, RIM, ROWS, draw_vessel
from isofed.tasks.vein.drawing.warp import sample

Floats = NDArray[np.float32]
OFFSETS = (-0.025, 0.025)  # of the layers from rho: deep, shallow
NEAREST, PER_MM = 0.8, 2.5  # scattering sigma in pixels: at depth 0, and for each millimetre
WIDEST = 4.0  # sigma of the deepest, pixels
OBLIQUE = 2.0  # longest path through tissue, as a multiple of the straight one


@dataclass(frozen=True)
class Layer:
    """Vessels of one depth on the chart, (ROWS, COLUMNS) float32 each.

    Attributes:
        rho: the layer's radius, share of the skin's.
        chords: [near, far]: chord of blood, pixels, blurred for a straight and for an oblique path.
        inside: (1, ...): distance to the nearest rim, pixels, above 0 inside a vessel.
    """

    rho: float
    chords: Floats
    inside: Floats


def layers(graph: Graph, rho: float, shape: Outline, scatter: float = 1.0) -> tuple[Layer, ...]:
    """Draw a graph into its layers.

    Args:
        graph: the vessels.
        rho: of the finger.
        shape: its outline.
        scatter: factor on the blur.
    """
    radii = np.array([rho + offset for offset in OFFSETS])
    nearest = [int(np.abs(radii - vessel.depth).argmin()) for vessel in graph.vessels]
    return tuple(
        _layer(
            [v for v, n in zip(graph.vessels, nearest, strict=True) if n == number],
            float(radius),
            shape,
            scatter,
        )
        for number, radius in enumerate(radii)
    )


def _layer(vessels: list[Vessel], rho: float, shape: Outline, scatter: float) -> Layer:
    chords, inside = np.zeros((ROWS, COLUMNS), np.float32), np.full((1, ROWS, COLUMNS), -RIM, np.float32)
    for vessel in vessels:
        drawn = draw_vessel(vessel, lambda x: rho * np.interp(x, X, shape.radius))
        if drawn is not None:
            # between vessels blood adds up, within one it does not
            chords[drawn.rows, drawn.columns] += drawn.chords
            part = inside[0, drawn.rows, drawn.columns]
            np.maximum(part, drawn.inside, out=part)
    return Layer(rho, _blurred(chords, rho, shape, scatter), inside)


def _blurred(chords: Floats, rho: float, shape: Outline, scatter: float) -> Floats:
    """Blur for a straight and for an oblique path; the chart's rows are foreshortened at the sides."""
    radius = float(np.interp(300.0, X, shape.radius))
    sigma = scattering(rho, radius) * scatter
    rows = sigma * PER_RADIAN / (rho * radius)
    return np.maximum(gaussians(chords, ((rows, sigma), (2 * OBLIQUE * rows, OBLIQUE * sigma))), 0)


def scattering(rho: float, radius: float) -> float:
    """Return the blur's sigma, pixels: ``0.8 + 2.5 depth`` with the depth in mm, at most WIDEST.

    Args:
        rho: the layer's radius, share of the skin's.
        radius: half-width of the finger, pixels.
    """
    return min(NEAREST + PER_MM * (1 - rho) * radius * MM, WIDEST)


def azimuth(q: Floats, rho: float, roll: float) -> Floats:
    """Return where on the unrolled cylinder one looks: ``asin(q / rho) - phi``.

    Args:
        q: place across the finger, -1..1; beyond +-rho the chart's side is returned.
        rho: the layer's radius, share of the skin's.
        roll: phi, degrees.
    """
    seen = q / np.float32(rho)
    return np.where(
        np.abs(seen) < 1, np.arcsin(np.clip(seen, -1, 1)) - np.float32(np.deg2rad(roll)), np.float32(AROUND)
    )


def rolled(y: float, rho: float, radius: float, roll: float) -> float:
    """Return where a vein at height ``y`` from the axis is seen after a roll: ``r sin(asin(y / r) + phi)``.

    Args:
        y: pixels, below ``r = rho radius``.
        rho: share of the skin's radius.
        radius: half-width of the finger, pixels.
        roll: phi, degrees.
    """
    r = rho * radius
    return float(r * np.sin(np.arcsin(y / r) + np.deg2rad(roll)))


def _looked(layer: Layer, x: Floats, q: Floats, roll: float) -> tuple[Floats, Floats]:
    row = (azimuth(q, layer.rho, roll) + np.float32(AROUND)) * np.float32(PER_RADIAN) - np.float32(0.5)
    return x - np.float32(LEFT), row


def absorbance(chart: tuple[Layer, ...], x: Floats, q: Floats, roll: float) -> Floats:
    """Return the chord of blood that light meets, blurred by the tissue, pixels, at ``x`` and ``q`` (H, W).

    The blur grows with the path: ``sigma / sqrt(1 - q^2)``, at most twice sigma, mixed from two textures
    whose variances are sigma^2 and 4 sigma^2.
    """
    slant = np.minimum(1 / np.maximum(1 - q * q, 1e-3), OBLIQUE**2)
    far = (slant - 1) / np.float32(OBLIQUE**2 - 1)
    total = np.zeros(x.shape, np.float32)
    for layer in chart:
        near, wide = sample(layer.chords, *_looked(layer, x, q, roll))
        total += near + far * (wide - near)
    return total


def depth_inside(chart: tuple[Layer, ...], x: Floats, q: Floats, roll: float) -> Floats:
    """Return the distance to the nearest vessel's rim at ``x`` and ``q`` (H, W): above 0 inside."""
    return np.asarray(np.maximum.reduce(list(_insides(chart, x, q, roll))))


def _insides(chart: tuple[Layer, ...], x: Floats, q: Floats, roll: float) -> Iterator[Floats]:
    for layer in chart:
        yield sample(layer.inside, *_looked(layer, x, q, roll))[0]
