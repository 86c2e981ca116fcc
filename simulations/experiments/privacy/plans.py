"""The runs of each seed and task: without privacy, and one for each ε."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isofed.simulations.command import composed
from isofed.simulations.experiments.privacy.cases import Case
from isofed.simulations.experiments.privacy.options import PrivacyExperiment
from isofed.simulations.federation import Federation
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.simulate import resolved
from isofed.tasks.task import names

OPEN = "no privacy"
UNTRAINED = "untrained"
LEVEL = "camera"


@dataclass(frozen=True)
class Arm:
    """One run: its task, its row of the table, its seed, and what runs."""

    case: Case
    row: str
    seed: int
    federation: Federation


@dataclass(frozen=True)
class Plans:
    """Configurations by task, read once and refused early, with the privacy of each row."""

    tasks: Mapping[str, Plan]
    rows: Mapping[str, Mapping[str, Any] | None]

    @property
    def engine(self) -> Any:
        """The engine of all."""
        return next(iter(self.tasks.values())).engine

    def of(self, case: Case, seed: int) -> Plan:
        """Return a task's plan of one seed, its data in a folder of its own."""
        plan = self.tasks[case.task]
        return replace(plan, folder=plan.folder / f"seed{seed}", data=replace(plan.data, seed=seed))


def row(epsilon: float) -> str:
    """Return the name of an ε's row."""
    return f"ε = {epsilon:g}"


def plans(options: PrivacyExperiment, folder: Path) -> Plans:
    """Return what will run in ``folder``.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    shared = {"norm": options.norm, "delta": options.delta}
    rows = {row(each): {**shared, "epsilon": each} for each in options.levels}
    tasks = {case.task: _plan(case, options, folder) for case in options.cases}
    found = Plans(tasks, {OPEN: None, **rows})
    for case in options.cases:
        for dp in filter(None, found.rows.values()):
            plan = found.tasks[case.task]
            replace(plan, cfg={**plan.cfg, "dp": {"name": case.hides, **dp}}).setting()
    return found


def _plan(case: Case, options: PrivacyExperiment, folder: Path) -> Plan:
    words = [f"task={case.task}", f"data={case.data}", f"protocol={LEVEL}", "strategy=fedavg"]
    cfg = composed([*words, "tensorboard=false", "alone=false", "evaluate_every=0"])
    changed = {
        "data": {**cfg["data"], "make": {**cfg["data"]["make"], **case.make(options)}},
        # the same network whether private or not
        "task": {**cfg["task"], **case.chosen, "norm": "group"},
        "rounds": options.rounds or case.rounds,
        "engine": {**cfg["engine"], "workers": options.workers or "auto", "device": "cpu"},
    }
    return make_plan({**cfg, **changed}, folder / case.task)


def arms(found: Plans, case: Case, seed: int) -> Iterator[Arm]:
    """Yield a task's runs of one seed; its data have been drawn.

    Each has a run's name of its own: a site that pays for replies keeps the accounts of runs apart.
    """
    plan = resolved(found.of(case, seed))
    sites = tuple(names(plan.layout.sites(plan.root, LEVEL)))
    for number, (name, dp) in enumerate(found.rows.items()):
        changes: dict[str, Any] = {"seed": seed, "run": f"privacy-experiment-{number}"}
        if dp is not None:
            changes["dp"] = {"name": case.hides, **dp}
        place = name.replace("ε = ", "epsilon_").replace(" ", "_")
        made = plan.federation(place, sites, **changes)
        yield Arm(case, name, seed, replace(made, name=f"{case.task}, seed {seed}, {name}"))
