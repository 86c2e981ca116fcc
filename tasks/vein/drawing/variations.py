"""How one image of a finger differs from its neutral pose."""

from dataclasses import dataclass, field

from isofed.tasks.vein.drawing.pose import Pose

KINDS = ("Shift", "Rotate", "Scale", "Roll", "OpticalBlur", "MotionBlur", "Exposure", "SkinScatter", "Multi")


@dataclass(frozen=True)
class Scatter:
    """Skin scattering: a blur that keeps the energy.

    Attributes:
        std: of the point spread, pixels of the published frame; 0 for none.
        flat: a disc of radius 2 std, else a Gaussian.
        haze: t of ``t x + (1 - t) local mean``; 1 for none.
    """

    std: float = 0.0
    flat: bool = True
    haze: float = 1.0


@dataclass(frozen=True)
class Optical:
    """Defocus: a disc of ``radius`` pixels (0 for none), and ``gain`` on the whole image."""

    radius: float = 0.0
    gain: float = 1.0


@dataclass(frozen=True)
class Motion:
    """Movement along a path.

    Attributes:
        length: of the path, an odd number of pixels; 1 for none.
        direction: degrees, counter-clockwise from the finger's tip.
        bend: pixels by which the path's middle leaves the straight line.
        contrast: 1, or c of the published files, which show ``c x + (1 - c) 0.93 mean(x)`` and no smear.
    """

    length: int = 1
    direction: float = 0.0
    bend: float = 0.0
    contrast: float = 1.0


@dataclass(frozen=True)
class Exposure:
    """A gain field ``1 + A exp(-(((x-cx)/sx)^2 + ((y-cy)/sy)^2) / 2)``, pixels of the published frame."""

    A: float = 0.0
    cx: float = 300.0
    cy: float = 150.0
    sx: float = 230.0
    sy: float = 180.0


@dataclass(frozen=True)
class Variation:
    """One image's circumstances; without arguments, the neutral pose.

    Attributes:
        number: of the image, from 1; 0 for none of the schedule's.
        kind: one of KINDS.
        pose: where the finger lies.
        roll: degrees about its axis.
        scatter, optical, motion, exposure: what else happened.
        noise: where in the pool of noise the sensor's begins, two shares.
    """

    number: int = 0
    kind: str = "Multi"
    pose: Pose = field(default_factory=Pose)
    roll: float = 0.0
    scatter: Scatter = Scatter()
    optical: Optical = Optical()
    motion: Motion = Motion()
    exposure: Exposure = Exposure()
    noise: tuple[float, float] = (0.0, 0.0)


def flags(variation: Variation) -> dict[str, bool]:
    """Return the published flags: each is true exactly where its number is not neutral."""
    pose, scatter, motion = variation.pose, variation.scatter, variation.motion
    return {
        "IsRoll": variation.roll != 0,
        "IsShift": (pose.dx, pose.dy) != (0, 0),
        "IsRotate": pose.angle != 0,
        "IsScale": pose.scale != 1,
        "IsExposure": variation.exposure.A != 0,
        "IsMotionBlur": motion.length > 1 or motion.contrast != 1,
        "IsOpticalBlur": variation.optical.radius > 0 or variation.optical.gain != 1,
        "IsSkinScatter": scatter.std > 0 or scatter.haze != 1,
    }
