#!/usr/bin/env python3
"""FLTrust in a federation of real tasks, with a root set at the server, under every attack.

    python tests/acceptance/issue_11/trust.py

Micro-gestures and action units, whose labels mean the same at the server as at the sites; all sites but one
are hostile, which is more than any other rule bears. The server trains on a root set of its own, drawn by
another seed. Two rounds on the local engine under every attack that can be simulated on the task. What the
server makes of a round must be what the paper's equations, written out once more, make of the replies that
arrived; it must lie within √2 ‖Δ_0‖ of the server's own change Δ_0. Replies that are malformed or not finite
must be refused by the site's name. Each federation is then stopped after its first round and resumed, and
must end with the same model. On re-identification and finger veins, whose labels are people, FLTrust must be
refused in a sentence.
Prints a line for each; exits with 1 where one fails.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "contracts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "strategies" / "robust"))

import numpy as np
import torch
from cases import CASES, World
from robust_oracles import slow_fltrust

from isofed.errors import CompositionError, ConfigError
from isofed.server import guide as guides
from isofed.server.gathered import Gathered
from isofed.simulations.federation import Federation, run
from isofed.simulations.hostile.attacks import ATTACKS, read_attack, suits
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS

REFUSED = ("nans", "infinities", "wrong_shape")
NO_PICTURES = {("micro_gesture", "backdoor")}  # whose sites have nowhere to draw a trigger, and say so
TRUSTED, PEOPLE = ("micro_gesture", "action_units"), ("reid", "vein")


class Stop(Exception):
    """The run is stopped."""


@dataclass
class Seen:
    """What the server saw of each round: where it began, its own model, the sites', and what it made."""

    start: list[np.ndarray] = field(default_factory=list)
    own: list[np.ndarray] = field(default_factory=list)
    sites: list[list[np.ndarray]] = field(default_factory=list)
    made: list[np.ndarray] = field(default_factory=list)

    def wrong(self) -> str:
        """Return what is wrong with these rounds, or nothing."""
        for start, own, sites, made in zip(self.start, self.own, self.sites, self.made, strict=True):
            root, changes = own - start, np.array([site - start for site in sites])
            with np.errstate(all="ignore"):
                wanted = np.nan_to_num(slow_fltrust(changes, root))  # nobody goes its way: the model stays
            length = float(np.linalg.norm(root))
            if not length:
                return "the server learnt nothing from its root set"
            if np.linalg.norm(made - wanted) > 1e-5 * length:
                return f"a round's direction is {np.linalg.norm(made - wanted) / length:.1e} off"
            if np.linalg.norm(made - root) > np.sqrt(2) * length * (1 + 1e-6):
                return "a round's direction left the bound"
        return "" if self.made else "no round was seen"


def flat(tree: Any) -> np.ndarray:
    """Return a tree's numbers, side by side."""
    return np.concatenate([np.asarray(array, np.float64).ravel() for _, array in tree.items()])


@contextmanager
def watched() -> Iterator[Seen]:
    """Write down what the server sees."""
    seen, trained, add, direct = Seen(), guides._trained, Gathered.add, Gathered.direction

    def train(setting: Any, room: Any, state: Any) -> Any:
        found = trained(setting, room, state)
        seen.start.append(flat(state.trees["model"]))
        seen.own.append(flat(found))
        seen.sites.append([])
        return found

    def note(self: Gathered, own: Any, model: Any, start: Any, buffers: Any) -> None:
        seen.sites[-1].append(flat(model.numpy()))
        add(self, own, model, start, buffers)

    def made(self: Gathered) -> Any:
        found = direct(self)
        seen.made.append(flat(found))
        return found

    with (
        patch.object(guides, "_trained", train),
        patch.object(Gathered, "add", note),
        patch.object(Gathered, "direction", made),
    ):
        yield seen


def federation(world: World, folder: Path, root: Path, name: str) -> Federation:
    """Return all sites of a world, all but one of them hostile."""
    made = replace(world.federation(folder, {"name": "fltrust"}, rounds=2), public=root)
    cfg = {**made.cfg, "evaluate_every": 0}
    attack = {"name": name, "sites": len(world.sites) - 1} if name != "none" else None
    return replace(made, cfg=cfg, attack=attack)


def tried(world: World, folder: Path, root: Path, name: str) -> tuple[str, str]:
    """Return what happened under an attack, and what is wrong with it, or nothing."""
    whole = federation(world, folder / "whole", root, name)
    attack = read_attack(whole.attack or {})
    try:
        if attack is not None:
            suits(attack, whole.workshop().setting, "local")
        with watched() as seen:
            result = run(whole, Pool(1))
    except (CompositionError, ConfigError) as error:
        return f"refused: {error}", "" if attack is not None and attack.poison else "it is refused"
    named = sorted({site for entry in result["history"][1:] for site in entry.get("refused", {})})
    if named != (sorted(whole.hostile) if name in REFUSED or (world.name, name) in NO_PICTURES else []):
        return "", f"it refused {named}"
    counts = " and ".join(str(len(sites)) for sites in seen.sites)
    again = resumed(federation(world, folder / "stopped", root, name))
    wrong = seen.wrong() or ("" if again == result["weights_sha256"] else "another model after a stop")
    return f"{counts} of {len(world.sites)} sites counted", wrong


def resumed(federation: Federation) -> str:
    """Run a federation that is stopped after its first round, and resumed; return its model's digest."""

    def stop(name: str, **fields: Any) -> None:
        if name == "round_done" and fields["round"] == 1:
            raise Stop

    try:
        run(federation, Pool(1), stop)
    except Stop:
        return str(run(federation, Pool(1))["weights_sha256"])
    raise AssertionError("it was not stopped")


def drawn(task: str, folder: Path, seed: int) -> Path:
    """Draw a task's small data and return where they are."""
    case, root = CASES[task], folder / f"{task}{seed}"
    TASKS[task].layouts[case.layout].make(root, seed, case.make, map, None)
    return root


def people(task: str, folder: Path) -> tuple[str, str]:
    """Return what is said where labels are people, and what is wrong with that, or nothing."""
    root = drawn(task, folder, 0)
    world = World(task, root, folder / "homes" / task, CASES[task])
    try:
        run(federation(world, folder / task / "run", root, "none"), Pool(1))
    except CompositionError as error:
        return f"refused: {error}", ""
    return "", "it is not refused"


def main() -> int:
    """Try every task and attack, print a line for each, return 1 where one failed."""
    torch.set_num_threads(1)
    failed = 0

    def told(what: str, said: str, wrong: str) -> None:
        nonlocal failed
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {what:<28} {wrong or said}", flush=True)

    with tempfile.TemporaryDirectory(prefix="isofed-trust-") as name:
        for task in TRUSTED:
            folder = Path(name) / task
            world = World(task, drawn(task, Path(name), 0), folder / "homes", CASES[task])
            root = drawn(task, Path(name), 1)
            for attack in ("none", *ATTACKS):
                told(f"{task}, {attack}", *tried(world, folder / attack, root, attack))
        for task in PEOPLE:
            told(task, *people(task, Path(name)))
    print(f"{failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
