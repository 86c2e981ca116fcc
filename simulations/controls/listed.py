"""The controls, each one value: what it changes about the run, and with how many seeds it is repeated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

from isofed.simulations.plan import FEDERATED, Plan
from isofed.strategies.local.rectify import CHANNEL
from isofed.strategies.named import STRATEGIES
from isofed.tasks.task import names

PAIRED = 3  # seeds of the run itself and of everything compared with it seed by seed
SHARING = "sharing"
ALONE, SHUFFLED = "alone, equal steps", "shuffled labels"


@dataclass(frozen=True)
class Scene:
    """What controls start from.

    Args:
        plan: of the run, with the number of classes known.
        sites: the run's sites.
        steps: optimiser steps that each site takes over a whole run whose every round asks it.
        total: those that all sites took together over the whole run; None for the sum of the former.
    """

    plan: Plan
    sites: tuple[str, ...]
    steps: Mapping[str, int]
    total: int | None = None


@dataclass(frozen=True)
class Variant:
    """One federation that a control asks for.

    Args:
        sites: who trains.
        changes: groups of the configuration that replace the run's own.
        of: told apart by this where a control asks for several.
    """

    sites: tuple[str, ...]
    changes: Mapping[str, Any] = field(default_factory=dict)
    of: str = ""


Variants = Callable[[Scene], tuple[Variant, ...]]


@dataclass(frozen=True)
class Control:
    """One control.

    Args:
        name: of its row and, with hyphens, of its folder.
        what: it is, in plain words.
        seeds: how many, counted from the run's own.
        variants: what it asks for; nothing where it would change nothing or makes no sense.
        shows: what the run has and this control lacks, where the two are compared seed by seed.
    """

    name: str
    what: str
    seeds: int
    variants: Variants
    shows: str = ""


def itself(scene: Scene) -> tuple[Variant, ...]:
    """The run as it is configured; only the seeds differ."""
    return (Variant(scene.sites),)


def without_bank(scene: Scene) -> tuple[Variant, ...]:
    """The strategy without its bank is FedAvg; a strategy without a bank has nothing to lose."""
    if CHANNEL not in scene.plan.setting().recipe.channels:
        return ()
    return (Variant(scene.sites, {"strategy": plain(scene.plan)}),)


def plain(plan: Plan) -> dict[str, Any]:
    """FedAvg with those of the run's strategy options that it knows, so that nothing else differs."""
    known = {"name", *signature(STRATEGIES["fedavg"]).parameters}
    return {key: value for key, value in plan.cfg["strategy"].items() if key in known} | {"name": "fedavg"}


def with_option(name: str, value: object) -> Variants:
    """One option of the task set to ``value``; nothing where the task lacks it or has that value already."""

    def variants(scene: Scene) -> tuple[Variant, ...]:
        if getattr(scene.plan.setting().options, name, value) == value:
            return ()
        return (Variant(scene.sites, {"task": {**scene.plan.cfg["task"], name: value}}),)

    return variants


def pooled(scene: Scene) -> tuple[Variant, ...]:
    """One trainer with everybody's images; FedAvg over one client is plain training."""
    plan, protocol, setting = scene.plan, scene.plan.cfg["protocol"], scene.plan.setting()
    if protocol["name"] == SHARING or SHARING not in setting.task.levels or plan.declared():
        return ()  # whoever declared a level has not agreed to pooling, not for a comparison either
    sites = tuple(names(plan.layout.sites(plan.root, SHARING)))
    changes = {"protocol": {**protocol, "name": SHARING}, "strategy": plain(plan)}
    if setting.level.private_head:  # then the run knows of no common numbering, which one trainer needs
        changes["task"] = {**plan.cfg["task"], **plan.layout.resolve(plan.root, setting.options)}
    return (Variant(sites, changes),)


def alone(scene: Scene) -> tuple[Variant, ...]:
    """Each site alone, otherwise as configured, with epochs enough for no fewer steps than all together."""
    epochs = getattr(scene.plan.setting().options, "local_epochs", None)
    if epochs is None or len(scene.sites) == 1:
        return ()
    return tuple(
        Variant((site,), {"task": {**scene.plan.cfg["task"], "local_epochs": count}}, site)
        for site, count in equal_epochs(epochs, scene.steps, scene.total).items()
    )


def equal_epochs(epochs: int, steps: Mapping[str, int], total: int | None = None) -> dict[str, int]:
    """Return, for each site, the fewest epochs a round that give it the steps of all sites together.

    ceil(E · T / s_i), with E epochs in each round giving site i its s_i steps; where no step was taken, E
    times the number of sites.

    Args:
        epochs: E, local epochs of a round, >= 1.
        steps: s_i, steps of each site over the whole run, were it asked in each round, >= 0.
        total: T, the steps of all sites over the run; None for Σ s_i, where each round asks every site.

    Example:
        >>> equal_epochs(1, {"cam1": 20, "cam2": 15})
        {'cam1': 2, 'cam2': 3}
    """
    total = sum(steps.values()) if total is None else total
    return {site: -(-epochs * total // own) if own else epochs * len(steps) for site, own in steps.items()}


CONTROLS: tuple[Control, ...] = (
    Control(FEDERATED, "the run itself, and again with further seeds", PAIRED, itself),
    Control("without bank", "FedAvg instead: no memory rectification", PAIRED, without_bank, "the bank"),
    Control(
        "without channel augmentation",
        "images keep their colours in training",
        PAIRED,
        with_option("channel_augmentation", 0.0),
        "channel augmentation",
    ),
    Control("pooled", "one trainer holds all images: plain training, no federation", 1, pooled),
    Control(ALONE, "as many steps as the whole federation", 1, alone),
    Control(SHUFFLED, "labels permuted within each site", 1, with_option("labels", "shuffled")),
)
