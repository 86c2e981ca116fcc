"""Which strategies, levels and tasks a privacy step can be asked of."""

from collections.abc import Callable, Iterable
from typing import Any

from isofed.errors import CompositionError
from isofed.protocols.step import STATISTICS

PUBLIC = ("examples", "steps", "loss", "normaliser")
"""Numbers that a rule may need under noise: released anyway, or made of steps and rates alone."""
OF_UPDATE = ("square",)
"""Numbers that a rule reads as the update's own."""
NORMS = "norms"


def refuse_misfits(steps: Iterable[Any], recipe: Any, level: Any, task: Any, options: Any) -> None:
    """Raise CompositionError, one sentence with what to use instead, where a step makes no sense.

    Args:
        steps: of the run, each a :class:`~isofed.protocols.step.Step`.
        recipe: of the strategy, its share already cut to the task.
        level: a privacy level.
        task, options: what is trained, and how.
    """
    steps = tuple(steps)
    released = any(step.part == STATISTICS for step in steps)
    for step in steps:
        for reason in REASONS:
            covered = released and reason is statistics_beside
            sentence = "" if covered else reason(step, recipe, level, task, options)
            if sentence:
                raise CompositionError(sentence)


def nothing_leaves(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return why a step has nothing to do: one trainer holds everything."""
    if level.never:
        return ""
    return (
        f"under protocol '{level.name}' nothing leaves the one trainer, so that '{step.call}' would protect "
        "nobody; write privacy=none"
    )


def flowers_own(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return why a step is not for a strategy of Flower's, which is given models and not changes."""
    if getattr(recipe, "stock", None) is None:
        return ""
    return (
        f"'{step.call}' works on changes, but strategy '{recipe.call}' is Flower's own and is given whole "
        "models; use strategy=fedavg, or one of Flower's DifferentialPrivacy strategies and privacy=none"
    )


def rows_beside(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return why a bound on changes does not hold for all that is sent: rows are no changes."""
    if step.bounds is None or not recipe.tables:
        return ""
    name, rule = next(iter(recipe.tables.items()))
    return (
        f"'{step.call}' bounds changes of a model, but strategy '{recipe.call}' also sends "
        f"{rule.meaning.replace('_', ' ')} in channel '{name}', which are none and would leave as they are; "
        "use strategy=fedavg or privacy=none"
    )


def singles_needed(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return why a sum is not all that the server needs of the updates."""
    if not step.needs_sums or (hasattr(recipe.rule, "sums") and recipe.server.distil is None):
        return ""
    return (
        f"'{step.call}' covers the sum of all updates, but strategy '{recipe.call}' looks at single ones; "
        "use strategy=uniform"
    )


def unequal_weights(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return why one update could count for more than the bound says."""
    if not step.needs_equal_weights or recipe.rule.equal:
        return ""
    return (
        f"'{step.call}' needs every update to weigh the same, but strategy '{recipe.call}' weighs them by "
        "numbers of their own, such as examples; use strategy=uniform, or strategy=fedbn "
        "strategy.weights=equal where a model normalises over batches"
    )


def private_numbers(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return which number of the rule tells of the data and is not hidden."""
    for number in recipe.rule.needs if step.hides else ():
        if number not in (*PUBLIC, *step.covers):
            return (
                f"'{step.call}' does not hide the number '{number}', which strategy '{recipe.call}' needs of "
                "every site and which tells of its data; use strategy=uniform"
            )
    return ""


def measured_before(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return which number of the rule would be of another update than the one that leaves."""
    for number in recipe.rule.needs if step.client else ():
        if number in OF_UPDATE:
            return (
                f"'{step.call}' changes an update after its number '{number}' was taken, by which strategy "
                f"'{recipe.call}' divides; use strategy=uniform or privacy=none"
            )
    return ""


def unsettled(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return which term must know what the server makes of an update, and cannot."""
    settling = next((term for term in recipe.local if term.settle), None)
    if step.settles or settling is None:
        return ""
    return (
        f"'{step.call}' clips at the server, by a bound that no site knows, but strategy '{recipe.call}' "
        "keeps at the sites what the server counted of them; write privacy.clipping=fixed"
    )


def statistics_beside(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return why running statistics would tell what noise hides; what is not known here is checked again on
    the model itself, by :meth:`~isofed.protocols.pipeline.Pipeline.outside`."""
    stay = NORMS in recipe.share.parts or not recipe.share.known
    if not step.hides or stay or not task.statistics(options):
        return ""
    return (
        f"'{step.call}' hides nothing in running statistics, but strategy '{recipe.call}' sends those of "
        f"task '{task.name}' beside the model; use strategy=fedbn strategy.weights=equal, which keeps "
        "them at the sites, or write privacy.buffers=released"
    )


def nothing_to_release(step: Any, recipe: Any, level: Any, task: Any, options: Any) -> str:
    """Return why no running statistics leave on which a step could work."""
    if step.part != STATISTICS or not recipe.share.known:
        return ""
    if NORMS in recipe.share.parts:
        kept = f"strategy '{recipe.call}' keeps them at the sites"
    elif not task.statistics(options):
        kept = f"task '{task.name}' has none"
    else:
        return ""
    return f"'{step.call}' hides running statistics on their way, but {kept}; write privacy.buffers=local"


Reason = Callable[[Any, Any, Any, Any, Any], str]
REASONS: tuple[Reason, ...] = (
    nothing_leaves,
    flowers_own,
    rows_beside,
    singles_needed,
    unequal_weights,
    private_numbers,
    measured_before,
    unsettled,
    statistics_beside,
    nothing_to_release,
)
