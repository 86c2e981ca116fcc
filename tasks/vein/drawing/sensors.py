"""Virtual sensors: what one device does to every finger laid on it.

The presets imitate how the published databases differ among each other (size, contrast, blur, exposure), so
that several synthetic sites are as unlike as real ones; they are no models of the real devices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.config import within
from isofed.errors import ConfigError
from isofed.suggest import pick
from isofed.tasks.vein.drawing.identities import HEIGHT, MM, RANGES, WIDTH
from isofed.tasks.vein.drawing.schedule import PUBLISHED, Schedule

STYLES = ("transmission", "reflection")
Ends = tuple[float, float]


@dataclass(frozen=True)
class Sensor:
    """A device. Lengths on the finger are in pixels of the published frame (0.1 mm), the same for all.

    Args:
        name: of the device.
        height, width: of a picture, pixels, 64..2048.
        pitch: millimetres of finger a pixel sees, 0.02..0.5.
        mu_v: ends of the range of the blood's contrast per pixel of chord, 0..0.5.
        level: ends of the range of a finger's mean brightness, 0..255.
        background: ends of the range of the brightness beside it.
        gamma: ends of the range of the response's exponent, 0.3..3.
        scatter: factor on the blur of the tissue, 0..3.
        blur: standard deviation of the lens's own blur, 0..8.
        photon, read: the noise's variance is ``photon x + read^2`` at brightness x.
        light: (A, cx, cy, sx, sy) of a gain field that every picture has; A 0 for none.
        style: "transmission", lit through the finger, or "reflection", lit from the camera's side.
        schedule: how pictures of one finger differ, where nothing else is asked for.

    Raises:
        ConfigError: a number outside its range, or another style.
    """

    name: str = "fingerveinsyn"
    height: int = HEIGHT
    width: int = WIDTH
    pitch: float = MM
    mu_v: Ends = RANGES["mu_v"]
    level: Ends = RANGES["level"]
    background: Ends = RANGES["background"]
    gamma: Ends = RANGES["gamma"]
    scatter: float = 1.0
    blur: float = 0.0
    photon: float = 0.02
    read: float = 0.8
    light: tuple[float, float, float, float, float] = (0.0, 300.0, 150.0, 230.0, 180.0)
    style: str = "transmission"
    schedule: Schedule = field(default=PUBLISHED, repr=False)

    def __post_init__(self) -> None:
        """Refuse what no device could be."""
        for name, low, high in LIMITS:
            value = getattr(self, name)
            for end in value if isinstance(value, tuple) else (value,):
                within(name, end, low, high)
        if self.style not in STYLES:
            raise ConfigError(f"'style' is '{self.style}', but must be one of {', '.join(STYLES)}")


LIMITS = (
    ("height", 64, 2048), ("width", 64, 2048), ("pitch", 0.02, 0.5), ("mu_v", 0, 0.5), ("level", 0, 255),
    ("background", 0, 255), ("gamma", 0.3, 3), ("scatter", 0, 3), ("blur", 0, 8), ("photon", 0, 1),
    ("read", 0, 20),
)  # fmt: skip


def zoom(sensor: Sensor) -> float:
    """Return the sensor's pixels in a pixel of the published frame."""
    return MM / sensor.pitch


def seen(sensor: Sensor, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (n, 2) points of the published frame into pixels of the sensor; the frames' centres agree."""
    middle = np.array([sensor.width - 1, sensor.height - 1]) / 2
    return (points - np.array([WIDTH - 1, HEIGHT - 1]) / 2) * zoom(sensor) + middle


def ranges(sensor: Sensor) -> dict[str, Ends]:
    """Return the ranges of a finger's numbers that the sensor moves."""
    return {name: getattr(sensor, name) for name in ("mu_v", "level", "background", "gamma")}


def _like(name: str, schedule: dict[str, Any], **numbers: Any) -> Sensor:
    return Sensor(name=f"{name}_like", schedule=replace(SESSION, **schedule), **numbers)


# every picture another mixture, milder than the published "Multi": a finger laid on the same device again
SESSION = Schedule(
    published=False, angle=4.0, dy=12.0, dx=(-12.0, 0.0), roll=8.0, scale=(0.96, 1.04), exposure=(-0.25, 0.3),
    scatter=(0.7, 2.0), optical=(1.0, 2.5), length=(3, 7),
)  # fmt: skip

# section 9 of the plan for this task: six styles by fixed overrides
PRESETS: Mapping[str, Sensor] = MappingProxyType(
    {
        sensor.name: sensor
        for sensor in (
            Sensor(),
            _like("usm", {}, height=480, width=640, pitch=0.1, mu_v=(0.055, 0.065), photon=0.01, read=0.5),
            _like(
                "sdumla", {"exposure": (-0.6, 0.75)}, height=240, width=320, pitch=0.19, mu_v=(0.03, 0.04),
                read=3.0, level=(75.0, 110.0), light=(0.6, 420.0, 60.0, 230.0, 180.0),
            ),
            _like(
                "mmcbnu", {"roll": 12.0}, height=480, width=640, pitch=0.1, blur=2.5, level=(90.0, 120.0),
                background=(30.0, 50.0),
            ),
            _like(
                "utfvp", {"angle": 2.0, "roll": 4.0}, height=380, width=672, pitch=0.079, scatter=0.7,
                photon=0.01, mu_v=(0.04, 0.07), level=(85.0, 115.0),
            ),
            _like(
                "vera", {"roll": 12.0}, height=250, width=665, pitch=0.095, level=(120.0, 150.0),
                gamma=(0.7, 0.85), photon=0.06, read=1.6,
            ),
            _like(
                "nupt", {"angle": 10.0, "dy": 20.0}, height=300, width=400, pitch=0.15, level=(70.0, 95.0),
                style="reflection",
            ),
        )
    }
)  # fmt: skip


# how pictures of one finger differ: as the preset says, or as in the published set whatever the sensor
SCHEDULES: Mapping[str, Schedule | None] = MappingProxyType({"own": None, "published": PUBLISHED})


def preset(name: str, schedule: str = "own") -> Sensor:
    """Return a preset by name, with a schedule of its own or the published one.

    Raises:
        ConfigError: an unknown name, with the nearest known one.
    """
    sensor, given = pick("sensor", name, PRESETS), pick("schedule", schedule, SCHEDULES)
    return replace(sensor, schedule=given) if given else sensor
