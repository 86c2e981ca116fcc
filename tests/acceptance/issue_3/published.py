"""What L2RW's runs printed, from its protocols' tables: clients, groups, and the sizes of the evaluations.

Source: Jiang et al., CVPR 2025, the printed output of its released notebooks, and the later L2RW+ for the two
video data sets. None stands for what no source gives; it is counted and printed all the same.
"""

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
class Group:
    """Two data sets under entity independence and entity sharing, tested on a third.

    Attributes:
        clients: layouts, client 1 first.
        unseen: the layout tested on.
        head: persons of both, who are never the same.
        weights: of the clients, as printed.
        visible, infrared: images of the pool under sharing.
    """

    clients: tuple[str, str]
    unseen: str
    head: int
    weights: tuple[str, str]
    visible: int
    infrared: int


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
    Group(("regdb", "llcm"), "sysu", 919, ("0.117", "0.883"), 19006, 16035),
    Group(("sysu", "llcm"), "regdb", 1108, ("0.52461", "0.47539"), 39204, 25884),
    Group(("sysu", "regdb"), "llcm", 601, ("0.8928", "0.1072"), 24318, 13969),
)
