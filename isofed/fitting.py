"""Whether a task gives what a strategy needs, under a level, with its options."""

from collections.abc import Mapping
from typing import Any

from isofed.errors import CompositionError


def fit_options(task: Any, cfg: Mapping[str, Any], level: Any, recipe: Any, options: Any) -> None:
    """Raise CompositionError where task, options, level and strategy do not fit, and say what to write.

    Args:
        task: what is trained.
        cfg: the run's configuration.
        level: of privacy.
        recipe: of the strategy.
        options: of the task.
    """
    _fit_needs(task, recipe)
    if "normaliser" in recipe.rule.needs and task.training.keeps_optimiser(options):
        raise CompositionError(
            f"strategy '{recipe.call}' divides by what a round's steps reach, but momentum is kept across "
            "rounds, which reaches further; write task.keep_momentum=false"
        )
    if "plain_sgd" in recipe.needs and not task.training.plain(options):
        other = "" if getattr(options, "optimiser", "sgd") == "sgd" else "task.optimiser=sgd "
        raise CompositionError(
            f"strategy '{recipe.call}' takes a step for rate times gradient, but the optimiser has momentum; "
            f"write {other}task.momentum=0"
        )
    if level.private_head and any(not rule.personal for rule in recipe.tables.values()):
        raise CompositionError(
            f"under protocol '{level.name}' every site numbers people for itself, but strategy "
            f"'{recipe.call}' averages rows by number; use "
            f"{'strategy=cgpr protocol.centres=plain, which matches them, or ' if level.opens else ''}"
            "strategy=fedavg"
        )
    if level.private_head and not task.head:
        raise CompositionError(
            f"protocol '{level.name}' keeps heads at the sites, but task '{task.name}' has none; "
            "use protocol=camera"
        )
    task.benchmark(cfg["layout"], options)
    if cfg["rounds"]:
        task.training.rate(0.0, cfg["rounds"], options)
    reason = task.suits(options, level.name)
    if reason:
        raise CompositionError(reason)


def _fit_needs(task: Any, recipe: Any) -> None:
    given = {*task.training.capabilities, *(("head",) if task.head else ()), "plain_sgd", "classes"}
    for need in sorted(recipe.needs - given):
        raise CompositionError(
            f"strategy '{recipe.call}' needs '{need}' from the model, which task '{task.name}' does not "
            "give; use strategy=fedavg"
        )
    if "classes" in recipe.needs and task.training.several:
        raise CompositionError(
            f"strategy '{recipe.call}' looks up what it knows of a sample's class, but a sample of task "
            f"'{task.name}' may be of several at once; use strategy=fedavg"
        )
