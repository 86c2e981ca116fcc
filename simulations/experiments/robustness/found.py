"""What the runs gave: accuracy of every rule under every attack, and how far the attacks came."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isofed.errors import RoundError
from isofed.files import write_json
from isofed.simulations.experiments import judged
from isofed.simulations.experiments.judged import Comparison, Judge, Level, measured, verdicts
from isofed.simulations.experiments.robustness.options import MEAN
from isofed.simulations.experiments.robustness.plans import (
    BACKDOOR,
    COMMON,
    NONE,
    ON_DATA,
    UNTRAINED,
    Arm,
)
from isofed.simulations.experiments.robustness.recognised import recognised, taken
from isofed.simulations.federation import load_result, run
from isofed.simulations.pool import Pool

BROKEN, SHOWN = "broken.json", "shown.json"
NOTHING = {"accuracy": 0.0, "trigger": 0.0}  # of a federation that has no model
JUDGED = ("scaling", "sign flip")  # attacks under which each rule is expected to do better than a mean


def outcome(arm: Arm) -> dict[str, float]:
    """Run an arm to its end, if it is not done; return its accuracy, and where asked how often triggers work.

    The accuracy is that of the last round, of the untrained arm that of the model before the first.
    A federation that an attack ends, because no model can be made any more, has the accuracy 0.
    """
    federation = arm.federation
    place = federation.folder / BROKEN
    if place.exists():
        return dict(NOTHING)
    try:
        result = load_result(federation) if federation.done else run(federation, Pool(1))
    except RoundError as error:
        write_json(place, {"reason": str(error)})
        return dict(NOTHING)
    if arm.task == "reid":
        return _reid(arm)
    when = 0 if arm.rule == UNTRAINED else -1
    return {"accuracy": float(result["history"][when]["metrics"]["mean"]["rank-1"])}


def _reid(arm: Arm) -> dict[str, float]:
    """Return what is measured of the pictures of people; the arm has run."""
    place, federation = arm.federation.folder / SHOWN, arm.federation
    if not place.exists():
        found = {"accuracy": recognised(federation, arm.rule != UNTRAINED)}
        if arm.rule != UNTRAINED and arm.attack in (NONE, BACKDOOR):
            found["trigger"] = taken(federation)
        write_json(place, found)
    return dict(json.loads(place.read_text()))


def gathered(arms: Sequence[Arm], outcomes: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Return the numbers of the experiment, as plain values; see judged.py.

    Args:
        arms: all runs.
        outcomes: of each.
    """
    level: dict[str, dict[int, dict[str, float]]] = {}
    trigger: dict[str, dict[int, dict[str, float]]] = {}
    for arm, found in zip(arms, outcomes, strict=True):
        row = f"{arm.task}, {arm.rule}"
        level.setdefault(row, {}).setdefault(arm.seed, {})[arm.attack] = found["accuracy"]
        if "trigger" in found and arm.task == "reid" and arm.attack in (NONE, BACKDOOR):
            trigger.setdefault(row, {}).setdefault(arm.seed, {})[arm.attack] = found["trigger"]
    before = {row: level.pop(row) for row in [*level] if row.endswith(UNTRAINED)}
    pairs = tuple(
        Comparison(f"{row} is better than a mean", row, _base(row, MEAN))
        for row in level
        if not row.endswith(MEAN)
    )
    return {
        **judged.gathered(level, Judge(COMMON, (), pairs)),
        "verdicts": [
            *_learnt(level | before),
            *(v for a in JUDGED for v in verdicts(level, Judge((a,), pairs))),
        ],
        "untrained": {row.partition(",")[0]: measured(seeds, (NONE,))[NONE] for row, seeds in before.items()},
        "lost": {row: measured(_lost(seeds), _attacks(row)) for row, seeds in level.items()},
        "data": {row: measured(s, ON_DATA) for row, s in level.items() if set(ON_DATA) & set(_attacks(row))},
        "trigger": {row: measured(seeds, (NONE, BACKDOOR)) for row, seeds in trigger.items()},
    }


def _base(row: str, rule: str) -> str:
    return f"{row.partition(',')[0]}, {rule}"


def _learnt(level: Level) -> Iterator[dict[str, Any]]:
    """Yield whether a mean learns anything where nobody attacks, without which nothing could be lost."""
    pairs = tuple(
        Comparison(f"{row.partition(',')[0]}, a mean learns", _base(row, MEAN), row)
        for row in level
        if row.endswith(UNTRAINED)
    )
    return verdicts(level, Judge((NONE,), pairs))


def _attacks(row: str) -> tuple[str, ...]:
    return (*COMMON[1:], *(ON_DATA if row.startswith("reid") else ()))


def _lost(seeds: Mapping[int, Mapping[str, float]]) -> dict[int, dict[str, float]]:
    """Return how much accuracy each attack took of what the same rule had without one."""
    return {seed: {name: own[NONE] - own[name] for name in own} for seed, own in seeds.items()}
