"""Engines in turns: a lap is one round of each while the rest idle, and the order rotates from lap to lap."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from child import Child, Turn
from engines import ENGINES
from machine import state
from workloads import Users, Workload

TOLERANCE = 1e-3  # rounding grows over steps; other batches make a hundredth and more
FEWEST = 3  # laps, whatever they take
Weights = dict[str, list[np.ndarray]]


def measure(
    workload: Workload, names: Sequence[str], laps: int, folder: Path, seconds: float = float("inf")
) -> dict[str, Any]:
    """Return what a workload costs each engine.

    Args:
        workload: whose data are made below ``folder``.
        names: of engines; those whose package is missing are left out and named under ``skipped``.
        laps: after each engine's first round, which warms it up.
        folder: empty.
        seconds: after which no further lap begins, once there were a few.

    Returns:
        ``engines``: of each ``first`` (seconds from the start of its process to the end of its first round),
        ``wall``, ``cpu`` and ``others`` (seconds of each lap, see child.py), ``rss`` and ``pss`` (bytes, see
        memory.py) and ``weights`` (the distance from the bare loop's). Beside them what was run, and where.
    """
    found: dict[str, Any] = {"workload": workload.name, "cohort": workload.cohort, "before": state()}
    present = [name for name in names if ENGINES[name].there]
    missing = {name: f"{ENGINES[name].needs} is not installed" for name in names if name not in present}
    data = folder / "data"
    data.mkdir()
    Users.make(data, workload)
    children: list[Child] = []
    try:
        found["engines"] = _start(children, present, workload, data, folder)
        _laps(children, found["engines"], laps, time.monotonic() + seconds)
        for child in children:
            found["engines"][child.name]["pss"] = child.weigh()
        weights = {child.name: child.end() for child in children}
    finally:
        for child in children:
            child.kill()
    for child in children:
        found["engines"][child.name] |= {"rss": child.peak, "weights": distances(child.name, weights)}
    return found | {"skipped": missing, "after": state()}


def _start(
    children: list[Child], names: Sequence[str], workload: Workload, data: Path, folder: Path
) -> dict[str, Any]:
    # one by one, so that nobody's first round is disturbed by another's imports
    engines = {}
    for name in names:
        children.append(Child.start(name, workload, data, folder))
        engines[name] = {"first": children[-1].turn().wall, **{kind: [] for kind in Turn._fields}}
    return engines


def _laps(children: list[Child], engines: dict[str, Any], laps: int, until: float) -> None:
    for lap in range(laps):
        if lap >= FEWEST and time.monotonic() > until:
            return
        at = lap % len(children)
        for child in (*children[at:], *children[:at]):
            for kind, seconds in child.turn()._asdict().items():
                engines[child.name][kind].append(seconds)


def distances(name: str, weights: Weights) -> dict[str, Any] | None:
    """Compare an engine's weights with those of the bare loop with as many threads, or with the other one."""
    # other threads sum in another order, which other models than small ones feel after a few rounds
    twins = ["bare1", "bare1x2", "bare"] if ENGINES[name].threads == 1 else ["bare", "bare1"]
    twin = next((each for each in twins if each in weights), None)
    if twin is None or not weights[name]:
        return None
    pairs = list(zip(weights[name], weights[twin], strict=True))
    most = max(float(np.abs(a.astype(np.float64) - b).max()) for a, b in pairs)
    size = max(float(np.abs(b).max()) for _, b in pairs)
    same = all(np.array_equal(a, b) for a, b in pairs)
    return {"of": twin, "same_bits": same, "most": most, "close": most <= TOLERANCE * max(size, 1.0)}
