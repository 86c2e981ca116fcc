"""What the runs gave: accuracy of every rule under every attack, and how far the attacks came."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from isofed.client.place import Place
from isofed.client.poisoned import triggered
from isofed.errors import RoundError
from isofed.files import write_json
from isofed.simulations.experiments import judged
from isofed.simulations.experiments.judged import Comparison, Judge, measured, verdicts
from isofed.simulations.experiments.robustness.options import MEAN
from isofed.simulations.experiments.robustness.plans import BACKDOOR, COMMON, NONE, ON_DATA, Arm
from isofed.simulations.federation import Federation, load_result, run
from isofed.simulations.hostile.attacks import read_attack
from isofed.simulations.pictures import final
from isofed.simulations.pool import Pool

MEASURE = {"reid": "mAP", "vein": "rank-1"}
BROKEN, TRIGGER = "broken.json", "trigger.json"
JUDGED = ("scaling", "sign flip")  # attacks under which each rule is expected to do better than a mean
SIZE = float(read_attack({"name": BACKDOOR}).numbers["size"])  # type: ignore[union-attr]


def outcome(arm: Arm) -> dict[str, float]:
    """Run an arm to its end, if it is not done; return its accuracy, and where asked how often triggers work.

    A federation that an attack ends, because no model can be made any more, has the accuracy 0.
    """
    federation = arm.federation
    place = federation.folder / BROKEN
    if place.exists():
        return {"accuracy": 0.0}
    try:
        result = load_result(federation) if federation.done else run(federation, Pool(1))
    except RoundError as error:
        write_json(place, {"reason": str(error)})
        return {"accuracy": 0.0}
    found = {"accuracy": float(result["history"][-1]["metrics"]["mean"][MEASURE[arm.task]])}
    if arm.task == "reid" and arm.attack in (NONE, BACKDOOR):
        found["trigger"] = _trigger(federation)
    return found


def _trigger(federation: Federation) -> float:
    """Return the share of honest sites' pictures of others that are taken for the target with the trigger."""
    place = federation.folder / TRIGGER
    if not place.exists():
        write_json(place, {"share": _taken(federation)})
    return float(json.loads(place.read_text())["share"])


def _taken(federation: Federation) -> float:
    shop = federation.workshop()
    model, _ = final(shop, federation)
    still, options = shop.setting.task.training.still, shop.setting.options
    taken = count = 0
    for site in federation.sites:
        if site in federation.hostile:
            continue
        samples = shop.samples(Place.of(federation.nodes()[site].config))
        rows = np.flatnonzero(np.asarray(samples.labels) != 0)  # the target of attack=backdoor
        shown = replace(samples, inputs=triggered(np.asarray(samples.inputs[rows]), SIZE))
        with torch.no_grad():
            logits = model(still(shown, np.arange(len(rows)), options, shop.device).inputs).logits
        taken, count = taken + int((logits.argmax(1) == 0).sum()), count + len(rows)
    return taken / max(count, 1)


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
        if "trigger" in found:
            trigger.setdefault(row, {}).setdefault(arm.seed, {})[arm.attack] = found["trigger"]
    pairs = tuple(
        Comparison(f"{row} is better than a mean", row, f"{row.partition(',')[0]}, {MEAN}")
        for row in level
        if not row.endswith(MEAN)
    )
    claims = [v for attack in JUDGED for v in verdicts(level, Judge((attack,), pairs))]
    return {
        **judged.gathered(level, Judge(COMMON, (), pairs)),
        "verdicts": claims,
        "lost": {row: measured(_lost(seeds), _attacks(row)) for row, seeds in level.items()},
        "data": {row: measured(s, ON_DATA) for row, s in level.items() if set(ON_DATA) & set(_attacks(row))},
        "trigger": {row: measured(seeds, (NONE, BACKDOOR)) for row, seeds in trigger.items()},
    }


def _attacks(row: str) -> tuple[str, ...]:
    return (*COMMON[1:], *(ON_DATA if row.startswith("reid") else ()))


def _lost(seeds: Mapping[int, Mapping[str, float]]) -> dict[int, dict[str, float]]:
    """Return how much accuracy each attack took of what the same rule had without one."""
    return {seed: {name: own[NONE] - own[name] for name in own} for seed, own in seeds.items()}
