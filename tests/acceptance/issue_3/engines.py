#!/usr/bin/env python3
"""Engines `local` (one worker, two workers) and `ray`: one seed, one result, compared bit for bit.

    python tests/acceptance/issue_3/engines.py [--strategies dppt,fedavg] [--threads 1] [OVERRIDE ...]

Each run is a small simulation, six cameras and each camera alone. What is compared with the first run is
weights_sha256, metrics, bytes, every checkpoint and site memory, the data and the curves, times of day left
out; see issue_2/evidence.py. A last run over Ray is killed in the middle, must leave no process behind, and
must end as the others once it is resumed. Prints a line for each run and exits with 1 where anything
differs.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_2"))

from evidence import differences, evidence, rubbish
from small import SMALL, gone_after, start

LONGEST, PATIENCE = 900.0, 10.0  # seconds
ENGINES = {
    "local, 1 worker": ("engine=local", "engine.workers=1"),
    "local, 2 workers": ("engine=local", "engine.workers=2"),
    "ray, 2 actors": ("engine=ray", "engine.workers=2"),
}
KILLED = "ray, killed"
Found = tuple[dict[str, Any], list[str]]


def run(folder: Path, name: str, words: list[str], kill: bool = False) -> Found:
    """Run, after a first try that is killed if asked for; return what can be compared, and what is wrong."""
    place = folder / name.replace(", ", "-").replace(" ", "-") / "run"
    place.parent.mkdir(parents=True)
    log, mark, faults = place.with_name("log.txt"), str(place), []
    words = ["simulate", *words, f"hydra.run.dir={place}"]
    if kill:
        faults = killed(place, words, mark, log)
        words = ["simulate", "--resume", str(place)]
    begun = time.monotonic()
    code = start(words, mark, log).wait(LONGEST)
    if code:
        return {}, [*faults, f"exit code {code}: {log.read_text().strip()[-500:]}"]
    print(line(name, place, time.monotonic() - begun), end="  ", flush=True)
    faults += [f"left behind: {path}" for path in rubbish(place)]
    return evidence(place), faults + alive(mark)


def killed(place: Path, words: list[str], mark: str, log: Path) -> list[str]:
    """Start a run and kill it after its first committed round; return what is wrong."""
    process = start(words, mark, log)
    while not list(place.glob("checkpoints/*.ckpt")):
        if process.poll() is not None:
            return [f"ended before it was killed: {log.read_text().strip()[-500:]}"]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return alive(mark)


def alive(mark: str) -> list[str]:
    """Return a complaint where processes of a run live on."""
    return [] if gone_after(mark, PATIENCE) is not None else ["a process outlived the run"]


def line(name: str, place: Path, seconds: float) -> str:
    """Return what a run took."""
    told = json.loads((place / "summary.json").read_text())
    rounds = told["seconds"]["rounds"]
    mean, first = sum(rounds[1:]) / len(rounds[1:]), told["seconds"]["first_reply"]
    return (
        f"{name:<17} {seconds:6.1f} s, first reply {first:5.1f} s, later rounds {mean:5.2f} s, "
        f"peak {told['peak_rss_bytes'] / 2**20:5.0f} MiB, weights {told['weights_sha256'][:12]}"
    )


def compare(folder: Path, words: list[str]) -> bool:
    """Run on all engines and say whether each equals the first."""
    first: dict[str, Any] = {}
    runs: Mapping[str, tuple[str, ...]] = {**ENGINES, KILLED: ENGINES["ray, 2 actors"]}
    well = True
    for name, engine in runs.items():
        found, faults = run(folder, name, [*SMALL, *words, *engine], kill=name == KILLED)
        first = first or found
        faults += [f"other {thing}" for thing in differences(first, found)]
        print("; ".join(faults) or f"equal in {len(found)} things", flush=True)
        well = well and not faults
    return well


def main(argv: list[str]) -> int:
    """Run in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--strategies", default="dppt,fedavg", help="strategies, one after another")
    parser.add_argument("--threads", type=int, default=1, help="torch threads of each client")
    parser.add_argument("overrides", nargs="*", help="further overrides of isofed simulate")
    options = parser.parse_args(argv)
    well = True
    with tempfile.TemporaryDirectory(prefix="isofed-engines-") as folder:
        for strategy in options.strategies.split(","):
            print(f"strategy={strategy}, {options.threads} threads a client")
            words = [f"strategy={strategy}", f"engine.threads_per_client={options.threads}"]
            well = compare(Path(folder) / strategy, [*words, *options.overrides]) and well
    print("accepted" if well else "FAILED")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
