"""Engines against the bare loop on virtual clients, in turns, round by round.

    .venv/bin/python benchmarks/virtual/run.py --workload cnn [--laps 6] [--engines bare,isofed2]

A lap is one round of every engine, one after the other while the rest idle; the order rotates from lap to
lap. Printed for each engine: the median of its time over the bare loop's in the same lap, with the least
and the most, the same of CPU time, the first round from the start of the process, the peak memory of its
processes, and whether its weights are those of the bare loop with as many threads. README.md says more.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from child import Child
from engines import ENGINES
from workloads import WORKLOADS, Users, Workload

TOLERANCE = 1e-3  # rounding grows over steps; other batches make a hundredth and more
USUAL = "bare,bare1,isofed,isofed1,isofed2,pfl,pfl1,flower"
COLUMNS = ("engine", "threads", "time / bare", "CPU / bare", "seconds", "first, s", "RSS, GB", "weights")


def main() -> None:
    """Measure, print the table, and write everything measured if asked to."""
    arguments = _arguments()
    workload = WORKLOADS[arguments.workload]
    cohort = arguments.cohort or workload.cohort
    workload = replace(workload, cohort=cohort, users=arguments.users or workload.users)
    names = [name for name in arguments.engines.split(",") if _there(name)]
    with tempfile.TemporaryDirectory(prefix="isofed-benchmark-") as folder:
        found = measure(workload, names, arguments.laps, Path(folder))
    found["machine"] = machine()
    print(table(found, arguments.base))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", choices=WORKLOADS, default="cnn")
    parser.add_argument("--engines", default=USUAL, help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--base", default="bare", help="whose time the others' are divided by")
    parser.add_argument("--laps", type=int, default=6, help="after the first round, which warms up")
    parser.add_argument("--cohort", type=int, help="users of a round, if not the workload's")
    parser.add_argument("--users", type=int, help="the population, if not the workload's")
    parser.add_argument("--json", type=Path, help="file to write")
    return parser.parse_args()


def _there(name: str) -> bool:
    if not ENGINES[name].there:
        print(f"{name}: skipped, {ENGINES[name].needs} is not installed")
    return ENGINES[name].there


def measure(workload: Workload, names: list[str], laps: int, folder: Path) -> dict[str, Any]:
    """Return each engine's wall and CPU seconds, first round, peak bytes and distance from the bare loop."""
    data = folder / "data"
    data.mkdir()
    Users.make(data, workload)
    children: list[Child] = []
    engines: dict[str, Any] = {}
    try:
        for name in names:
            # started one by one, so that nobody's first round is disturbed by another's imports
            child = Child.start(name, workload, data, folder)
            children.append(child)
            engines[name] = {"first": child.turn()[0], "wall": [], "cpu": []}
        for lap in range(laps):
            at = lap % len(children)
            for child in (*children[at:], *children[:at]):
                seconds, used = child.turn()
                engines[child.name]["wall"].append(seconds)
                engines[child.name]["cpu"].append(used)
        weights = {child.name: child.end() for child in children}
    finally:
        for child in children:
            child.kill()
    for child in children:
        engines[child.name] |= {"peak": child.peak, "weights": distances(child.name, weights)}
    return {"workload": workload.name, "cohort": workload.cohort, "laps": laps, "engines": engines}


def distances(name: str, weights: dict[str, list[np.ndarray]]) -> dict[str, Any] | None:
    """Compare an engine's weights with those of the bare loop with as many threads, or with the other one."""
    twins = [f"bare{'1' if ENGINES[name].threads == 1 else ''}", "bare", "bare1"]
    twin = next((each for each in twins if each in weights), None)
    if twin is None or not weights[name]:
        return None
    pairs = list(zip(weights[name], weights[twin], strict=True))
    most = max(float(np.abs(a.astype(np.float64) - b).max()) for a, b in pairs)
    size = max(float(np.abs(b).max()) for _, b in pairs)
    same = all(np.array_equal(a, b) for a, b in pairs)
    return {"of": twin, "same_bits": same, "most": most, "close": most <= TOLERANCE * max(size, 1.0)}


def machine() -> dict[str, Any]:
    """Return what the times depend on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    return {
        "cpu": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": os.getloadavg(),
    }


def table(found: dict[str, Any], base: str) -> str:
    """Return the measurement as a table in Markdown."""
    engines = found["engines"]
    base = base if base in engines else next(iter(engines))
    lines = [f"{found['workload']}: cohort {found['cohort']}, {found['laps']} laps; {found['machine']}", ""]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for name, own in engines.items():
        cells = [
            f"{ENGINES[name].words} (`{name}`)",
            f"{ENGINES[name].workers} x {ENGINES[name].threads}",
            *(_ratio(own[kind], engines[base][kind]) for kind in ("wall", "cpu")),
            f"{statistics.median(own['wall']):.3f}" if own["wall"] else "",
            f"{own['first']:.1f}",
            f"{own['peak'] / 1e9:.2f}",
            _same(own["weights"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _ratio(ours: list[float], theirs: list[float]) -> str:
    if not ours or not min(theirs):
        return ""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _same(weights: dict[str, Any] | None) -> str:
    if weights is None:
        return "not compared"
    if weights["same_bits"]:
        return f"bits of {weights['of']}"
    return f"{'close to' if weights['close'] else 'DIFFER from'} {weights['of']}, {weights['most']:.1e}"


if __name__ == "__main__":
    main()
