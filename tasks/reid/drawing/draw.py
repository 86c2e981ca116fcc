"""One person before one camera, as many times as wanted."""

import numpy as np

from isofed.seeds import public
from isofed.tasks.reid.drawing.cameras import Look, Shot, background, canvas, develop, shoot
from isofed.tasks.reid.drawing.figure import paint_person
from isofed.tasks.reid.drawing.persons import Person, person


def draw(seed: int, identity: int, look: Look, view: str, images: int, size: tuple[int, int]) -> np.ndarray:
    """Draw a person's images from one camera: (n, H, W, 3) uint8, or (n, H, W) in infrared.

    Every image is a function of (seed, person, view, number).

    Args:
        seed: of the data set.
        identity: who; the same number is the same person before every camera.
        look: what the camera does.
        view: tells this camera's randomness from that of others, such as ``"cam1"``.
        images: how many.
        size: height and width, pixels.
    """
    someone = person(seed, identity)
    rngs = [public(seed, 0, view, f"person {identity} image {i}") for i in range(images)]
    shot = shoot(look, someone.build.height, size, rngs)
    return take(seed, someone, look, shot, size)


def take(seed: int, someone: Person, look: Look, shot: Shot, size: tuple[int, int]) -> np.ndarray:
    """Take the pictures whose circumstances are in ``shot``; what comes back is as :func:`draw` says."""
    room = background(seed, look.room, len(shot.noise), *size)
    pictures = canvas(look, shot, room, size)
    paint_person(pictures, someone, shot.pose)
    return develop(look, shot, pictures.pixels)
