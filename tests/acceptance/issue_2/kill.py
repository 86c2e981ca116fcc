#!/usr/bin/env python3
"""Kill a run with SIGKILL at seeded moments in all its phases, resume it, and compare with one left in peace.

For every kill: only the main process is killed and the others must be gone within two seconds;
`isofed simulate --resume RUN` must end with exit code 0 and with the reference's weights, memories of
every site, results of every camera alone, metrics, bytes, data and TensorBoard curves, and leave no
half-written file. A third of the resumed runs is killed once more.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from evidence import differences, evidence, rubbish
from small import ROUNDS, SITES, SMALL, gone_after, start

PHASES = ("data", "caching", "evaluation", "round", "alone", "report")
PATIENCE = 2.0  # seconds that a worker may outlive its parent
LONGEST = 300.0  # seconds after which a run is held to hang
QUICK = 15.0  # seconds that resuming a finished run may take, most of them Python's imports


@dataclass(frozen=True)
class Moment:
    """When to kill: in which step, after which share of its length; how to go on after it."""

    step: str
    share: float
    workers: int
    again: float | None  # seconds after which the resumed run is killed, too


@dataclass
class Trial:
    """What became of one kill."""

    fell: str = "nowhere"
    gone: float | None = None
    kills: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def where(run: Path) -> str:
    """Return the step that a run is in, as its files say."""
    if not (run / "config.json").exists():
        return "start"
    if not (run / "data").exists():
        return "data"
    if not (run / "facts.json").exists():
        return "caching"
    committed = max((int(p.stem[6:]) for p in (run / "checkpoints").glob("round_*.ckpt")), default=0)
    if committed == 0 and not (run / "attempt.json").exists():
        return "evaluation 0"
    if committed < ROUNDS:
        return _round(run, committed + 1)
    if not all((run / "alone" / site / "result.json").exists() for site in SITES):
        return "alone"
    return "finished" if (run / "summary.json").exists() else "report"


def _round(run: Path, number: int) -> str:
    answers = (run / "sites" / site / "memory" / f"{number}.1.state" for site in SITES)
    return f"{'evaluation' if all(path.exists() for path in answers) else 'round'} {number}"


def moments(seed: int, lengths: dict[str, float]) -> Iterator[Moment]:
    """Yield seeded moments for ever, the phases in turn."""
    rng = random.Random(seed)
    while True:
        for phase in PHASES:
            number = {"evaluation": rng.randint(0, ROUNDS), "round": rng.randint(1, ROUNDS)}.get(phase)
            step = phase if number is None else f"{phase} {number}"
            again = rng.uniform(0.5, sum(lengths.values())) if rng.random() < 1 / 3 else None
            # the shortest steps last hundredths of a second: aim at their beginning
            share = rng.uniform(0.0, 0.3 if phase == "evaluation" else 0.9)
            yield Moment(step, share, rng.choice((1, 2, 2)), again)


def watch(process: subprocess.Popen[bytes], run: Path) -> dict[str, float]:
    """Wait for a run's end and return how many seconds it was seen in each step."""
    lengths: dict[str, float] = {}
    last = time.monotonic()
    while process.poll() is None:
        time.sleep(0.002)
        now, step = time.monotonic(), where(run)
        lengths[step] = lengths.get(step, 0.0) + now - last
        last = now
    return lengths


def kill_at(
    process: subprocess.Popen[bytes], run: Path, moment: Moment, lengths: dict[str, float]
) -> str | None:
    """Kill the main process at the moment; return the step that it was in, None where it had ended."""
    begun = time.monotonic()
    while process.poll() is None and where(run) != moment.step:
        time.sleep(0.002)
    # the machine may be faster or slower now than in the undisturbed run
    until = sum(_before(lengths, moment.step))
    speed = (time.monotonic() - begun) / until
    time.sleep(moment.share * lengths.get(moment.step, 0.0) * speed)
    process.kill()
    step = where(run)
    return step if process.wait() < 0 else None


def _before(lengths: dict[str, float], step: str) -> Iterator[float]:
    """Yield the lengths of the steps before ``step``."""
    for name, length in lengths.items():
        if name == step:
            return
        yield length


def attempt(
    folder: Path, moment: Moment, lengths: dict[str, float], reference: dict[str, Any]
) -> Trial | None:
    """Start, kill, perhaps kill again, resume to the end, compare; None where it ended before the kill."""
    run, log, trial, mark = folder / "run", folder / "log.txt", Trial(), uuid.uuid4().hex
    words = ["simulate", *SMALL, f"engine.workers={moment.workers}", f"hydra.run.dir={run}"]
    fell = kill_at(start(words, mark, log), run, moment, lengths)
    if fell is None:
        return None
    trial.fell, trial.kills, trial.gone = fell, 1, gone_after(mark, PATIENCE)
    begun = time.monotonic()
    if moment.again is not None:
        _kill_resumed(run, mark, log, moment.again, trial)
    code = start(["simulate", "--resume", str(run)], mark, log).wait(LONGEST)
    trial.seconds = time.monotonic() - begun
    _judge(trial, run, code, mark, reference)
    return trial


