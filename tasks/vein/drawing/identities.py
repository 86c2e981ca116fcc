"""What a finger is, as numbers: drawn once, the same before every sensor.

Lengths are pixels of the published frame, 600 x 300 at about 0.1 mm a pixel, unless a name says otherwise.
Each number is drawn as a place between 0 and 1, and a sensor may move the ends of its range; so a finger that
is dark or wide among the fingers of one sensor is dark or wide among those of another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np

WIDTH, HEIGHT = 600, 300  # of the published frame, pixels
PIVOT = (239.0, 150.0)  # c0: centre of the ROI box, about which a finger is turned and scaled
MM = 0.1  # of a pixel of that frame

# ends of the ranges, by the symbol of Identity
RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "R0": (62.0, 82.0),
        "taper": (0.80, 0.90),
        "tip": (560.0, 592.0),
        "bend1": (-2.5, 2.5),
        "phase1": (0.0, 2 * np.pi),
        "bend2": (-1.5, 1.5),
        "phase2": (0.0, 2 * np.pi),
        "tilt": (-0.9, 0.9),
        "block": (1.05, 1.25),
        "j1": (0.34, 0.38),
        "j2": (0.61, 0.65),
        "g1": (1.2, 2.2),
        "g2": (1.2, 2.2),
        "s1": (34.0, 44.0),
        "s2": (34.0, 44.0),
        "rho": (0.74, 0.88),
        "mu_v": (0.03, 0.07),
        "tau": (0.9, 1.4),
        "level": (61.0, 69.0),
        "lateral": (-0.35, 0.35),
        "dusk": (0.20, 0.50),
        "mottle": (0.10, 0.20),
        "crease": (0.02, 0.06),
        "background": (12.0, 24.0),
        "gamma": (0.9, 1.1),
    }
)


@dataclass(frozen=True)
class Identity:
    """The numbers of one finger.

    Attributes:
        R0: half-width at x = 60.
        taper: half-width at x = 390 as a share of ``R0``; an elliptic tip follows.
        tip: x of the finger's end.
        bend1, phase1, bend2, phase2: amplitudes and phases of the two cosines of the axis.
        tilt: degrees of the axis against the frame.
        block: the root block's width as a share of the finger's; below 1.15 there is none (half of all).
        j1, j2: x of the joint cavities, shares of the frame's width.
        g1, g2, s1, s2: gain and width along x (sigma_x) of the glow there.
        rho: radius of the vein layer, share of the skin's: how deep the plexus lies.
        mu_v: absorption contrast of blood to tissue, per pixel of chord.
        tau: optical thickness of the tissue at the axis.
        level: mean brightness of the finger, 0..255.
        lateral: how much brighter the lower side is than the upper.
        dusk: how much darker the fingertip is.
        mottle, crease: relative strength of the tissue's coarse patches and of the skin's folds.
        background: brightness outside the finger.
        gamma: of the sensor's response.
    """

    R0: float
    taper: float
    tip: float
    bend1: float
    phase1: float
    bend2: float
    phase2: float
    tilt: float
    block: float
    j1: float
    j2: float
    g1: float
    g2: float
    s1: float
    s2: float
    rho: float
    mu_v: float
    tau: float
    level: float
    lateral: float
    dusk: float
    mottle: float
    crease: float
    background: float
    gamma: float


def draw_identity(
    rng: np.random.Generator, overrides: Mapping[str, tuple[float, float]] | None = None
) -> Identity:
    """Draw a finger's numbers; ``overrides`` replaces ends of ranges, by symbol."""
    ends = {**RANGES, **(overrides or {})}
    places = rng.random(len(fields(Identity)))
    return Identity(
        **{
            f.name: float(np.interp(p, (0, 1), ends[f.name]))
            for f, p in zip(fields(Identity), places, strict=True)
        }
    )
