"""The six drawn cameras: where they look from, what stands behind the person, what they do to light.

Cameras 2 and 3 share a room, as in SYSU-MM01. Everything about a camera is fixed except its
background, which the data set's seed draws; what differs from image to image is a :class:`Shot`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from isofed.seeds import public
from isofed.tasks.reid.drawing.canvas import Canvas
from isofed.tasks.reid.drawing.figure import Pose

TURN_SPREAD = 0.20  # standard deviation of the body's turn around the camera's yaw, radians: more = harder
SHIFT = 0.05  # largest displacement of a person, share of the picture's height: more = harder
ZOOM = 0.05  # largest relative change of a person's size: more = harder, height says less
EXPOSURE = 0.12  # largest relative change of the gain from image to image
STRIDE, SWING = 0.30, 0.30  # largest slope of legs and arms to the front
NOISE = 1.0  # factor on every camera's noise: more = harder


@dataclass(frozen=True)
class Look:
    """What one camera does.

    Attributes:
        room: number of the background; cameras with the same number share it.
        modality: ``"visible"`` or ``"infrared"``.
        yaw: the turn at which it sees most persons, radians.
        backs: share of persons seen from behind.
        light: brightness of a part's right edge against its left, -0.5..0.5.
        gain, gamma: pixel = (gain * reflectance) ** gamma.
        tint: factors on red, green and blue.
        haze: what is added to every reflectance.
        blur: passes of a (1, 2, 1)-like filter, each of strength 0.2.
        noise: standard deviation, share of the full range.
        scale: height of the tallest person, share of the picture's height.
        hides: share of images in which something stands before the person.
        hider: ``"below"``, ``"left"`` or ``"right"``: where that stands.
    """

    room: int
    modality: str
    yaw: float
    backs: float
    light: float
    gain: float
    gamma: float
    tint: tuple[float, float, float]
    haze: float
    blur: int
    noise: float
    scale: float
    hides: float
    hider: str


LOOKS = {
    1: Look(
        1, "visible", 0.15, 0.10, 0.30, 0.85, 1.05, (1.10, 0.97, 0.80), 0.00, 1, 0.025, 0.88, 0.20, "below"
    ),
    2: Look(
        2, "visible", -0.35, 0.15, -0.25, 0.65, 1.00, (0.85, 0.92, 1.15), 0.03, 1, 0.035, 0.80, 0.15, "left"
    ),
    3: Look(
        2, "infrared", -0.10, 0.10, 0.15, 0.85, 0.85, (1.0, 1.0, 1.0), 0.02, 1, 0.035, 0.82, 0.10, "right"
    ),
    4: Look(
        4, "visible", 0.45, 0.25, 0.40, 1.15, 0.80, (0.98, 1.05, 0.92), 0.10, 2, 0.020, 0.86, 0.05, "left"
    ),
    5: Look(
        5, "visible", -0.20, 0.30, -0.40, 0.95, 1.25, (0.95, 1.02, 1.05), 0.00, 1, 0.030, 0.92, 0.20, "right"
    ),
    6: Look(
        6, "infrared", 0.30, 0.20, -0.20, 1.05, 1.10, (1.0, 1.0, 1.0), 0.06, 2, 0.040, 0.90, 0.12, "below"
    ),
}


@dataclass(frozen=True)
class Shot:
    """What differs between n images of a person: (n, 1) arrays, and the noise.

    Attributes:
        turn: radians; scale: pixels in a body height; top, middle: pixels, of the head's top and axis.
        exposure: factor on the gain.
        pan: 0..1, where in the background the camera looked.
        hidden: 0 where nothing stands before the person, else how much of the picture it takes.
        pose: the body's pose.
        noise: (C, n, H, W) float32, standard normal.
    """

    turn: np.ndarray
    scale: np.ndarray
    top: np.ndarray
    middle: np.ndarray
    exposure: np.ndarray
    pan: np.ndarray
    hidden: np.ndarray
    pose: Pose
    noise: np.ndarray


def shoot(look: Look, tall: float, size: tuple[int, int], rngs: list[np.random.Generator]) -> Shot:
    """Draw n images' circumstances, one generator an image; ``tall`` is the person's relative height."""
    height, width = size
    draws = np.stack([rng.random(12) for rng in rngs])
    one, sign = [column[:, None] for column in draws.T], [2 * column[:, None] - 1 for column in draws.T]
    bell = np.stack([rng.standard_normal(1) for rng in rngs])
    shape = (1 if look.modality == "infrared" else 3, height, width)
    scale = height * look.scale * tall * (1 + ZOOM * sign[0])
    ground = height * (0.5 + 0.5 * look.scale + 0.02)
    return Shot(
        turn=look.yaw + TURN_SPREAD * bell + np.pi * (one[1] < look.backs),
        scale=scale,
        top=np.minimum(ground, height * 0.985) - scale + 0.5 * SHIFT * height * sign[2],
        middle=0.5 * width + SHIFT * height * sign[3],
        exposure=1 + EXPOSURE * sign[4],
        pan=one[5],
        hidden=np.where(one[6] < look.hides, 0.15 + 0.20 * one[7], 0.0),
        pose=Pose(
            stride=STRIDE * sign[8],
            stance=0.09 * one[9],
            swing=SWING * sign[10],
            spread=0.03 + 0.14 * one[11],
            lean=0.012 * sign[9],
        ),
        noise=np.stack([rng.standard_normal(shape, np.float32) for rng in rngs], axis=1),
    )


def canvas(look: Look, shot: Shot, room: np.ndarray, size: tuple[int, int]) -> Canvas:
    """Return a canvas that shows the background only; ``room`` is (C, H, 2 W), float32."""
    height, width = size
    starts = (shot.pan[:, 0] * (room.shape[2] - width)).astype(np.int64)
    columns = starts[:, None] + np.arange(width)
    pixels = np.ascontiguousarray(room[:, :, columns].transpose(0, 2, 1, 3))
    scale = shot.scale.astype(np.float32)
    return Canvas(
        pixels=pixels,
        across=((np.arange(width) + 0.5 - shot.middle) / scale).astype(np.float32)[:, None, :],
        down=((np.arange(height) + 0.5 - shot.top) / scale).astype(np.float32),
        scale=scale[:, :, None],
        turn=shot.turn.astype(np.float32),
        light=np.full((len(scale), 1, 1), look.light, np.float32),
        modality=look.modality,
    )


def develop(look: Look, shot: Shot, pixels: np.ndarray) -> np.ndarray:
    """Turn reflectances (C, n, H, W) into images: (n, H, W, 3) uint8, or (n, H, W) in infrared."""
    _hide(look, shot.hidden[:, 0], pixels)
    tint = np.array(look.tint[: len(pixels)], np.float32)[:, None, None, None]
    gain = (look.gain * shot.exposure).astype(np.float32)[:, :, None]
    light = np.clip((pixels + look.haze) * (gain * tint), 0.0, 1.0) ** np.float32(look.gamma)
    for _ in range(look.blur):
        light[..., 1:-1] += 0.2 * (light[..., :-2] + light[..., 2:] - 2 * light[..., 1:-1])
        light[:, :, 1:-1] += 0.2 * (light[:, :, :-2] + light[:, :, 2:] - 2 * light[:, :, 1:-1])
    light += NOISE * look.noise * shot.noise
    bytes_ = (np.clip(light, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    return bytes_[0] if len(bytes_) == 1 else np.ascontiguousarray(bytes_.transpose(1, 2, 3, 0))


def _hide(look: Look, hidden: np.ndarray, pixels: np.ndarray) -> None:
    """Put a grey thing before the person where ``hidden`` (n,) is above zero."""
    height, width = pixels.shape[2:]
    for row in np.flatnonzero(hidden):
        tall, wide = int(hidden[row] * height), int(hidden[row] * width)
        region = {"below": np.s_[-tall:, :], "left": np.s_[:, :wide], "right": np.s_[:, -wide:]}[look.hider]
        pixels[:, row][(slice(None), *region)] = 0.42


@lru_cache(maxsize=16)
def background(seed: int, room: int, channels: int, height: int, width: int) -> np.ndarray:
    """Draw what stands behind: mottled wall and floor with a few boards, (channels, height, 2 width)."""
    rng = public(seed, 0, "", f"room {room}")
    wide = 2 * width
    scene = np.empty((3, height, wide), np.float32)
    wall = rng.uniform(0.20, 0.65) + rng.uniform(-0.14, 0.14, 3)
    floor = rng.uniform(0.15, 0.50) + rng.uniform(-0.10, 0.10, 3)
    edge = int(height * rng.uniform(0.62, 0.85))
    for channel in range(3):
        coarse = Image.fromarray(rng.uniform(-1, 1, (9, 9)).astype(np.float32))
        scene[channel] = 0.12 * np.asarray(coarse.resize((wide, height), Image.Resampling.BICUBIC))
        scene[channel, :edge] += wall[channel]
        scene[channel, edge:] += floor[channel]
    for _ in range(rng.integers(4, 9)):
        top, left = rng.integers(0, height * 2 // 3), rng.integers(0, wide - 4)
        tall, across = rng.integers(height // 12, height // 2), rng.integers(width // 8, width // 2)
        scene[:, top : top + tall, left : left + across] = rng.uniform(0.1, 0.8, (3, 1, 1))
    scene = np.clip(scene, 0.0, 1.0)
    return scene if channels == 3 else np.ascontiguousarray(scene[:1] * 0.6)
