#!/usr/bin/env python3
"""Resume equals no crash for every algorithm with memory, with real processes and a real SIGKILL.

    python tests/acceptance/issue_4/resume.py [--only NAME ...] [--jobs 2]

Of each algorithm that needs more of a round than the global model (a local term or a part of the model that
sites remember, a channel, a state of the server's optimiser, a server that learns) two small runs of `isofed
simulate` on re-identification are made. One is left in peace; the other's main process is killed once round
2 of 3 is committed, and `isofed simulate --resume RUN` has to end it with the other's bits: the weights,
every checkpoint and with it the server's state, the memory of every site, metrics and bytes. Prints one line
for each algorithm and exits with 1 where one differs.
"""

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_2"))

from evidence import differences, evidence, rubbish
from small import SMALL, gone_after, start

from isofed.strategies.named import STRATEGIES
from isofed.strategies.recipe import Recipe
from isofed.strategies.share import everything
from isofed.trees import Layout

WORDS = (*SMALL, "evaluate_every=0", "alone=false", "tensorboard=false", "progress=false", "engine.workers=1")
NEEDS = {
    "apfl": ("strategy.adaptive=true",),
    "feddf": ("strategy.steps=3", "strategy.batch=8"),
    "scaffold": ("task.momentum=0",),
}
LONGEST, PATIENCE, TRIES = 300.0, 5.0, 3


def remembers(recipe: Recipe) -> bool:
    """Return whether a round of a recipe needs more of the one before than the global model."""
    server = recipe.server
    at_server = server.init(Layout.of([("w", (1,), "float32")])) or server.arrivals or server.distil
    at_sites = any(term.remember for term in recipe.local) or recipe.share != everything
    return bool(at_server or at_sites or recipe.channels)


def committed(run: Path) -> int:
    """Return a run's last committed round."""
    return max((int(path.stem[6:]) for path in (run / "checkpoints").glob("round_*.ckpt")), default=0)


def killed(run: Path, words: list[str], log: Path, mark: str) -> bool:
    """Start a run and kill it after round 2; return whether that came before its round 3."""
    process = start([*words, f"hydra.run.dir={run}"], mark, log)
    until = time.monotonic() + LONGEST
    while process.poll() is None and committed(run) < 2 and time.monotonic() < until:
        time.sleep(0.001)
    process.kill()
    process.wait()
    return committed(run) == 2 and gone_after(mark, PATIENCE) is not None


def finished(words: list[str], log: Path, mark: str) -> bool:
    """Return whether a command ended well."""
    process = start(words, mark, log)
    try:
        return process.wait(LONGEST) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        return False


def faults(name: str, folder: Path) -> Iterator[str]:
    """Play one algorithm whole, and cut short and resumed; yield what is wrong with that."""
    words = ["simulate", *WORDS, f"strategy={name}", *NEEDS.get(name, ())]
    whole, log, mark = folder / "whole", folder / "log.txt", uuid.uuid4().hex
    if not finished([*words, f"hydra.run.dir={whole}"], log, mark):
        yield f"the run in peace failed: {log.read_text()[-400:].strip()}"
        return
    runs = (folder / f"cut{number}" for number in range(TRIES))
    cut = next((run for run in runs if killed(run, words, log, mark)), None)
    if cut is None:
        yield f"{TRIES} runs could not be killed between rounds 2 and 3"
    elif not finished(["simulate", "--resume", str(cut)], log, mark):
        yield f"the resumed run failed: {log.read_text()[-400:].strip()}"
    else:
        one, other = evidence(whole, ()), evidence(cut, ())
        yield from (f"other {each}" for each in differences(one, other))
        yield from (f"left behind: {each}" for each in rubbish(cut))


def judged(name: str, base: Path) -> bool:
    """Play one algorithm and print its line; return whether all is well."""
    folder, begun = base / name, time.monotonic()
    folder.mkdir()
    wrong = list(faults(name, folder))
    seconds = time.monotonic() - begun
    print(f"{name:<14}{seconds:6.1f} s  {'; '.join(wrong) or 'killed after round 2: equal'}", flush=True)
    return not wrong


def main(argv: list[str]) -> int:
    """Play them all; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(STRATEGIES), metavar="NAME", default=[])
    parser.add_argument("--jobs", type=int, default=2, help="algorithms at a time (default 2)")
    chosen = parser.parse_args(argv)
    names = chosen.only or [name for name, make in STRATEGIES.items() if remembers(make())]
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="isofed-resume-") as base,
        ThreadPoolExecutor(chosen.jobs) as pool,
    ):
        held = list(pool.map(lambda name: judged(name, Path(base)), names))
    print(f"{sum(held)} of {len(held)} algorithms ended with the same bits, {time.monotonic() - begun:.0f} s")
    print("accepted" if all(held) else "NOT ACCEPTED")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