def _kill_resumed(run: Path, mark: str, log: Path, seconds: float, trial: Trial) -> None:
    process = start(["simulate", "--resume", str(run)], mark, log)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        trial.kills += 1
    gone = gone_after(mark, PATIENCE)
    trial.gone = None if gone is None or trial.gone is None else max(trial.gone, gone)


def _judge(trial: Trial, run: Path, code: int, mark: str, reference: dict[str, Any]) -> None:
    if trial.gone is None:
        trial.faults.append(f"a process outlived the killed one by {PATIENCE:g} s")
    if code != 0:
        trial.faults.append(f"the resumed run ended with exit code {code}")
        return
    trial.faults += [f"other {name}" for name in differences(reference, evidence(run))]
    trial.faults += [f"left behind: {name}" for name in rubbish(run)]
    if gone_after(mark, PATIENCE) is None:
        trial.faults.append("a process outlived the finished run")


def reference_run(folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """Run in peace; return the evidence and the length of each step."""
    run, log = folder / "run", folder / "log.txt"
    folder.mkdir()
    process = start(["simulate", *SMALL, "engine.workers=2", f"hydra.run.dir={run}"], "reference", log)
    lengths = watch(process, run)
    if process.returncode != 0:
        sys.exit(f"the reference run failed with exit code {process.returncode}:\n{log.read_text()}")
    return evidence(run), {step: length for step, length in lengths.items() if step != "finished"}


def resume_finished(folder: Path) -> list[str]:
    """Resume the finished reference run; return what is wrong with that."""
    run, log = folder / "run", folder / "again.txt"
    before, begun = (run / "summary.json").read_bytes(), time.monotonic()
    code = start(["simulate", "--resume", str(run)], "again", log).wait(LONGEST)
    seconds = time.monotonic() - begun
    print(f"resuming the finished run: exit code {code} after {seconds:.1f} s")
    faults = [] if code == 0 else [f"exit code {code}"]
    faults += [] if (run / "summary.json").read_bytes() == before else ["summary.json was changed"]
    faults += [] if "this run is finished" in log.read_text() else ["it does not say that it is finished"]
    return faults + ([] if seconds < QUICK else [f"it took {seconds:.1f} s"])


def report(number: int, moment: Moment, trial: Trial) -> str:
    """Return the line of one trial."""
    gone = "never" if trial.gone is None else f"{trial.gone:.2f} s"
    text = f"{number:>3}  workers {moment.workers}  aimed at {moment.step:<13} {moment.share:4.0%}"
    text += f"  fell in {trial.fell:<13} kills {trial.kills}  gone after {gone}"
    return f"{text}  resumed in {trial.seconds:4.1f} s  {'; '.join(trial.faults) or 'equal'}"


def wanted(drawn: Iterator[Moment], count: int, hits: Counter[str]) -> Iterator[Moment]:
    """Yield moments until ``count`` kills have hit, then more for phases hit too seldom."""
    for moment in islice(drawn, 4 * count):
        missing = too_seldom(hits, count)
        if hits.total() < count or (moment.step.split()[0] in missing and hits.total() < 2 * count):
            yield moment


def too_seldom(hits: Counter[str], count: int) -> list[str]:
    """Return the phases that were not hit twice; fewer kills than phases need not hit them all."""
    return [phase for phase in PHASES if hits[phase] < min(2, count // len(PHASES))]


def run_trials(base: Path, count: int, seed: int, skip: int = 0) -> bool:
    """Run the trials, then more while a phase was hit too seldom; return whether all is well."""
    reference, lengths = reference_run(base / "reference")
    print("steps of the undisturbed run: " + ", ".join(f"{s} {t:.2f} s" for s, t in lengths.items()))
    print(f"weights_sha256 {reference['summary.json weights_sha256']}", flush=True)
    hits, bad = Counter[str](), 0
    for number, moment in enumerate(wanted(islice(moments(seed, lengths), skip, None), count, hits), 1):
        folder = base / f"trial{number}"
        folder.mkdir()
        trial = attempt(folder, moment, lengths, reference)
        if trial is None:
            print(f"{number:>3}  aimed at {moment.step}, but the run had ended before: does not count")
            continue
        print(report(number, moment, trial), flush=True)
        hits[trial.fell.split()[0]] += 1
        bad += bool(trial.faults)
        if not trial.faults:
            shutil.rmtree(folder)
    missing = too_seldom(hits, count)
    faults = resume_finished(base / "reference") + [f"{p} was hit {hits[p]} times" for p in missing]
    print("kills by phase: " + ", ".join(f"{phase} {hits[phase]}" for phase in PHASES))
    print(f"{'FAILED' if bad or faults else 'passed'}: {bad} bad trials; {'; '.join(faults) or 'no fault'}")
    return not bad and not faults


def main() -> int:
    """Read the command line, run, and say where to look after a failure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--moments", type=int, default=20, help="how many kills (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default 0)")
    parser.add_argument("--skip", type=int, default=0, help="how many moments to leave out first")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON, last")
    options = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="isofed-kill-"))
    well = run_trials(base, options.moments, options.seed, options.skip)
    if options.json:
        print(json.dumps({"passed": well, "moments": options.moments, "seed": options.seed}))
    if well:
        shutil.rmtree(base)
    else:
        print(f"the runs that failed are kept in {base}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
