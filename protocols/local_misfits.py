"""Which strategies and tasks a site's own training under differential privacy can be asked of."""

from collections.abc import Callable
from typing import Any

from isofed.errors import CompositionError

NUMBERS = ("examples", "steps", "normaliser")
"""Numbers that a rule may need: fixed, or made of steps and rates alone."""


def refuse_misfits(dp: Any, recipe: Any, level: Any, task: Any, options: Any) -> None:
    """Raise CompositionError, one sentence with what to use instead, where it would hide less than it says.

    Args:
        dp: a :class:`~isofed.protocols.local_privacy.LocalPrivacy`.
        recipe: of the strategy.
        level: a privacy level.
        task, options: what is trained, and how.
    """
    for reason in REASONS:
        sentence = reason(dp, recipe, task, options)
        if sentence:
            raise CompositionError(sentence)


def unknown_task(dp: Any, recipe: Any, task: Any, options: Any) -> str:
    """Return why a task cannot train so."""
    if task.training.private is None:
        return f"task '{task.name}' does not say what an example's own gradient is; write dp=none"
    if dp.unit == "subject" and not task.training.private.subject:
        return (
            f"the samples of task '{task.name}' do not say whom they show, so that dp=subject cannot hide "
            "persons; write dp=example"
        )
    return ""


def examples_meet(dp: Any, recipe: Any, task: Any, options: Any) -> str:
    """Return why an example's gradient would depend on others."""
    sentence = task.training.private.refuses(options)
    return f"under dp={dp.unit} every example's gradient must be its own, but {sentence}" if sentence else ""


def halves(dp: Any, recipe: Any, task: Any, options: Any) -> str:
    """Return why an arithmetic is too coarse for single gradients."""
    precision = task.training.precision(options)
    if precision == "float32":
        return ""
    return f"dp={dp.unit} clips single gradients in float32, found {precision}; write task.precision=float32"


def rows_beside(dp: Any, recipe: Any, task: Any, options: Any) -> str:
    """Return which table is made of the data themselves."""
    for name, rule in recipe.tables.items():
        return (
            f"dp={dp.unit} hides what training makes of the model, but strategy '{recipe.call}' also sends "
            f"{rule.meaning.replace('_', ' ')} in channel '{name}', which come from the data as they are; "
            "use strategy=fedavg, fedprox, scaffold or moon"
        )
    return ""


def terms_beside(dp: Any, recipe: Any, task: Any, options: Any) -> str:
    """Return which local term takes of the data what no clipping reaches."""
    for term in recipe.local:
        told = [number for number in term.gives if number not in NUMBERS]
        if told:
            what = f"tells the number '{told[0]}', which comes from the data as they are"
        elif term.beside:
            what = f"takes {term.beside}, which is not clipped"
        elif term.stepped:
            what = "looks at every batch after its step, where nothing is clipped"
        else:
            continue
        return f"under dp={dp.unit} the term '{term.call}' {what}; use strategy=fedavg{_other(term)}"
    return ""


def seen_again(dp: Any, recipe: Any, task: Any, options: Any) -> str:
    """Return why a draw would count for several."""
    if all(phase.repeats == 1 for phase in recipe.rounds):
        return ""
    return (
        f"strategy '{recipe.call}' takes several steps on each batch, but under dp={dp.unit} every step is "
        "accounted for with a draw of its own; use strategy=fedavg"
    )


def numbers_beside(dp: Any, recipe: Any, task: Any, options: Any) -> str:
    """Return which number Flower's own strategies cannot do without."""
    if recipe.stock is None or "loss" in dp.released:
        return ""
    return (
        f"strategy '{recipe.call}' is Flower's own and is told every site's loss, which dp={dp.unit} does "
        "not let out; use strategy=fedavg, or dp.release=loss"
    )


def _other(term: Any) -> str:
    return ", or strategy.option=two" if term.name == "control" else ""


Reason = Callable[[Any, Any, Any, Any], str]
REASONS: tuple[Reason, ...] = (
    unknown_task,
    examples_meet,
    halves,
    rows_beside,
    terms_beside,
    seen_again,
    numbers_beside,
)
