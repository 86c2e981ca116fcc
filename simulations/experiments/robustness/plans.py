"""The runs: for every task, seed and rule one without an attack and one under each that makes sense there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isofed.simulations.command import composed
from isofed.simulations.experiments.robustness.options import MEAN, RobustnessExperiment
from isofed.simulations.federation import Federation
from isofed.simulations.hostile.attacks import read_attack
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.simulate import resolved
from isofed.tasks.task import names

NONE, BACKDOOR, UNTRAINED = "none", "backdoor", "untrained"
TWO = "two colluders"
COMMON = (NONE, "sign flip", "scaling", "gaussian", "NaN", "inner product", "a little is enough", TWO)
ON_DATA = ("label flip", BACKDOOR)  # need labels that mean the same at all sites, which vein's do not
SENSORS = "fingerveinsyn+usm_like+sdumla_like+mmcbnu_like+utfvp_like+nupt_like+vera_like"
HELD = 0.25  # of a site's pictures of each person
# as few rounds as these leave no time to learn what does not change a finger
STILL = dict.fromkeys(("turn", "shift", "zoom", "light", "contrast", "noise"), 0.0)
Plans = Mapping[str, Plan]  # by task


@dataclass(frozen=True)
class Arm:
    """One run: on which task, under which attack, with which rule, or UNTRAINED, and seed."""

    task: str
    rule: str
    attack: str
    seed: int
    federation: Federation


def attacks(options: RobustnessExperiment) -> Mapping[str, Mapping[str, Any]]:
    """Return the ``attack`` group of each attack."""
    return {
        "sign flip": {"name": "sign_flip", "factor": options.flip},
        "scaling": {"name": "scaling", "factor": options.factor},
        "gaussian": {"name": "gaussian", "deviation": options.deviation},
        "NaN": {"name": "nans"},
        "inner product": {"name": "ipm", "factor": options.epsilon},
        "a little is enough": {"name": "alie", "deviations": options.deviations},
        TWO: {"name": "sign_flip", "factor": options.flip, "collude": True, "sites": 2},
        "label flip": {"name": "label_flip"},
        BACKDOOR: {"name": "backdoor"},
    }


def attack_number(name: str, key: str) -> float:
    """Return a number of an attack where nobody sets it."""
    attack = read_attack({"name": name})
    assert attack is not None
    return float(attack.numbers[key])


def plans(options: RobustnessExperiment, folder: Path) -> Plans:
    """Return what will run in ``folder``.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    found = {task: _plan(options, folder / task, task) for task in options.on}
    for plan in found.values():
        for rule in options.robust:
            _with_rule(plan, rule).setting()
    return found


def _plan(options: RobustnessExperiment, folder: Path, task: str) -> Plan:
    layout = {"reid": "llcm", "vein": "vein_sensors"}[task]
    words = [f"task={task}", f"data={layout}", "protocol=camera", f"strategy={MEAN}"]
    cfg = composed([*words, "tensorboard=false", "alone=false", "evaluate_every=0"])
    make, small = _small(options)[task]
    changed = {
        "data": {**cfg["data"], "make": {**cfg["data"]["make"], **make}},
        "task": {**cfg["task"], **small},
        "rounds": options.rounds,
        "holdout": HELD if task == "reid" else 0.0,
        # the same wherever the folder lies
        "run": "robustness-experiment",
        "engine": {**cfg["engine"], "workers": options.workers or "auto", "device": "cpu"},
    }
    return make_plan({**cfg, **changed}, folder)


def _small(options: RobustnessExperiment) -> Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return what is drawn and what is trained, of each task."""
    people, size = options.people, {"height": 32, "width": 16}
    widths = {"stem": 8, "stage2": 16, "stage3": 32, "dimensions": 32, "objective": "identity"}
    steps = {"batch_identities": 8, "batch_images": 2, "local_epochs": 2}
    seen = {"height": 24, "width": 72, "backbone": "tiny", "dimensions": 32}
    pace = {"batch": 16, "local_epochs": 4, "schedule": "constant"}
    return {
        "reid": (
            {"identities": people, "test_identities": people, "images": 4, **size},
            {**size, **widths, **steps, "padding": 0, "flip": 0.0, "channel_augmentation": 0.0},
        ),
        "vein": ({"sensors": SENSORS, "fingers": options.fingers, "samples": 4}, {**seen, **pace, **STILL}),
    }


def of(plan: Plan, seed: int) -> Plan:
    """Return the plan of one seed, its data in a folder of its own."""
    return replace(plan, folder=plan.folder / f"seed{seed}", data=replace(plan.data, seed=seed))


def _with_rule(plan: Plan, rule: str) -> Plan:
    return replace(plan, cfg={**plan.cfg, "strategy": {"name": rule}})


def arms(plan: Plan, options: RobustnessExperiment, task: str, seed: int) -> Iterator[Arm]:
    """Yield one seed's runs of a task; its data have been drawn."""
    plan = resolved(plan)
    sites = tuple(names(plan.layout.sites(plan.root, "camera")))
    given = attacks(options)
    before = plan.federation(UNTRAINED, sites, seed=seed, rounds=1, evaluate_every=1)
    yield Arm(task, UNTRAINED, NONE, seed, replace(before, name=f"{task}, seed {seed}, {UNTRAINED}"))
    for rule in (MEAN, *options.robust):
        for attack in (*COMMON, *(ON_DATA if task == "reid" else ())):
            place = f"{rule}/{attack.replace(' ', '_')}"
            made = _with_rule(plan, rule).federation(place, sites, seed=seed)
            group = {"sites": options.hostile, **given[attack]} if attack != NONE else None
            # a mean would otherwise stop where a report cannot be used
            fewest = len(sites) - options.hostile if rule == MEAN else 0
            named = f"{task}, seed {seed}, {rule}, {attack}"
            yield Arm(task, rule, attack, seed, replace(made, name=named, attack=group, fewest=fewest))
