"""What is measured of one picture: numbers, and curves of which whole sets are compared."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.realism.levels import grain, levels
from isofed.tasks.vein.realism.picture import Picture
from isofed.tasks.vein.realism.registration import Move, moved
from isofed.tasks.vein.realism.ridges import EDGE, histogram, ridges, told_apart
from isofed.tasks.vein.realism.shapes import distance
from isofed.tasks.vein.realism.spectrum import contrasts, power, slope, window
from isofed.tasks.vein.realism.vessels import THICK, THIN, Vessels, beside, full_width, profile, vessels

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
# edges of the histogram of widths, pixels: two apart, because widths along an axis are even
WIDTHS = np.arange(1.0, 18.0, 2.0)
CONTRASTS = ("contrast_coarse", "contrast_veins", "contrast_fine", "contrast_finest")  # of BANDS


@dataclass(frozen=True)
class Measure:
    """A number that is taken of every picture.

    Attributes:
        name: under which it is written.
        words: what it is.
        unit: of it; empty for a share or a factor.
        band: where the generator's plan wants the median of unblurred pictures; none where it says nothing.
        places: decimals that are shown.
    """

    name: str
    words: str
    unit: str = ""
    band: tuple[float, float] | None = None
    places: int = 2


MEASURES = (
    Measure("finger_mean", "finger, mean", "levels", (55.0, 75.0), 1),
    Measure("finger_std", "finger, standard deviation", "levels", None, 1),
    Measure("beside_mean", "beside the finger, mean", "levels", (12.0, 25.0), 1),
    Measure("beside_std", "beside the finger, standard deviation", "levels", None, 1),
    Measure("grain_finger", "grain in the finger", "levels"),
    Measure("grain_beside", "grain beside it", "levels"),
    Measure("vein_to_tissue", "vein over surround, median", "", (0.75, 0.92)),
    Measure("vein_to_tissue_low", "vein over surround, 5 % point"),
    Measure("vein_to_tissue_high", "vein over surround, 95 % point"),
    Measure("vein_to_tissue_thick", f"vein over surround, wider than {THICK:g} px"),
    Measure("vein_to_tissue_thin", f"vein over surround, narrower than {THIN:g} px"),
    Measure("dip_width", "width of the dark line at half depth", "px", None, 1),
    Measure("vein_width", "vein width, median", "px", (4.0, 8.0), 1),
    Measure("vein_width_low", "vein width, 5 % point", "px", None, 1),
    Measure("vein_width_high", "vein width, 95 % point", "px", None, 1),
    Measure("vein_share", "share of the finger that is vein"),
    Measure("vein_length", "length of all centrelines", "px", None, 0),
    Measure("vein_count", "vessels on the way across", "", (3.0, 7.0), 1),
    Measure("vein_loops", "closed meshes", "", None, 0),
    *(
        Measure(name, f"relative contrast, periods {words} px", "", None, 3)
        for name, words in zip(CONTRASTS, ("above 40", "12 to 40", "4 to 12", "2 to 4"), strict=True)
    ),
    Measure("spectrum_slope", "exponent of the power spectrum"),
    Measure("ridge_vein", "ridge filter on veins, median", "", None, 3),
    Measure("ridge_tissue", "ridge filter on tissue, median", "", None, 3),
    Measure("ridge_apart", "veins told from tissue by it, area under ROC"),
)


@dataclass(frozen=True)
class Seen:
    """What was measured of one picture.

    Attributes:
        finger, sample, kind: of the picture.
        numbers: by the names of MEASURES; NaN where there was nothing to measure.
        curves: by name, see ``CURVES`` in tasks/vein/realism/compare.py.
    """

    finger: int
    sample: int
    kind: str
    numbers: Mapping[str, float]
    curves: Mapping[str, Floats]


def look(picture: Picture, move: Move = (0, 0)) -> Seen:
    """Measure a picture.

    Args:
        picture: what.
        move: of the vein mask, (down, to the right), pixels, as
            :func:`isofed.tasks.vein.realism.registration.registration` found it.
    """
    veins, image = moved(picture.veins, move), picture.image
    inner, depth = distance(picture.shape) > EDGE, vessels(veins, picture.shape)
    ratio = image / beside(image, veins, picture.shape)
    middle, dip = window(image, picture.centre), profile(ratio, depth.line)
    spectrum = power(middle)
    answers = ridges(image)
    on, off = answers[veins & inner], answers[~veins & inner]
    inside, outside = levels(image, picture.shape), levels(image, ~picture.shape)
    found = {
        "finger_mean": inside.mean,
        "finger_std": inside.std,
        "beside_mean": outside.mean,
        "beside_std": outside.std,
        "grain_finger": grain(image, inner),
        "grain_beside": grain(image, distance(~picture.shape) > EDGE),
        **_darkness(ratio[depth.line], depth.widths),
        "dip_width": full_width(dip),
        **_pattern(depth),
        **dict(zip(CONTRASTS, contrasts(middle), strict=True)),
        "spectrum_slope": slope(spectrum),
        "ridge_vein": _point(on),
        "ridge_tissue": _point(off),
        "ridge_apart": told_apart(on, off),
    }
    curves = {
        "inside": inside.histogram,
        "beside": outside.histogram,
        "widths": _shares(depth.widths),
        "dip": dip,
        "spectrum": spectrum,
        "ridge_vein": histogram(on),
        "ridge_tissue": histogram(off),
    }
    return Seen(picture.finger, picture.sample, picture.kind, found, curves)


def _darkness(ratio: Floats, widths: Floats) -> dict[str, float]:
    return {
        "vein_to_tissue": _point(ratio),
        "vein_to_tissue_low": _point(ratio, 5),
        "vein_to_tissue_high": _point(ratio, 95),
        "vein_to_tissue_thick": _point(ratio[widths > THICK]),
        "vein_to_tissue_thin": _point(ratio[widths < THIN]),
    }


def _pattern(found: Vessels) -> dict[str, float]:
    return {
        "vein_width": _point(found.widths),
        "vein_width_low": _point(found.widths, 5),
        "vein_width_high": _point(found.widths, 95),
        "vein_share": found.coverage,
        "vein_length": found.length,
        "vein_count": found.columns,
        "vein_loops": float(found.loops),
    }


def _point(values: Floats, at: float = 50) -> float:
    """Return a percentile of what is finite; NaN where nothing is."""
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, at)) if len(finite) else float("nan")


def _shares(widths: Floats) -> Floats:
    counts = np.histogram(np.minimum(widths, WIDTHS[-1]), WIDTHS)[0]
    return np.asarray(counts / max(int(counts.sum()), 1), np.float64)
