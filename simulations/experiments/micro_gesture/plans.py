"""The runs of each seed: two ways to train on few labels, alone, federated and pooled; two attentions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isofed.simulations.command import composed
from isofed.simulations.experiments.micro_gesture.options import MicroGestureExperiment
from isofed.simulations.federation import Federation
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.simulate import resolved
from isofed.tasks.task import names

LAYOUT = "micro_gesture_silos"
FEW_HYBRID = "few labels, hybrid, federated"
FEW_SUPERVISED = "few labels, supervised alone, federated"
FEW_LOCAL = "few labels, hybrid, each room alone"
FEW_POOLED = "few labels, hybrid, pooled"
HYPERGRAPH = "all labels, hypergraph attention, federated"
PLAIN = "all labels, plain attention, federated"
ROWS = (FEW_LOCAL, FEW_SUPERVISED, FEW_HYBRID, FEW_POOLED, PLAIN, HYPERGRAPH)


@dataclass(frozen=True)
class Arm:
    """One run: its row of the table, its seed, what runs, and who trains where it is a room alone."""

    row: str
    seed: int
    federation: Federation
    site: str = ""


@dataclass(frozen=True)
class Plans:
    """Configurations, read once and refused early: of the rooms, and of one trainer who holds everything."""

    sites: Plan
    pooled: Plan

    def of(self, seed: int) -> "Plans":
        """Return those of one seed, its data in a folder of its own."""
        return Plans(_of(self.sites, seed), _of(self.pooled, seed))


def plans(options: MicroGestureExperiment, folder: Path) -> Plans:
    """Return what will run in ``folder``.

    Raises:
        ConfigError, CompositionError: one sentence each.
    """
    return Plans(_plan(options, folder, "camera"), _plan(options, folder, "sharing"))


def _plan(options: MicroGestureExperiment, folder: Path, protocol: str) -> Plan:
    words = [f"data={LAYOUT}", "task=micro_gesture", f"protocol={protocol}", "strategy=fedavg"]
    cfg = composed([*words, "tensorboard=false", "alone=false", "evaluate_every=0"])
    make = {"silos": options.rooms, "unlabelled": options.unlabelled}
    make |= {name: getattr(options, name) for name in ("subjects", "videos", "clips", "contrast")}
    task = {n: getattr(options, n) for n in ("local_epochs", "rate", "depth", "heads", "width", "batch")}
    changed = {
        "data": {**cfg["data"], "make": {**cfg["data"]["make"], **make}},
        "task": {**cfg["task"], **task},
        "rounds": options.rounds,
        # the same wherever the folder lies
        "run": "micro-gesture-experiment",
        "engine": {**cfg["engine"], "workers": options.workers or "auto", "device": "cpu"},
    }
    return make_plan({**cfg, **changed}, folder)


def _of(plan: Plan, seed: int) -> Plan:
    return replace(plan, folder=plan.folder / f"seed{seed}", data=replace(plan.data, seed=seed))


def arms(found: Plans, options: MicroGestureExperiment, seed: int) -> Iterator[Arm]:
    """Yield one seed's runs; its data have been drawn.

    The last rooms know nobody's emotion: alone they would learn none, so that they train in federations only.
    """
    sites = tuple(names(found.sites.layout.sites(found.sites.root, "camera")))
    whole = resolved(found.pooled)

    def arm(row: str, plan: Plan, who: tuple[str, ...], task: Mapping[str, Any], site: str = "") -> Arm:
        changes = {"seed": seed, "task": {**plan.cfg["task"], **task}}
        made = plan.federation(row.replace(", ", "/").replace(" ", "_") + f"/{site}", who, **changes)
        return Arm(row, seed, replace(made, name=f"seed {seed}, {row} {site}".strip()), site)

    few = {"labelled": options.labelled, "rebuilt_weight": options.rebuilt_weight}
    rooms = resolved(found.sites)
    yield arm(FEW_HYBRID, rooms, sites, few)
    yield arm(FEW_SUPERVISED, rooms, sites, {**few, "rebuilt_weight": 0.0})
    yield arm(FEW_POOLED, whole, ("pooled",), few)
    for site in sites[: options.rooms - options.unlabelled]:
        yield arm(FEW_LOCAL, rooms, (site,), few, site)
    yield arm(HYPERGRAPH, rooms, sites, {"attention": "hypergraph"})
    yield arm(PLAIN, rooms, sites, {"attention": "plain"})
