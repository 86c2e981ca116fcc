#!/usr/bin/env python3
"""Twelve kills with SIGKILL in a deployed run, one a round, each process's turn: the bits stay the same.

    python tests/acceptance/issue_7/processes.py [--seed 0] [--only worker run ...]

Three cameras and an evaluator are made, joined and started by their commands, over real TLS. While they
train `reid`, in round after round one process is killed at a seeded moment: a site's worker, SuperNode or
connector, a whole site, the gateway, the SuperLink, `isofed run`. What keeps processes running starts them
again; a site and `isofed run --resume` are started by this script. A line for each kill says how long its
round took to be committed. The checkpoint of every round, and what every site remembers at the end, must be,
bit for bit, those of the local engine with the same seed; every round counts every site once, and each site's
ledger has its line for every round.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from isofed.client.memory import Memory  # noqa: E402
from isofed.client.site.folder import SiteFolder  # noqa: E402
from isofed.client.site.worker import memory_of  # noqa: E402
from isofed.errors import CheckpointError  # noqa: E402
from isofed.files import load_state  # noqa: E402
from isofed.server.history import NAME, Journal  # noqa: E402
from isofed.server.state import newest  # noqa: E402
from isofed.simulations.federation import Federation  # noqa: E402
from isofed.simulations.federation import run as simulated  # noqa: E402
from isofed.simulations.folder import load_config  # noqa: E402
from isofed.simulations.plan import FEDERATED, make_plan  # noqa: E402
from isofed.simulations.pool import Pool  # noqa: E402
from isofed.trees import Tree  # noqa: E402
from tests.hub.deployment import EVALUATOR, SERVER, SMALL, Deployment, deployment, until  # noqa: E402

SITES = ("cam1", "cam2", "cam3")
KILLS = (  # whose process, and what its command is known by; nothing for all that the room runs
    ("cam1", "site.worker"),
    ("cam2", "flower-supernode"),
    ("cam3", "site.connector"),
    ("cam2", "site.worker"),
    (SERVER, "hub.gateway"),
    (EVALUATOR, "site.worker"),
    ("run", ""),
    ("cam3", "flower-supernode"),
    (SERVER, "flower-superlink"),
    ("cam1", "site.connector"),
    ("cam2", ""),
    ("run", ""),
)
SPARE = 2  # rounds in which nobody is killed: a kill may come when its round has just ended
MOST = 150.0  # seconds for a round with a kill in it


@dataclass(frozen=True)
class Kill:
    """What was killed, in which round, and the seconds from there to that round's end."""

    room: str
    what: str
    round: int
    seconds: float

    def __str__(self) -> str:
        named = f"{self.room} {self.what}".strip() if self.what else f"all of {self.room}"
        return f"round {self.round:>2}  {named:<28} killed, committed after {self.seconds:5.1f} s"


def begin(made: Deployment, run: Path, *words: str) -> None:
    """Start a federation, or go on with it."""
    made.start(SERVER, "run", *(words or ("--resume", str(run))), name="run")


def tried(run: Path) -> int:
    """Return the round that is under way; 0 before the first."""
    try:
        return int(json.loads((run / "attempt.json").read_text())["round"])
    except (OSError, ValueError):
        return 0


def kill(made: Deployment, room: str, what: str, run: Path) -> None:
    """Kill one process of a room's; of a whole site, and of the run, what kept it running comes again."""
    keeper = made.running[room]
    if what:
        children = psutil.Process(keeper.pid).children()
        next(child for child in children if what in " ".join(child.cmdline())).kill()
        return
    made.stop(room, hard=True)
    if room == "run":
        begin(made, run)
    else:
        time.sleep(1.0)  # the kernel ends what was on its leash
        made.start(room, "site", "up", str(made.site(room)))


def kills(made: Deployment, run: Path, chosen: Sequence[tuple[str, str]], seed: int) -> Iterator[Kill]:
    """Kill, round after round."""
    rng, last = random.Random(seed), 0
    for room, what in chosen:
        until(lambda before=last: tried(run) > before, MOST, lambda: said(made))  # type: ignore[misc]
        time.sleep(rng.uniform(0.0, 1.5))
        struck, began = tried(run), time.monotonic()
        kill(made, room, what, run)
        until(lambda r=struck: newest(run / "checkpoints") >= r, MOST, lambda: said(made))  # type: ignore[misc]
        last = struck
        yield Kill(room, what, struck, time.monotonic() - began)


def said(made: Deployment) -> str:
    """Return the end of what the run said."""
    return made.log("run").read_text()[-2000:]


