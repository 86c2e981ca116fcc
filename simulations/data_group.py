"""The ``data`` group: which data, drawn or read, and how they are divided."""

from dataclasses import asdict, dataclass, field
from typing import Any

from isofed.tasks.partitions import OWNER, Partition


@dataclass(frozen=True)
class Data:
    """The ``data`` group; ``make`` is for the layout's generator, ``declared`` the strictest level that the
    data's owners ask for, the rest how samples are divided, see tasks/partitions.py."""

    layout: str
    root: str | None = None
    seed: int = 0
    declared: str | None = None
    make: dict[str, Any] = field(default_factory=dict)
    partition: str = OWNER
    clients: int = 10
    alpha: float = 0.5
    shards: int = 2
    least: int = 8

    @property
    def shared(self) -> dict[str, Any]:
        """What both halves of a federation read of it."""
        how = Partition(self.partition, self.clients, self.alpha, self.shards, self.least)
        return {"layout": self.layout} | ({"partition": asdict(how)} if how.named else {})
