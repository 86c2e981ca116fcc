#!/usr/bin/env python3
"""Six camera sites and an evaluator, deployed on one machine over real TLS, against the local engine.

Authority, server and sites are separate processes, made and joined by their commands, each in a room of its
own where this machine lets us (root on Linux): it sees its own folder and no other, and meets the server
alone. They train `reid` under `camera` and evaluate; then the local engine does the same from the same seed
with the same number of threads. The global models of the last checkpoints must be equal bit for bit, and so
must the measures.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from isofed.files import load_state  # noqa: E402
from tests.hub.deployment import (  # noqa: E402
    CAMERAS,
    EVALUATOR,
    ISOFED,
    QUIET,
    SMALL,
    Deployment,
    deployment,
)

BUILT = ("tensorboard=false", *SMALL)
SEEN = "import os, sys; print(sorted(os.listdir(sys.argv[1])))"
DIALLED = (
    "import socket, sys\n"
    "for port in (9441, 9443, 9444, 22, 80, 8000, 9091, 9092, 9093):\n"
    "    try: socket.create_connection((sys.argv[1], port), 1).close(); print(port, end=' ')\n"
    "    except OSError: pass"
)


def say(text: str) -> None:
    """Print a line with the seconds so far."""
    print(f"{time.monotonic() - BEGUN:6.1f} s  {text}", flush=True)


def model(run: Path) -> dict[str, bytes]:
    """Return the bytes of the global model in a run's last checkpoint, by group and type."""
    last = sorted((run / "checkpoints").glob("round_*.ckpt"))[-1]
    _, state = load_state(last, str(last))
    return {
        f"{group}/{kind}": values.tobytes()
        for group in ("t/model", "t/buffers")
        for kind, values in state[group].buffers.items()  # type: ignore[union-attr]
    }


def inspect(made: Deployment) -> list[str]:
    """Return what a site's room shows that it should not."""
    if not made.rooms.apart:
        say("not root, or no unshare, nsenter, ip: separate processes and folders, one user, one network")
        return []
    python, faults = [sys.executable, "-c"], []
    seen = subprocess.run(
        made.rooms.command("cam1", [*python, SEEN, str(made.base)]), text=True, capture_output=True
    ).stdout.strip()
    dialled = subprocess.run(
        made.rooms.command("cam1", [*python, DIALLED, made.rooms.host]), text=True, capture_output=True
    ).stdout.strip()
    say(f"cam1 sees {seen}, and of the server the ports {dialled}")
    if seen != "['cam1']":
        faults.append(f"cam1 sees other folders: {seen}")
    if dialled != "9443 9444":
        faults.append(f"cam1 reaches other ports than the two that are published: {dialled}")
    return faults


def set_up(made: Deployment, names: Sequence[str]) -> None:
    """Make a server, let sites join, and run them all."""
    say("rooms apart" if made.rooms.apart else "one room for all")
    made.serve()
    say("the server is up")
    made.join(*names)
    say(f"{len(names)} sites have joined")
    made.up(*names)
    say(f"{len(names)} sites are up")


def deployed(made: Deployment, words: list[str]) -> Path:
    """Set everything up, run the federation, and return its folder."""
    set_up(made, (*CAMERAS, EVALUATOR))
    run = made.run(*words)
    say("the deployed federation has run")
    return run


def simulated(root: Path, words: list[str]) -> Path:
    """Run the same on the local engine and return its folder."""
    run = root / "simulated"
    more = [f"data.root={root / 'tree'}", "alone=false", "engine.workers=1", f"hydra.run.dir={run}"]
    done = subprocess.run(
        [*ISOFED, "simulate", *words, *more], capture_output=True, text=True, env={**os.environ, **QUIET}
    )
    assert done.returncode == 0, done.stderr
    say("the simulated federation has run")
    return run


def compare(run: Path, other: Path) -> list[str]:
    """Return in what two runs differ that must not."""
    ours, theirs = (json.loads((folder / "summary.json").read_text()) for folder in (run, other))
    faults = []
    if model(run) != model(other):
        faults.append("the global models differ")
    if ours["metrics"] != theirs["metrics"]:
        faults.append(f"the measures differ: {ours['metrics']} and {theirs['metrics']}")
    if ours["simulated_secrets"] is not False:
        faults.append("the summary does not say that secrets are real")
    say(f"seconds of a deployed round: {', '.join(f'{s:.1f}' for s in ours['seconds']['rounds'])}")
    return faults


def main() -> int:
    """Return 0 if all is as it should be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=2, help="default 2")
    parser.add_argument("--seed", type=int, default=0, help="of everything public, default 0")
    parser.add_argument("--one-room", action="store_true", help="make no rooms, even where that is possible")
    parser.add_argument("--keep", type=Path, help="a new folder for what is made; else a temporary one")
    given = parser.parse_args()
    words = [f"rounds={given.rounds}", "evaluate_every=1", f"seed={given.seed}", *BUILT]
    with tempfile.TemporaryDirectory(prefix="isofed-deployed-") as spare:
        root = given.keep or Path(spare)
        root.mkdir(parents=True, exist_ok=True)
        with deployment(root, apart=not given.one_room) as made:
            run = deployed(made, words)
            faults = inspect(made)
        faults += compare(run, simulated(root, words))
    for fault in faults:
        print(f"FAIL {fault}")
    if not faults:
        say("equal bit for bit: the global models and the measures")
    return 1 if faults else 0


BEGUN = time.monotonic()
if __name__ == "__main__":
    sys.exit(main())
