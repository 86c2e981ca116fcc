"""A layout's training samples divided anew among virtual clients: a simulation's, never an owner's.

Each sample goes to exactly one client. Nothing is copied: a client's samples are rows of the pool, which is
what one trainer would hold that has everything.
"""

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from isofed.config import read, within
from isofed.errors import CompositionError, DataError
from isofed.population import Numbered
from isofed.seeds import public
from isofed.suggest import pick
from isofed.tasks.task import DataLayout, Samples, Site, Task, names

OWNER, SHARING = "owner", "sharing"
POOL = "pool"  # folder of the pool's cache beside those of the clients
OWNED = ("camera", "camera_strict")  # levels under which whoever took a picture owns it


@dataclass(frozen=True)
class Partition:
    """How samples are divided.

    Args:
        partition: ``owner`` for as published, or a name of :data:`PARTITIONS`.
        clients: n, virtual clients, 2 to 10,000.
        alpha: of the Dirichlet distribution, above 0: the larger the more alike.
        shards: that each client gets, at least 1.
        least: samples that each client holds at least.

    Raises:
        ConfigError: an unknown name, a number out of range.
    """

    partition: str = OWNER
    clients: int = 10
    alpha: float = 0.5
    shards: int = 2
    least: int = 8

    def __post_init__(self) -> None:
        pick("partition", self.partition, {OWNER: None, **PARTITIONS})
        within("clients", self.clients, 2, 10_000)
        within("alpha", self.alpha, 1e-3, 1e6)
        within("shards", self.shards, 1, 10_000)
        within("least", self.least, 1, 1e6)

    @property
    def named(self) -> bool:
        """Whether samples are divided anew."""
        return self.partition != OWNER

    def refuse(self, level: str, layout: DataLayout) -> None:
        """Refuse a level under which the owner is given.

        Raises:
            CompositionError: one sentence.
        """
        if self.named and level in OWNED:
            raise CompositionError(
                f"under protocol={level} a camera's pictures are its own, so they cannot be dealt to others; "
                "write protocol=entity, whose clients may be virtual, or data.partition=owner"
            )
        if self.named and SHARING not in layout.levels:
            raise CompositionError(
                f"data layout '{layout.name}' has nobody who holds everything, which partition="
                f"{self.partition} would divide; write data.partition=owner"
            )


def dirichlet(kinds: np.ndarray, n: int, how: Partition, rng: np.random.Generator) -> np.ndarray:
    """Deal each class by shares p ~ Dir(α, .., α) of its own over the n clients.

    Args:
        kinds: (N,) int64, each sample's class.
        n: clients.
        how: α.
        rng: where shares and order come from.

    Returns:
        (N,) int64, each sample's client.

    Source: Yurochkin et al., Bayesian Nonparametric Federated Learning of Neural Networks, ICML 2019,
    section 4.
    """
    whose = np.empty(len(kinds), np.int64)
    for kind in np.unique(kinds):
        rows = rng.permutation(np.flatnonzero(kinds == kind))
        whose[rows] = _dealt(len(rows), rng.dirichlet(np.full(n, how.alpha)))
    return whose


def shards(kinds: np.ndarray, n: int, how: Partition, rng: np.random.Generator) -> np.ndarray:
    """Sort by class, cut into n · k shards that are equally large but for one, give each client k of them.

    Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data,
    AISTATS 2017, section 3.
    """
    order = np.lexsort((rng.random(len(kinds)), kinds))
    owners = rng.permutation(np.repeat(np.arange(n), how.shards))
    whose = np.empty(len(kinds), np.int64)
    for rows, owner in zip(np.array_split(order, len(owners)), owners, strict=True):
        whose[rows] = owner
    return whose


def quantity(kinds: np.ndarray, n: int, how: Partition, rng: np.random.Generator) -> np.ndarray:
    """Deal all samples, shuffled, by one draw of shares p ~ Dir(α, .., α): clients of unlike sizes.

    Source: Li, Diao, Chen, He, Federated Learning on Non-IID Data Silos: An Experimental Study, ICDE 2022,
    section 4, quantity skew.
    """
    whose = np.empty(len(kinds), np.int64)
    whose[rng.permutation(len(kinds))] = _dealt(len(kinds), rng.dirichlet(np.full(n, how.alpha)))
    return whose


Divider = Callable[[np.ndarray, int, Partition, np.random.Generator], np.ndarray]
PARTITIONS: Mapping[str, Divider] = {
    "dirichlet": dirichlet,
    "shards": shards,
    "quantity": quantity,
    "feature": dirichlet,
}
"""``feature`` is ``dirichlet`` over the kinds of sensors (``Samples.domains``) in the place of classes."""


