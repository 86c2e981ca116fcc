"""The runs of each seed: six folds, each federated, pooled, every database alone, and without a part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isofed.simulations.command import composed
from isofed.simulations.experiments.action_units.options import ActionUnitExperiment
from isofed.simulations.federation import Federation
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.simulate import resolved
from isofed.tasks.task import names

FEDERATED = "federated"
LOCAL = "each database alone"
POOLED = "pooled"
UNINFUSED = "federated, without infusion"
UNMAGNIFIED = "federated, without magnification"
ROWS = (LOCAL, FEDERATED, POOLED, UNINFUSED, UNMAGNIFIED)
CAMERA, SHARING = "camera", "sharing"
NOTHING = 1.0  # an amplification of which no motion is left
DATA, HOMES, MAGNIFIER = "data", "sites", "magnifier.pt"  # files of the experiment
Folds = Mapping[str, Plan]  # by the database that is left out


@dataclass(frozen=True)
class Arm:
    """One run: its row of the table, its seed, the database left out, and who trains if it is one alone."""

    row: str
    seed: int
    fold: str
    federation: Federation
    site: str = ""


@dataclass(frozen=True)
class Plans:
    """Configurations of all folds, read once and refused early.

    Attributes:
        sites: five databases, a client each.
        pooled: one trainer who holds the five.
        magnifier: the file of its weights, or None where they come from a seed.
    """

    sites: Folds
    pooled: Folds
    magnifier: Path | None

    @property
    def engine(self) -> Any:
        """The engine of all."""
        return next(iter(self.sites.values())).engine

    def of(self, seed: int) -> "Plans":
        """Return those of one seed; its six databases are drawn once for all folds."""
        return replace(self, sites=_of(self.sites, seed), pooled=_of(self.pooled, seed))


def plans(options: ActionUnitExperiment, folder: Path) -> Plans:
    """Return what will run in ``folder``.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    trained = folder.absolute() / MAGNIFIER if options.magnifier_steps else None
    five, whole = (_folds(options, folder, level, trained) for level in (CAMERA, SHARING))
    return Plans(five, whole, trained)


def _folds(options: ActionUnitExperiment, folder: Path, level: str, magnifier: Path | None) -> Folds:
    words = ["task=action_units", "data=cd6me_to_samm", f"protocol={level}", "strategy=fedavg"]
    cfg = composed([*words, "tensorboard=false", "alone=false", "evaluate_every=0"])
    make = {name: getattr(options, name) for name in ("subjects", "clips", "frames", "motion")}
    make["size"] = options.size + options.size // 4  # so that frames are made smaller, as real ones are
    task = {name: getattr(options, name) for name in ("size", "width", "rate", "batch")}
    given = str(magnifier) if magnifier else ""
    changed = {
        "task": {**cfg["task"], **task, "magnifier": given, "workers": 1},
        "rounds": options.rounds,
        # the same wherever the folder lies
        "run": "action-unit-experiment",
        "engine": {**cfg["engine"], "workers": options.workers or "auto", "device": "cpu"},
    }
    data = {**cfg["data"], "make": {**cfg["data"]["make"], **make}}
    return {
        key: make_plan({**cfg, **changed, "data": {**data, "layout": f"cd6me_to_{key}"}}, folder / key)
        for key in options.left_out
    }


def _of(folds: Folds, seed: int) -> Folds:
    found = {}
    for key, plan in folds.items():
        top = plan.folder.parent / f"seed{seed}"
        data = replace(plan.data, seed=seed, root=str(top / DATA))
        found[key] = replace(plan, folder=top / key, data=data)
    return found


def arms(found: Plans, seed: int) -> Iterator[Arm]:
    """Yield one seed's runs; its data have been drawn, and the magnifier is there.

    Folds share what a site remembers of its clips, which does not depend on who is left out.
    """
    for fold in found.sites:
        yield from _fold(resolved(found.sites[fold]), resolved(found.pooled[fold]), seed, fold)


def _fold(five: Plan, whole: Plan, seed: int, fold: str) -> Iterator[Arm]:
    sites = tuple(names(five.layout.sites(five.root, CAMERA)))

    def arm(row: str, plan: Plan, who: tuple[str, ...], site: str = "", **task: Any) -> Arm:
        still = task.get("amplification") == NOTHING
        changes = {"seed": seed, "task": {**plan.cfg["task"], **task}}
        place = row.replace(", ", "/").replace(" ", "_") + (f"/{site}" if site else "")
        made = plan.federation(place, who, **changes)
        homes = plan.folder.parent / (f"{HOMES}_still" if still else HOMES)
        name = f"seed {seed}, {fold} left out, {row} {site}".strip()
        return Arm(row, seed, fold, replace(made, name=name, homes=homes), site)

    yield arm(FEDERATED, five, sites)
    yield arm(POOLED, whole, ("pooled",))
    yield arm(UNINFUSED, five, sites, infuse=False)
    yield arm(UNMAGNIFIED, five, sites, amplification=NOTHING)
    for site in sites:
        yield arm(LOCAL, five, (site,), site)
