"""What L2RW's runs printed, from its protocols' tables: clients, groups, and the sizes of the evaluations.

Source: Jiang et al., CVPR 2025, the printed output of its released notebooks, and the later L2RW+ for the two
video data sets. None stands for what no source gives; it is counted and printed all the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Client:
    """One client under camera independence.

    Attributes:
        modality: ``visible``, ``infrared`` or ``both``.
        identities, images: in its training half; of films, tracklets.
        counted: images rounded down to whole batches.
        weight: their share of all clients' sum, to five digits.
    """

    modality: str
    identities: int | None = None
    images: int | None = None
    counted: int | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Table:
    """One data set.

    Attributes:
        clients: in the order of their numbers.
        classes: distinct training persons, rows of the head.
        query, gallery: of the evaluation; the gallery of one draw.
        draws: galleries drawn.
        batch: persons in a batch, and images of each.
        splits: published splits, each of them a federation of its own with these very counts.
    """

    clients: tuple[Client, ...]
    classes: int
    query: int | None = None
    gallery: int | None = None
    draws: int | None = None
    batch: tuple[int, int] = (8, 8)
    splits: int = 1


@dataclass(frozen=True)
class Entity:
    """One client under entity independence: its rows of the head (first, last), images, weight as printed."""

    rows: tuple[int, int]
    images: int
    weight: str


@dataclass(frozen=True)
class Group:
    """Two data sets under entity independence and entity sharing, tested on a third.

    Attributes:
        entities: by layout.
        target: the layout tested on, which nobody trained on.
        head: persons of both, who are never the same.
        visible, infrared: images of the pool under sharing.
        draws: repetitions of the evaluation, each of the target's own size.
    """

    entities: Mapping[str, Entity]
    target: str
    head: int
    visible: int
    infrared: int
    draws: int = 10

    @property
    def name(self) -> str:
        """The layout of the group, which names the entities in the order of their rows."""
        return f"{'_'.join(sorted(self.entities, key=lambda n: self.entities[n].rows))}_to_{self.target}"


TABLES = {
    "sysu": Table(
        clients=(
            Client("visible", 194, 4721, 4672, 0.13774),
            Client("visible", 195, 5753, 5696, 0.16792),
            Client("infrared", 392, 7909, 7872, 0.23208),
            Client("visible", 382, 5811, 5760, 0.16981),
            Client("visible", 390, 5973, 5952, 0.17547),
            Client("infrared", 200, 4000, 3968, 0.11698),
        ),
        classes=395,
        query=3803,
        gallery=301,
        draws=10,
    ),
    "regdb": Table(
        clients=(Client("visible", 206, 2060, 2048, 0.5), Client("infrared", 206, 2060, 2048, 0.5)),
        classes=206,
        query=2060,
        gallery=2060,
        draws=1,
        splits=10,
    ),
    "llcm": Table(
        clients=(
            Client("both", 21, 343, 320, 0.01042),
            Client("both", 20, 137, 128, 0.00417),
            Client("both", 345, 5733, 5696, 0.18542),
            Client("both", 353, 5843, 5824, 0.18958),
            Client("both", 661, 8019, 8000, 0.26042),
            Client("both", 687, 8450, 8448, 0.27500),
            Client("both", 72, 1002, 960, 0.03125),
            Client("both", 40, 1089, 1088, 0.03542),
            Client("both", 24, 305, 256, 0.00833),
        ),
        classes=713,
        query=7166,
        gallery=484,
        draws=10,
    ),
    "hitsz_vcm": Table(clients=(Client("both"),) * 6, classes=500, batch=(8, 4)),
    "buptcampus": Table(clients=(Client("both"),) * 6, classes=1074, batch=(16, 2)),
}

GROUPS = (
    Group(
        entities={
            "regdb": Entity((0, 205), 4120, "0.117"),
            "llcm": Entity((206, 918), 30921, "0.883"),
        },
        target="sysu",
        head=919,
        visible=19006,
        infrared=16035,
    ),
    Group(
        entities={
            "sysu": Entity((713, 1107), 34167, "0.52461"),
            "llcm": Entity((0, 712), 30921, "0.47539"),
        },
        target="regdb",
        head=1108,
        visible=39204,
        infrared=25884,
    ),
    Group(
        entities={
            "sysu": Entity((206, 600), 34167, "0.8928"),
            "regdb": Entity((0, 205), 4120, "0.1072"),
        },
        target="llcm",
        head=601,
        visible=24318,
        infrared=13969,
    ),
)
