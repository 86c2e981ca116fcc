#!/usr/bin/env python3
"""A whole private simulation killed by SIGKILL and resumed: paid once for every reply, nothing sent unpaid.

    python tests/acceptance/issue_8/crashes.py [--kills 8] [--seed 0] [--rounds 3]

A small federation trains by DP-SGD at its sites, each with a budget, and with noise at the server. One run is
left in peace, and counts its steps: where a site begins and ends to train, to pay, to remember, to send, and
the server to commit. Of each other the process kills itself by SIGKILL at one of them, drawn from the seed;
what every site then has sent, as it was written down the moment before, must stand in its account. The run is
resumed in its folder and must end with the other's bits: model, checkpoints, memories, and accounts with one
charge for each reply. Whatever is sent again for the same order must be the same bytes. Prints a line a kill;
exits with 1 where one does not hold. Takes about ten seconds a kill.
"""

import argparse
import hashlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_2"))
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from evidence import differences, evidence, rubbish
from small import SMALL

from isofed.client import charging, turns
from isofed.client.budget import Budget
from isofed.client.memory import Memory
from isofed.client.place import BUDGET
from isofed.server.state import Checkpoints
from isofed.simulations.command import composed
from isofed.simulations.simulate import resume, simulate

PRIVATE = ("strategy=uniform", "task.norm=group", "task.objective=identity", "dp=example", "dp.noise=1")
NOISE = ("dp.budget=1000000", "privacy=gaussian", "privacy.noise=0.1")
BARE = ("alone=false", "tensorboard=false", "progress=false")
APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
HERE = ("engine.workers=1", "engine.threads_per_client=1")
PLACES: tuple[tuple[Any, str], ...] = (
    (turns, "train"),
    (charging, "pay"),
    (Budget, "_settle"),
    (Memory, "commit"),
    (turns, "_write"),
    (Checkpoints, "save"),
)
Key = tuple[str, int, int]  # site, round, attempt


def child(work: Callable[[], object], run: Path, stop: int = 0) -> int:
    """Return the number of a process that does some work, writes down what its sites send, and kills itself.

    Args:
        work: to be done.
        run: beside whose folder it is written down.
        stop: the step at which it ends, counted from 1, or 0 for none; how many there were is then written.
    """
    number = os.fork()
    if number:
        return number
    try:
        told = os.open(run.with_suffix(".log"), APPEND)
        os.dup2(told, 1), os.dup2(told, 2)
        turns._write = noting(turns._write, os.open(run.with_suffix(".sent"), APPEND))
        done = stepping(stop)
        work()
        run.with_suffix(".steps").write_text(str(len(done)))
        os._exit(0)
    finally:
        os._exit(1)


def stepping(stop: int) -> list[str]:
    """Count every beginning and end at :data:`PLACES`, and end by SIGKILL at one; return those so far."""
    done = list[str]()

    def step(what: str) -> None:
        done.append(what)
        if len(done) == stop:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrapped(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            step(f"before {name}")
            found = made(*given, **more)
            step(f"after {name}")
            return found

        return call

    for where, name in PLACES:
        setattr(where, name, wrapped(name, getattr(where, name)))
    return done


def noting(write: Callable[[turns.Turn], None], file: int) -> Callable[[turns.Turn], None]:
    """Return a way to write replies that notes site, round, attempt and bytes of each before it leaves."""

    def noted(turn: turns.Turn) -> None:
        write(turn)
        assert turn.report is not None
        mark = hashlib.sha256()
        for _, channel in sorted(turn.report.channels.items()):
            mark.update(b"".join(buffer.tobytes() for buffer in channel.tree.buffers.values()))  # type: ignore[union-attr]
        order = turn.order
        os.write(file, f"{turn.place.site} {order.round} {order.attempt} {mark.hexdigest()}\n".encode())

    return noted


def replies(sent: Path) -> Iterator[tuple[Key, str]]:
    """Yield what sites have sent so far, with its bytes' mark."""
    for line in sent.read_text().splitlines() if sent.exists() else ():
        site, round, attempt, mark = line.split()
        yield (site, int(round), int(attempt)), mark


def charges(run: Path) -> Counter[Key]:
    """Return how often each reply was paid for."""
    return Counter(
        (path.parent.name, charge.reply.round, charge.reply.attempt)
        for path in run.glob(f"**/sites/*/{BUDGET}")
        for charge in Budget(path).charges()
    )


def begun(run: Path, rounds: int) -> Callable[[], object]:
    """Return the work of a new run."""
    words = [*SMALL, *PRIVATE, *NOISE, *BARE, *HERE, f"rounds={rounds}"]
    return lambda: simulate(composed(words), run, words)


def ended(number: int) -> bool:
    """Wait for a process; return whether it ended well."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == 0


def faults(run: Path, stop: int, rounds: int, peace: Path) -> Iterator[str]:
    """Kill a run at a step and resume it; yield what is wrong."""
    sent, log = run.with_suffix(".sent"), run.with_suffix(".log")
    if os.waitpid(child(begun(run, rounds), run, stop), 0)[1] != signal.SIGKILL:
        yield f"it was not killed: {log.read_text()[-400:].strip()}"
    paid = charges(run)
    yield from (f"sent and not paid for: {key}" for key, _ in replies(sent) if key not in paid)
    work = (lambda: resume(run)) if (run / "config.json").exists() else begun(run, rounds)
    if not ended(child(work, run)):
        yield f"the resumed run failed: {log.read_text()[-400:].strip()}"
        return
    wanted = dict(replies(peace.with_suffix(".sent")))
    yield from (f"other bytes for {key}" for key, mark in replies(sent) if wanted.get(key) != mark)
    if charges(run) != charges(peace) or set(charges(run).values()) != {1}:
        yield f"paid otherwise: {charges(run) - charges(peace)}, {charges(peace) - charges(run)}"
    yield from (f"other {each}" for each in differences(evidence(peace, ()), evidence(run, ())))
    yield from (f"left behind: {each}" for each in rubbish(run))


def judged(number: int, base: Path, stop: int, rounds: int) -> bool:
    """Kill one run, print its line and return whether all is well."""
    run = base / f"run{number}"
    wrong = list(faults(run, stop, rounds, base / "peace"))
    again = len(list(replies(run.with_suffix(".sent")))) - len(charges(run))
    held = f"{sum(charges(run).values())} replies paid once each, {again} sent twice; the same bits"
    print(f"killed at step {stop}: {'; '.join(wrong) or held}", flush=True)
    return not wrong


def main() -> int:
    """Kill them all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, usual in (("kills", 8), ("seed", 0), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="isofed-crashes-") as name:
        base, start = Path(name), time.monotonic()
        peace = base / "peace"
        if not ended(child(begun(peace, asked.rounds), peace)):
            print(f"FAILS: the run in peace: {peace.with_suffix('.log').read_text()[-400:].strip()}")
            return 1
        steps = int(peace.with_suffix(".steps").read_text())
        paid = sum(charges(peace).values())
        print(
            f"in peace {time.monotonic() - start:.1f} s, {steps} steps, {paid} replies paid for", flush=True
        )
        drawn = np.random.default_rng(asked.seed).integers(1, steps + 1, asked.kills)
        held = [judged(number, base, int(stop), asked.rounds) for number, stop in enumerate(drawn)]
    print("accepted" if all(held) else f"FAILS: {held.count(False)} of {len(held)}")
    return int(not all(held))


if __name__ == "__main__":
    sys.exit(main())
