"""What the makers of a drawn set of tracklets do alike: who walks past which of six cameras, and the films.

Each camera has a visible and an infrared half. Every frame is a function of (seed, layout, person, camera,
modality, tracklet, number), whatever the number of workers.
"""

from dataclasses import dataclass

import numpy as np

from isofed.seeds import public
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.drawing.cameras import LOOKS
from isofed.tasks.reid.drawing.walk import film, twins
from isofed.tasks.reid.layouts import making
from isofed.tasks.reid.layouts.reading import LAST_ID

CAMERAS = tuple(LOOKS)  # numbers, 1 to 6
FEWEST = 8  # training persons that a camera sees at least: a batch holds eight
COVERAGE = 0.5  # share of the training persons that a camera sees
ROOMS = {"hitsz_vcm": 30, "buptcampus": 40}  # a camera's number is added: other backgrounds than elsewhere


@dataclass(frozen=True)
class Plan:
    """Who is trained on, who is tested on, who is neither, and who passes which camera in training."""

    train: tuple[int, ...]
    test: tuple[int, ...]
    others: tuple[int, ...]
    seen: dict[int, tuple[int, ...]]  # camera -> ascending training persons


@dataclass(frozen=True)
class Scene:
    """One walk of a person past a camera, ``number`` from 1."""

    camera: int
    id: int
    number: int


@dataclass(frozen=True)
class Take:
    """A scene's two films, frame by frame as the bytes of a JPEG file."""

    scene: Scene
    visible: tuple[bytes, ...]
    infrared: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.visible) + len(self.infrared)


def refuse_odd(options: object, shortest: int) -> None:
    """Raise ConfigError unless each number lies in its range.

    Args:
        options: dataclass with identities, test_identities, tracklets, frames, height and width.
        shortest: the fewest frames.
    """
    making.refuse_outside(
        options,
        identities=(FEWEST, LAST_ID // 2),
        test_identities=(2, LAST_ID // 4),
        tracklets=(1, 99),
        frames=(shortest, 99),
        height=(32, making.LARGEST),
        width=(16, making.LARGEST),
    )


def plan(layout: str, seed: int, train: int, test: int, others: int = 0) -> Plan:
    """Draw who of ``train + test + others`` persons is what, and deal the training persons to the cameras.

    They stand in a ring, and each camera begins a sixth further on, so that all share some persons with the
    next one and nobody is left out.
    """
    numbers = 1 + public(seed, 0, layout, "split").permutation(train + test + others)
    trained, tested, rest = np.split(numbers, [train, train + test])
    count = min(train, max(FEWEST, round(COVERAGE * train)))
    starts = [train * place // len(CAMERAS) for place in range(len(CAMERAS))]
    hands = [making.ascending(np.roll(trained, -start)[:count]) for start in starts]
    seen = dict(zip(CAMERAS, hands, strict=True))
    return Plan(making.ascending(trained), making.ascending(tested), making.ascending(rest), seen)


def scenes(people: Plan, tracklets: int) -> list[Scene]:
    """List all walks: training persons past their cameras, test persons past all, others past one, once."""
    trained = [(c, i) for c in CAMERAS for i in people.seen[c]]
    tested = [(c, i) for i in people.test for c in CAMERAS]
    walks = [Scene(c, i, number) for c, i in trained + tested for number in range(1, tracklets + 1)]
    return walks + [Scene(CAMERAS[i % len(CAMERAS)], i, 1) for i in people.others]


def shoot(layout: str, seed: int, frames: int, size: tuple[int, int], aligned: bool, scene: Scene) -> Take:
    """Draw and encode one scene.

    Args:
        layout: whose persons and rooms.
        seed: of the data set.
        frames: of each of the two films.
        size: height and width of a frame, pixels.
        aligned: whether both halves of the camera see one and the same walk.
        scene: who passes which camera.
    """
    who, room = making.FIRST[layout] + scene.id, ROOMS[layout] + scene.camera
    walk, films = f"{layout} camera {scene.camera} walk {scene.number}", []
    for look in twins(LOOKS[scene.camera], room):
        view = f"{walk} {look.modality}"
        films.append(encode(film(seed, who, look, walk if aligned else view, view, frames, size)))
    return Take(scene, *films)