def divide(samples: Samples, how: Partition, seed: int) -> tuple[np.ndarray, ...]:
    """Return each client's rows, rising; every row in exactly one, ``how.least`` or more in each.

    Args:
        samples: the pool.
        how: which division.
        seed: the run's.

    Raises:
        DataError: too few samples; no kinds by which to divide.
    """
    if len(samples) < how.clients * how.least:
        raise DataError(
            f"there are {len(samples)} samples, too few for {how.clients} clients of at least {how.least}; "
            "write a smaller data.clients or data.least"
        )
    kinds = samples.domains if how.partition == "feature" else samples.labels
    if how.partition == "quantity":
        kinds = np.zeros(len(samples), np.int64)
    if kinds is None or (how.partition == "feature" and len(np.unique(kinds)) < 2):
        what = "kinds of sensors" if how.partition == "feature" else "labels"
        raise DataError(f"these data have no {what} to divide by; write data.partition=quantity")
    rng = public(seed, 0, "", f"partition {how.partition}")
    whose = PARTITIONS[how.partition](np.asarray(kinds), how.clients, how, rng)
    return _filled([np.flatnonzero(whose == client) for client in range(how.clients)], how.least, rng)


def divided(layout: DataLayout, how: Partition | None, seed: int) -> DataLayout:
    """Return a layout whose owners are virtual clients, except for a trainer that holds everything.

    Args:
        layout: as published.
        how: which division, or None for as published.
        seed: the run's.
    """
    if how is None or not how.named:
        return layout
    virtual = Numbered(how.clients)

    def dealt(level: str) -> tuple[Site, ...] | None:
        if level == SHARING:
            return layout.owners(level)
        return tuple(Site(name, {"client": "virtual"}) for name in virtual)

    def sites(root: Path, level: str) -> tuple[Site, ...]:
        found = layout.sites(root, level) if level == SHARING else ()
        return tuple(map(Site, names(found))) or dealt(level) or ()

    def open_train(root: Path, site: str, cache: Path, options: Any) -> Samples:
        if site not in virtual:
            return layout.open_train(root, site, cache, options)
        pool, rows = _pool(layout, root, cache.parent.parent / POOL / cache.name, options, how, seed)
        return pool.take(rows[virtual.index(site)])

    def folders(root: Path, site: str | None) -> tuple[Path, ...]:
        return layout.folders(root, None)

    return replace(layout, sites=sites, owners=dealt, open_train=open_train, folders=folders)


def with_partition(tasks: Mapping[str, Task], cfg: Mapping[str, Any]) -> Mapping[str, Task]:
    """Return the tasks, the layout of a run's own divided as it says.

    Args:
        tasks: by name.
        cfg: a run's configuration; without ``partition`` in it nothing is divided.

    Raises:
        ConfigError, CompositionError: one sentence.
    """
    how = read(Partition, cfg.get("partition", {}), "data")
    task = tasks.get(str(cfg["task"].get("name")))
    if not how.named or task is None or cfg["layout"] not in task.layouts:
        return tasks  # what is unknown is said where it is looked up
    layout = task.layouts[cfg["layout"]]
    how.refuse(str(cfg["protocol"].get("name")), layout)
    layouts = {**task.layouts, cfg["layout"]: divided(layout, how, int(cfg["seed"]))}
    return {**tasks, task.name: replace(task, layouts=layouts)}


@lru_cache(maxsize=2)  # one process opens it for many clients
def _pool(
    layout: DataLayout, root: Path, cache: Path, options: Any, how: Partition, seed: int
) -> tuple[Samples, tuple[np.ndarray, ...]]:
    (everything,) = names(layout.sites(root, SHARING))
    with _alone(cache):
        samples = layout.open_train(root, everything, cache, options)
    return samples, divide(samples, how, seed)


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Let one process at a time fill the cache."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    with (cache.parent / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _dealt(count: int, shares: np.ndarray) -> np.ndarray:
    """Return (count,) int64, the owner of each of so many places, cut where the shares' sums say."""
    cuts = np.floor(np.cumsum(shares)[:-1] * count + 0.5).astype(np.int64)
    return np.searchsorted(cuts, np.arange(count), side="right")


def _filled(parts: Sequence[np.ndarray], least: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return the parts with some rows of the largest given to those that hold too few."""
    held = [part.tolist() for part in parts]
    for part in held:
        while len(part) < least:
            largest = max(held, key=len)
            part.append(largest.pop(int(rng.integers(len(largest)))))
    return tuple(np.array(sorted(part), np.int64) for part in held)