def in_peace(run: Path, tree: Path, folder: Path, sites: Sequence[str] = SITES) -> Federation:
    """Let the local engine do the same, and return what it made."""
    plan = make_plan(load_config(run)[0], run)
    meta, state = _loaded(min((run / "checkpoints").glob("*.ckpt")))
    head: Any = state["t/model"]
    classes = next(leaf.shape[0] for leaf in reversed(head.layout.leaves) if len(leaf.shape) == 2)
    plan = replace(plan, cfg={**plan.cfg, "task": {**plan.cfg["task"], "classes": classes}})
    federation = replace(
        plan.federation(FEDERATED, tuple(sites)), root=tree, homes=folder / "homes", folder=folder
    )
    assert federation.workshop().setting.digest == meta["digest"], "another configuration"
    simulated(federation, Pool(1))
    return federation


def differences(made: Deployment, run: Path, peace: Federation) -> Iterator[str]:
    """Yield what differs from the run in peace, and what is counted or written down otherwise than once."""
    state: dict[str, Any] = {}
    for path in sorted((peace.folder / "checkpoints").glob("*.ckpt")):
        (ours, mine), (theirs, other) = _loaded(run / "checkpoints" / path.name), _loaded(path)
        state = ours
        if ours["versions"] != theirs["versions"] or _bits(mine) != _bits(other):
            yield f"{path.name} differs"
        if _measured(ours) != _measured(theirs):
            yield f"what was measured up to {path.name} differs"
    rounds, sites = [entry["round"] for entry in state["history"]], sorted(state["versions"])
    if rounds != list(range(len(rounds))) or any(
        sorted(entry["examples"]) != sites for entry in state["history"][1:]
    ):
        yield "the history does not count every site once in every round"
    for site in sites:
        yield from _site(made, run, peace, site, state["versions"][site])


def _loaded(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a checkpoint says, all rounds before its own included, and its arrays."""
    meta, arrays = load_state(path, path.name)
    before = Journal(path.with_name(NAME)).read(meta["before"], path.name)
    return {**meta, "history": [*before, *meta["history"]]}, dict(arrays)


def _measured(meta: dict[str, Any]) -> list[Any]:
    return [[entry.get(key) for key in ("metrics", "loss", "examples")] for entry in meta["history"]]


def _site(made: Deployment, run: Path, peace: Federation, site: str, version: str) -> Iterator[str]:
    folder = memory_of(SiteFolder(made.site(site)), str(load_config(run)[0]["run"]))
    try:
        if _bits(Memory(folder).load(version)) != _bits(Memory(peace.memory(site)).load(version)):
            yield f"{site} remembers other things"
    except CheckpointError as error:
        yield f"{site}: {error}"
    lines = Counter(
        (entry["round"], entry["attempt"])
        for entry in map(json.loads, filter(None, (folder.parent / "left.jsonl").read_text().split("\n")))
    )
    if sorted(lines) != [(number, 1) for number in range(1, len(lines) + 1)] or len(lines) != newest(
        run / "checkpoints"
    ):
        yield f"{site}'s ledger has {dict(lines)}"
    # a site that died between its line and its memory has written it twice
    if sum(lines.values()) - len(lines) > sum(room == site for room, _ in KILLS):
        yield f"{site}'s ledger has too many lines: {dict(lines)}"


def _bits(state: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, value in state.items():
        if isinstance(value, Tree):
            found |= {f"{name}/{leaf}": array.tobytes() for leaf, array in value.items()}
        else:
            found[name] = value.tobytes()
    return found


def _played(root: Path, chosen: list[tuple[str, str]], seed: int) -> Iterator[str]:
    """Deploy, run and kill; yield what is wrong with what came of it."""
    with deployment(root, (*SITES, EVALUATOR), apart=False) as made:
        made.serve()
        made.join(*SITES, EVALUATOR)
        made.up(*SITES, EVALUATOR)
        print(f"a server and {len(SITES) + 1} sites are up", flush=True)
        run = run_with_kills(made, chosen, seed)
        yield from differences(made, run, in_peace(run, root / "tree", root / "peace"))


def run_with_kills(made: Deployment, chosen: Sequence[tuple[str, str]], seed: int) -> Path:
    """Run a federation in which processes are killed; return its folder."""
    words = [f"rounds={len(chosen) + SPARE}", "evaluate_every=3", "tensorboard=false", *SMALL]
    run = made.base / SERVER / "run"
    begin(made, run, f"hub={made.hub}", f"hydra.run.dir={run}", *words)
    for each in kills(made, run, chosen, seed):
        print(each, flush=True)
    assert made.running.pop("run").wait(MOST) == 0, said(made)
    return run


def main(argv: list[str]) -> int:
    """Kill them all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--only", nargs="+", metavar="WHAT", help="kill only where this is in the name")
    given = parser.parse_args(argv)
    chosen = [each for each in KILLS if any(word in " ".join(each) for word in given.only or [""])]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="isofed-processes-") as spare:
        wrong = list(_played(Path(spare), chosen, given.seed))
    for each in wrong:
        print(f"WRONG: {each}")
    print(f"{len(chosen)} kills, {time.monotonic() - begun:.0f} s")
    print("accepted" if not wrong else "NOT ACCEPTED")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
