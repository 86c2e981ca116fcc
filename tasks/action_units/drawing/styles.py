"""What tells the six databases apart: length, size, light, noise, and how often each action unit is seen."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """How a database is drawn.

    Args:
        frames: median number from onset to offset.
        apex: median place of the apex among them, 0 to 1.
        light: where it comes from, (x, y), each -1 to 1.
        bright: mean level of skin, 0 to 255.
        noise: of the sensor, as a factor on the standard deviation asked for.
        scale: size of a frame, as a factor on the one asked for.
        clips: of the published database, and
        positives: (12,) how many of them show each unit.
        subject, material: how names are spelt from numbers ``s`` and ``c``.
    """

    frames: int
    apex: float
    light: tuple[float, float]
    bright: float
    noise: float
    scale: float
    clips: int
    positives: tuple[int, ...]
    subject: str
    material: str


def _style(numbers: tuple[float, ...], clips: int, positives: tuple[int, ...], *names: str) -> Style:
    frames, apex, x, y, bright, noise, scale = numbers
    return Style(int(frames), apex, (x, y), bright, noise, scale, clips, positives, *names)


# frames, apex, light x and y, brightness, noise, scale; the label table's counts; names
STYLES = {
    "casme": _style(
        (19, 0.38, -0.6, -0.3, 150, 1.2, 1.0),
        189,
        (23, 17, 70, 0, 1, 4, 40, 3, 9, 23, 14, 13),
        "{s:02d}",
        "EP{c:02d}_{s}",
    ),
    "casme2": _style(
        (61, 0.51, 0.0, -0.5, 165, 0.7, 1.125),
        256,
        (26, 22, 130, 2, 13, 39, 13, 16, 34, 27, 16, 25),
        "{s:02d}",
        "EP{c:02d}_{s:02d}f",
    ),
    "samm": _style(
        (78, 0.44, 0.5, -0.4, 120, 0.7, 1.125),
        159,
        (6, 18, 23, 10, 3, 46, 5, 6, 28, 13, 4, 6),
        "{s:03d}",
        "{s:03d}_1_{c}",
    ),
    "fourd": _style(
        (21, 0.45, -0.3, 0.2, 110, 1.0, 1.0),
        267,
        (46, 54, 102, 8, 25, 89, 1, 2, 53, 4, 6, 11),
        "S{s:02d}",
        "S{s:02d}_{c:03d}_01_1",
    ),
    "mmew": _style(
        (39, 0.36, 0.3, -0.2, 160, 0.8, 1.0),
        300,
        (50, 41, 109, 70, 10, 47, 8, 38, 37, 17, 6, 11),
        "{s}",
        "S{s:02d}-01-{c:03d}",
    ),
    "casme3a": _style(
        (22, 0.28, 0.7, 0.1, 140, 1.6, 0.75),
        860,
        (153, 128, 274, 44, 8, 27, 50, 10, 15, 193, 6, 20),
        "spNO.{s}",
        "e{c}",
    ),
}
