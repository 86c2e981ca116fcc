"""The two bodies: joints, bones, hyperedges, and how far joints are from each other."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

FINGERS = 5


@dataclass(frozen=True)
class Body:
    """A set of joints as a data set records them.

    Args:
        name: as in ``task.body``.
        joints: their names, in the order of the arrays.
        bones: pairs of joints, numbered from 0; together a tree.
        groups: the hyperedge of each joint, numbered from 0.
        group_names: of the hyperedges.
        mirror: the joint that takes each joint's place when left and right are exchanged.
        channels: what the three numbers of a joint are.
        emotions: what labels 0 and 1 stand for in its data set.

    Source: the authors' released code, H2OFormer (2024), for order, bones and hyperedges.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]
    groups: tuple[int, ...]
    group_names: tuple[str, ...]
    mirror: tuple[int, ...]
    channels: tuple[str, str, str]
    emotions: tuple[str, str] = ("negative", "positive")

    @property
    def flat(self) -> bool:
        """Whether places lie in a picture, so that a joint's third number is a confidence."""
        return self.channels[2] == "confidence"

    @cached_property
    def hops(self) -> np.ndarray:
        """Bones between every two joints, (V, V) int64."""
        count = len(self.joints)
        near = np.eye(count, dtype=bool)
        for a, b in self.bones:
            near[a, b] = near[b, a] = True
        hops, reached = np.full((count, count), -1), np.eye(count, dtype=bool)
        for distance in range(count):
            hops[reached & (hops < 0)] = distance
            reached = (reached.astype(int) @ near.astype(int)) > 0
        return hops


def _chain(*joints: int) -> tuple[tuple[int, int], ...]:
    return tuple(pairwise(joints))


def _star(centre: int, joints: range) -> tuple[tuple[int, int], ...]:
    return tuple((centre, joint) for joint in joints)


IMIGUE = Body(
    name="imigue",
    joints=(
        *("nose", "neck", "right shoulder", "right elbow", "right wrist"),
        *("left shoulder", "left elbow", "left wrist"),
        *("right eye", "left eye", "right ear", "left ear"),
        *(f"left {finger} tip" for finger in ("thumb", "index", "middle", "ring", "little")),
        *(f"right {finger} tip" for finger in ("thumb", "index", "middle", "ring", "little")),
    ),
    bones=(
        *_chain(0, 1, 2, 3, 4),
        *_chain(1, 5, 6, 7),
        *_chain(0, 8, 10),
        *_chain(0, 9, 11),
        *_star(7, range(12, 17)),
        *_star(4, range(17, 22)),
    ),
    groups=(0, 0, *(1,) * 6, *(0,) * 4, *(2,) * 10),
    group_names=("head", "arms", "fingers"),
    mirror=(0, 1, 5, 6, 7, 2, 3, 4, 9, 8, 11, 10, *range(17, 22), *range(12, 17)),
    channels=("x, pixels", "y, pixels", "confidence"),
)

SMG = Body(
    name="smg",
    joints=(
        *("spine base", "spine mid", "neck", "head"),
        *("left shoulder", "left elbow", "left wrist", "left hand"),
        *("right shoulder", "right elbow", "right wrist", "right hand"),
        *("left hip", "left knee", "left ankle", "left foot"),
        *("right hip", "right knee", "right ankle", "right foot"),
        *("spine shoulder", "left hand tip", "left thumb", "right hand tip", "right thumb"),
    ),
    bones=(
        *_chain(3, 2, 20, 1, 0, 12, 13, 14, 15),
        *_chain(0, 16, 17, 18, 19),
        *_chain(20, 4, 5, 6, 7, 21),
        *_chain(20, 8, 9, 10, 11, 23),
        *_chain(7, 22),
        *_chain(11, 24),
    ),
    groups=(*(0,) * 4, *(1,) * 8, *(2,) * 8, 0, *(3,) * 4),
    group_names=("trunk", "arms", "legs", "hand tips"),
    mirror=(0, 1, 2, 3, *range(8, 12), *range(4, 8), *range(16, 20), *range(12, 16), 20, 23, 24, 21, 22),
    channels=("x", "y", "z"),
    emotions=("relaxed", "stressed"),
)

BODIES = {body.name: body for body in (IMIGUE, SMG)}
