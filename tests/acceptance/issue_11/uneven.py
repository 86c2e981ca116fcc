#!/usr/bin/env python3
"""Clients that are not alike, for every strategy: what is said is what happens, and repeats to the last bit.

    python tests/acceptance/issue_11/uneven.py         every strategy of ours; six drawn cameras, three rounds
                                                       (fltrust: five databases of action units)
    python tests/acceptance/issue_11/uneven.py fedavg scaffold

For each strategy and each kind of unevenness that goes with it (partial participation drawn evenly, by
weights and from a trace; stragglers against a deadline; dropouts; unequal steps; late joiners) it runs a tiny
federation once to its end, and once killed in its second round and resumed. Both must end with the same
weights and the same history; sites that were missing must not be counted, and each kind must have left its
mark. A kind that does not go with a strategy must be refused in one sentence.
Prints a line for each; exits with 1 where one fails.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "contracts"))

import torch
from cases import CASES, World

from isofed.errors import CompositionError
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS

ROUNDS = 3
KINDS: Mapping[str, tuple[int, Mapping[str, Any]]] = {
    "uniform": (3, {}),
    "weighted": (3, {"weights": 1.0}),
    "trace": (0, {}),  # see traced
    "stragglers": (0, {"deadline": 0.8, "spread": 0.5}),
    "dropouts": (0, {"dropouts": 0.4}),
    "steps": (0, {"steps": 0.2}),
    "late": (0, {"late": 0.4, "joined": 3}),
}
PUBLIC = ("feddf", "fedpav", "fltrust")  # need data at the server
FACES = "action_units"  # for fltrust, which is refused where labels are people
ALSO = {"fednova": {"keep_momentum": False}, "scaffold": {"momentum": 0.0}, "feddyn": {"momentum": 0.0}}


def traced(world: World) -> Mapping[str, Any]:
    """Return when the first and the fourth site are there: from the second round on, and before the third."""
    return {world.sites[0]: [[2, None]], world.sites[3]: [[1, 2]]}


class Killed(Exception):
    """Stands for a process that is killed."""


def made(world: World, folder: Path, strategy: str, kind: str) -> Federation:
    """Return the federation of a strategy whose sites are unlike in one way."""
    cohort, values = KINDS[kind]
    plain = world.federation(folder, {"name": strategy}, rounds=ROUNDS, **ALSO.get(strategy, {}))
    clients = {"name": "uneven", **values, **({"trace": traced(world)} if kind == "trace" else {})}
    public = world.root if strategy in PUBLIC else None
    return replace(
        plain, public=public, cfg={**plain.cfg, "evaluate_every": 0, "cohort": cohort, "clients": clients}
    )


def killed(federation: Federation) -> None:
    """Run a federation until its second round is under way."""

    def emit(name: str, **fields: Any) -> None:
        if name == "reply" and fields.get("round") == 2:
            raise Killed

    try:
        run(federation, Pool(1), emit)
    except Killed:
        return
    raise AssertionError("there was no reply in the second round")


def seen(history: Sequence[Mapping[str, Any]], sites: Sequence[str], kind: str) -> bool:
    """Whether a kind left its mark on a run."""
    rounds = history[1:]
    counted = [set(entry["steps"]) for entry in rounds]
    if any(set(entry["steps"]) & set(entry.get("missing", {})) for entry in rounds):
        return False
    if kind in ("uniform", "weighted"):
        return all(len(who) == 3 for who in counted)
    if kind == "trace":
        late, gone = sites[0], sites[3]
        return late not in counted[0] and gone not in counted[2] and late in counted[1]
    if kind == "steps":
        return len({steps for entry in rounds for steps in entry["steps"].values()}) > 1
    if kind == "late":
        return len(counted[0]) == len(sites) - 2 and counted[0] < counted[2] == set(sites)
    return any(entry.get("missing") for entry in rounds)


def tried(world: World, folder: Path, strategy: str, kind: str) -> tuple[bool, str]:
    """Return whether a strategy and a kind do as they should, and what happened."""
    try:
        plain = run(made(world, folder / "plain", strategy, kind), Pool(1))
    except CompositionError as error:
        wanted = str(error).startswith("clients.") or "no cohort goes with it" in str(error)
        return wanted, f"refused: {str(error)[:60]}..."
    resumed = made(world, folder / "killed", strategy, kind)
    killed(resumed)
    again = run(resumed, Pool(1))
    if again["weights_sha256"] != plain["weights_sha256"]:
        return False, "another model after a crash"
    told = [[without_seconds(entry) for entry in result["history"]] for result in (plain, again)]
    if told[0] != told[1]:
        return False, "another history after a crash"
    counts = " ".join(str(len(entry["steps"])) for entry in plain["history"][1:])
    return seen(plain["history"], world.sites, kind), f"sites counted by round: {counts}"


def without_seconds(entry: Mapping[str, Any]) -> str:
    """Return a round's entry without what differs from one time to the next."""
    return json.dumps({key: value for key, value in entry.items() if key != "seconds"}, sort_keys=True)


def drawn(task: str, folder: Path) -> World:
    """Draw a task's small data."""
    case, root = CASES[task], folder / task
    TASKS[task].layouts[case.layout].make(root, 0, case.make, map, None)
    return World(task, root, folder / "homes" / task, case)


def main(chosen: Sequence[str]) -> int:
    """Try every combination, print a line for each, return 1 where one failed."""
    torch.set_num_threads(1)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="isofed-uneven-") as name:
        worlds = {task: drawn(task, Path(name)) for task in ("reid", FACES)}
        for strategy in chosen or STRATEGIES:
            world = worlds[FACES if strategy == "fltrust" else "reid"]
            for kind in KINDS:
                good, said = tried(world, Path(name) / strategy / kind, strategy, kind)
                failed += not good
                print(f"{'ok  ' if good else 'FAIL'} {strategy:<18} {kind:<11} {said}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
