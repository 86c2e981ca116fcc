"""What makes no sense inside a recipe, whatever the task: said in a sentence when the recipe is made."""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from isofed.errors import CompositionError

ALWAYS = ("examples", "steps", "loss", "normaliser")  # numbers that the local loop itself can give
TOLD = ("examples", "steps", "loss", "staleness")  # numbers that a rule may read without a word
HOOKS = (("gives", "numbers"), ("numbers", "gives"), ("sends", "finish"), ("personal", "remember"))


def refuse_incoherent(recipe: Any) -> None:
    """Raise CompositionError where the parts of a recipe do not fit each other.

    Args:
        recipe: a :class:`~isofed.strategies.recipe.Recipe`.
    """
    for reason in REASONS:
        sentence = reason(recipe)
        if sentence:
            raise CompositionError(sentence)


def memories_apart(recipe: Any) -> str:
    """Return why two terms would overwrite what the other remembers."""
    twice = _twice(term.name for term in recipe.local if term.remember)
    return f"two local terms of '{recipe.call}' remember under one name; rename one" if twice else ""


def one_own_model(recipe: Any) -> str:
    """Return why nobody could tell which model a site is to use."""
    own = [term.call for term in recipe.local if term.personal]
    if len(own) < 2:
        return ""
    both = f"'{own[0]}' and '{own[1]}'"
    return f"{both} of '{recipe.call}' each keep a model that the site is to use; leave one out"


def numbers_meet(recipe: Any) -> str:
    """Return which number the rule lacks, or nobody needs, or two terms give."""
    given = [number for term in recipe.local for number in term.gives]
    for number in sorted(set(recipe.rule.needs) - {*given, *ALWAYS}):
        return (
            f"the rule of '{recipe.call}' needs the number '{number}', which no local term gives; add one "
            "that gives it, or use weighted_mean"
        )
    for number in sorted(set(given) - set(recipe.rule.needs)):
        return (
            f"a local term of '{recipe.call}' gives the number '{number}', which its rule does not need; "
            "what nobody needs does not leave a site"
        )
    for number in _twice(given):
        return f"two local terms of '{recipe.call}' give the number '{number}'; leave one out"
    return ""


def hooks_meet(recipe: Any) -> str:
    """Return which term says what it hands back without making it, or makes numbers without a name."""
    for term in recipe.local:
        for has, lacks in HOOKS:
            if getattr(term, has) and not getattr(term, lacks):
                return (
                    f"local term '{term.call}' of '{recipe.call}' has `{has}` and no `{lacks}`; write both "
                    "or neither"
                )
    return ""


def numbers_known(recipe: Any) -> str:
    """Return which number the rule would ask for in vain when the first report is there."""
    if not hasattr(recipe.rule, "sums"):
        return ""  # it reads none
    told = dict.fromkeys((*TOLD, *recipe.rule.needs), 1.0)
    with suppress(ArithmeticError, ValueError):  # numbers of 1 need not make sense to it
        try:
            recipe.rule.factor(told)
            recipe.rule.common(recipe.rule.sums(told))
        except KeyError as missing:
            return (
                f"the rule of '{recipe.call}' reads the number {missing}, which it does not name; add it to "
                "its `needs`, or to what its `sums` returns where `common` reads it"
            )
    return ""


def channels_meet(recipe: Any) -> str:
    """Return which channel lacks a rule, or what would travel in it, or has two terms that send it."""
    sent = [name for term in recipe.local for name in term.sends]
    for name in sorted(set(sent) - set(recipe.channels)):
        return (
            f"a local term of '{recipe.call}' sends channel '{name}', for which there is no rule; give the "
            f"recipe channels={{'{name}': ...}}, a TreeRule, a TableRule or a MatchRule"
        )
    for name in sorted(set(recipe.channels) - set(sent)):
        return (
            f"'{recipe.call}' has a rule for channel '{name}', which no local term sends; add one with "
            f"sends=('{name}',), or leave the channel out"
        )
    for name in _twice(sent):
        return f"two local terms of '{recipe.call}' send channel '{name}'; leave one out"
    return ""


def compared_rows_travel(recipe: Any) -> str:
    """Return which channel's rows would be matched by rows that nobody sends."""
    matched = {name: rule.by for name, rule in recipe.channels.items() if rule.personal}
    for name, by in matched.items():
        if by not in matched:
            return (
                f"channel '{name}' of '{recipe.call}' is matched by the rows of '{by}', which is no channel "
                "of its kind; match it by its own rows, or by those of another MatchRule"
            )
    return ""


def nothing_kept_at_the_server(recipe: Any) -> str:
    """Return why a channel does not go with sites that began long ago."""
    if not recipe.server.arrivals or not recipe.channels:
        return ""
    return (
        f"'{recipe.call}' keeps channel '{min(recipe.channels)}' at the server, where it has moved on before "
        "a site that began long ago reports; leave the channel out, or the buffer"
    )


def models_alone(recipe: Any) -> str:
    """Return what would go past a rule that looks at every model: a faulty site could put it all in there."""
    if hasattr(recipe.rule, "sums"):
        return ""
    past = [f"channel '{name}'" for name in sorted(recipe.channels)]
    past += ["the server's distillation"] if recipe.server.distil else []
    if past:
        return (
            f"rule '{recipe.rule.call}' of '{recipe.call}' judges models, and {past[0]} would go past it; "
            "leave that out, or use weighted_mean"
        )
    if recipe.server.arrivals:
        return (
            f"rule '{recipe.rule.call}' of '{recipe.call}' compares changes from one model, but sites that "
            "are not waited for begin with several; leave the buffer out, or use stale_mean"
        )
    return ""


def something_trains(recipe: Any) -> str:
    """Return why a round would be empty."""
    if recipe.rounds:
        return ""
    return f"no phase of '{recipe.call}' trains; give its schedule one with when='train'"


def all_steps_for_all(recipe: Any) -> str:
    """Return why one number cannot say how far all parameters go."""
    whole = all(phase.trains == "all" for phase in recipe.rounds)
    if whole or "normaliser" not in recipe.rule.needs:
        return ""
    return (
        f"'{recipe.call}' divides by what a round's steps reach, but in phases of a part not all parameters "
        "take them all; leave the schedule out, or use weighted_mean"
    )


def _twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


Reason = Callable[[Any], str]
REASONS: tuple[Reason, ...] = (
    memories_apart,
    one_own_model,
    numbers_meet,
    hooks_meet,
    numbers_known,
    nothing_kept_at_the_server,
    models_alone,
    channels_meet,
    compared_rows_travel,
    something_trains,
    all_steps_for_all,
)
