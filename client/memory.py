"""What a site remembers between rounds, in versions, on its own disk.

A version is named after the attempt that made it, ``"<round>.<attempt>"``. Its file holds the memory
*and* the report of that attempt, so that both exist or neither does: asked for the same attempt
again, the site gives the same report again. The two newest versions are kept, because the server
says with its next order which one it counted.

A simulated site keeps no reports: its secrets are functions of the seed, so that it trains an attempt
again to the same bits. Where a run has nothing to remember either, it has no files at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isofed.errors import CheckpointError
from isofed.files import load_state, save_state
from isofed.records import Channel, Delta, Order, Report, Table, Value
from isofed.trees import Tree

STATE = ".state"
Sections = Mapping[str, Tree | np.ndarray]


def version_of(order: Order) -> str:
    """Return the name of the version that an order will make."""
    return f"{order.round}.{order.attempt}"


@dataclass(frozen=True)
class Memory:
    """A site's memory folder.

    Args:
        folder: belongs to this run and site alone.
        durable: wait for the disk at each commit, as a deployed site does.
        sections: whether there ever is anything to remember from round to round.
        answers: whether reports are kept, to be given again.
    """

    folder: Path
    durable: bool = False
    sections: bool = True
    answers: bool = True

    def load(self, version: str) -> Sections:
        """Return the sections of a version; ``""`` is the empty memory before the first round.

        Raises:
            CheckpointError: the version is gone or damaged.
        """
        if not version or not self.sections:
            return {}
        _, state = load_state(self._path(version), f"this site's memory version {version}")
        return {name[2:]: value for name, value in state.items() if name.startswith("m/")}

    def stored(self, order: Order) -> Report | None:
        """Return the report already given in answer to this attempt, if there is one.

        Raises:
            CheckpointError: it was given for something else, or the site has followed a later order since:
                one that comes late must not make it forget what it has come to.
        """
        if not self.answers:
            return None
        self._refuse_older(order)
        path = self._path(version_of(order))
        if not path.exists():
            return None
        meta, state = load_state(path, f"this site's memory version {version_of(order)}")
        if (meta["base"], meta["run"], meta["digest"]) != (order.base, order.run, order.digest):
            raise CheckpointError(
                f"round {order.round}, attempt {order.attempt} was already answered for another run or from "
                "another memory; start the run in a new folder"
            )
        self._forget({path, self._path(order.base)})
        channels = {name: _unpack(name, kind, state) for name, kind in meta["channels"].items()}
        return Report(order.round, order.attempt, version_of(order), channels, meta["scalars"])

    def commit(self, order: Order, report: Report, sections: Sections) -> None:
        """Write the new version beside the one it came from, then drop all older ones."""
        if not (self.sections or self.answers):
            return
        state: dict[str, Tree | np.ndarray] = {f"m/{name}": value for name, value in sections.items()}
        channels = report.channels if self.answers else {}
        for name, channel in channels.items():
            state.update(_pack(name, channel))
        meta = {
            "run": order.run,
            "base": order.base,
            "digest": order.digest,
            "channels": {name: channel.kind for name, channel in channels.items()},
            "scalars": dict(report.scalars),
        }
        save_state(self._path(report.version), meta, state, self.durable)
        self._forget({self._path(report.version), self._path(order.base)})

    def _refuse_older(self, order: Order) -> None:
        names = (path.stem for path in self.folder.glob(f"*{STATE}"))
        round, attempt = max(map(_number, names), default=(0, 0))
        if (order.round, order.attempt) < (round, attempt):
            raise CheckpointError(
                f"the order is for round {order.round}, attempt {order.attempt}, but this site has followed "
                f"one for round {round}, attempt {attempt}; go on from the run's newest checkpoint, or start "
                "anew"
            )

    def _forget(self, keep: set[Path]) -> None:
        for path in self.folder.iterdir():
            if path not in keep:
                path.unlink(missing_ok=True)

    def _path(self, version: str) -> Path:
        return self.folder / f"{version}{STATE}"


def _number(version: str) -> tuple[int, int]:
    round, _, attempt = version.partition(".")
    return int(round), int(attempt)


def _pack(name: str, channel: Channel) -> dict[str, Tree | np.ndarray]:
    if isinstance(channel, Table):
        return {
            f"r/{name}/values": np.asarray(channel.values),
            f"r/{name}/counts": np.asarray(channel.counts),
        }
    return {f"r/{name}": channel.tree}


def _unpack(name: str, kind: str, state: Mapping[str, Tree | np.ndarray]) -> Channel:
    if kind == "table":
        return Table(state[f"r/{name}/values"], state[f"r/{name}/counts"])
    tree = state[f"r/{name}"]
    if not isinstance(tree, Tree):
        raise CheckpointError(f"this site's memory is damaged: '{name}' is no tree; delete its folder")
    return Value(tree) if kind == "value" else Delta(tree)
