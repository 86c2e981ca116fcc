"""Everything the server must keep between two rounds, as one value, and its file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from isofed.errors import CheckpointError
from isofed.files import load_state, save_state, write_json
from isofed.records import Table
from isofed.server import history
from isofed.strategies.arrivals import Flight, Running
from isofed.trees import Tree

SUFFIX = ".ckpt"
FOR = "@"
OF_STEP = "#"
ATTEMPT = "attempt.json"


@dataclass(frozen=True)
class ServerState:
    """The server between two rounds.

    Args:
        round: the last committed round, 0 before the first.
        trees: ``model`` and ``buffers``, NumPy; under ``model#3`` as they were after step 3, while a site
            trains that began with it.
        tables: the recipe's averaged tables; what goes to one site alone stands under ``channel@site``.
        optimiser: the server optimiser's state.
        versions: the memory version counted from each site, ``""`` for none.
        history: one JSON object a committed round.
        flight: who trains meanwhile, where not all are waited for.
        private: what the privacy steps keep from round to round, JSON values that never leave the server.
    """

    round: int
    trees: Mapping[str, Tree]
    tables: Mapping[str, Table] = field(default_factory=dict)
    optimiser: Mapping[str, Tree] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    flight: Flight = field(default_factory=Flight)
    private: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def at(self, group: str, step: int) -> Tree:
        """Return a group of arrays as it was after a step."""
        return self.trees[group if step == self.round else f"{group}{OF_STEP}{step}"]

    def kept(self, flight: Flight) -> dict[str, Tree]:
        """Return what those in flight began with, under the names that it has after the next step."""
        groups = [name for name in self.trees if OF_STEP not in name]
        steps = sorted({each.began for each in flight.running})
        return {f"{group}{OF_STEP}{step}": self.at(group, step) for step in steps for group in groups}

    def tables_for(self, site: str) -> dict[str, Table]:
        """Return the tables that an order to ``site`` carries, by channel."""
        return {**self._addressed.get("", {}), **self._addressed.get(site, {})}

    @cached_property
    def _addressed(self) -> Mapping[str, Mapping[str, Table]]:
        # sorted out once a round, not once for every site that is asked
        found: dict[str, dict[str, Table]] = {}
        for name, table in self.tables.items():
            channel, _, whom = name.partition(FOR)
            found.setdefault(whom, {})[channel] = table
        return found


@dataclass(frozen=True)
class Checkpoints:
    """A folder with one file a committed round, and one of what is told of the rounds.

    Args:
        folder: made when the first round is committed; the attempt under way is noted beside it.
        digest: of the setting; a checkpoint of another one is refused.
        durable: wait for the disk at each commit.
    """

    folder: Path
    digest: str
    durable: bool = False

    @cached_property
    def _journal(self) -> history.Journal:
        return history.Journal(self.folder / history.NAME, self.durable)

    def save(self, state: ServerState) -> None:
        """Write the checkpoint of a committed round, whole or not at all."""
        arrays: dict[str, Any] = {f"t/{name}": tree for name, tree in state.trees.items()}
        arrays |= {f"o/{name}": tree for name, tree in state.optimiser.items()}
        for name, table in state.tables.items():
            arrays |= {f"v/{name}": table.values, f"c/{name}": table.counts}
        meta = {
            "round": state.round,
            "digest": self.digest,
            "versions": dict(state.versions),
            # the last round's entry may still be amended, those before it never
            "before": self._journal.keep(state.history[:-1]),
            "history": state.history[-1:],
            "flight": asdict(state.flight),
            **({"private": dict(state.private)} if state.private else {}),
        }
        save_state(self.folder / f"round_{state.round:06d}{SUFFIX}", meta, arrays, self.durable)

    def _before(self, meta: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
        # an older checkpoint holds all of it
        return self._journal.read(meta["before"], f"the checkpoint {name}") if "before" in meta else ()

    def attempt(self, round: int) -> int:
        """Return the attempt with which to go on: the same after a crash, the next one after a failure.

        The same attempt is answered with the same report; a new one uses fresh secrets.
        """
        for noted in self._noted():
            if noted["round"] == round:
                return int(noted["attempt"]) + bool(noted["failed"])
        return 1

    def note_attempt(self, round: int, attempt: int, failed: bool = False) -> None:
        """Write down an attempt before its first order goes out, and again if it fails.

        What was noted of the round before stays, because that one may not be committed yet.
        """
        noted = {"round": round, "attempt": attempt, "failed": failed}
        before = next((each for each in self._noted() if each["round"] == round - 1), None)
        write_json(self.folder.parent / ATTEMPT, noted | ({"before": before} if before else {}))

    def _noted(self) -> list[dict[str, Any]]:
        """Return what is noted of the last round that was tried, and of the one before."""
        path = self.folder.parent / ATTEMPT
        last = json.loads(path.read_text()) if path.exists() else None
        before = last.pop("before", None) if last else None
        return [noted for noted in (last, before) if noted]

    def latest(self, like: ServerState) -> ServerState:
        """Return the newest committed state, or ``like`` where no round is committed yet.

        Raises:
            CheckpointError: the file is damaged, or belongs to another configuration or model.
        """
        files = sorted(self.folder.glob(f"round_*{SUFFIX}")) if self.folder.is_dir() else []
        if not files:
            return like
        meta, arrays = load_state(files[-1], f"the checkpoint {files[-1].name}")
        if meta["digest"] != self.digest:
            raise CheckpointError(
                f"the checkpoint {files[-1].name} belongs to configuration {meta['digest']}, but this run is "
                f"{self.digest}; resume with the run's own config.json or start anew"
            )
        state = _state(meta, arrays, self._before(meta, files[-1].name))
        _same_model(state, like, files[-1].name)
        return state


def newest(folder: Path) -> int:
    """Return the newest committed round by the names of the files alone; 0 where there is none."""
    return max((int(path.stem.removeprefix("round_")) for path in folder.glob(f"round_*{SUFFIX}")), default=0)


def _state(
    meta: Mapping[str, Any], arrays: Mapping[str, Any], before: tuple[Mapping[str, Any], ...]
) -> ServerState:
    def group(prefix: str) -> dict[str, Any]:
        return {name[2:]: value for name, value in arrays.items() if name.startswith(prefix)}

    counts = group("c/")
    return ServerState(
        round=meta["round"],
        trees=group("t/"),
        tables={name: Table(values, counts[name]) for name, values in group("v/").items()},
        optimiser=group("o/"),
        versions=meta["versions"],
        history=(*before, *meta["history"]),
        flight=_flight(**meta["flight"]),
        private=meta.get("private", {}),
    )


def _flight(clock: float, running: list[Mapping[str, Any]]) -> Flight:
    return Flight(clock, tuple(Running(**each) for each in running))


def _same_model(found: ServerState, like: ServerState, name: str) -> None:
    for group, tree in like.trees.items():
        if group not in found.trees or found.trees[group].layout.digest != tree.layout.digest:
            raise CheckpointError(
                f"the checkpoint {name} holds another model than this run's ('{group}' differs); resume with "
                "the run's own config.json or start anew"
            )
