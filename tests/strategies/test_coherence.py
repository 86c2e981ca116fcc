"""Recipes whose parts do not fit each other are refused when they are made."""

import re
from dataclasses import replace
from typing import Any

import pytest

from isofed.errors import CompositionError
from isofed.strategies.arrivals import arrivals
from isofed.strategies.distillation import Distillation, distilling
from isofed.strategies.local.control import CHANNEL, control_variate
from isofed.strategies.local.dynamic import dynamic
from isofed.strategies.local.envelope import envelope
from isofed.strategies.local.fairness import fairness
from isofed.strategies.local.head_rows import CHANNEL as ROWS
from isofed.strategies.local.head_rows import head_rows
from isofed.strategies.local.mixture import mixture
from isofed.strategies.local.prototypes import prototypes
from isofed.strategies.local.proximal import proximal
from isofed.strategies.local.rectify import CHANNEL as CENTRES
from isofed.strategies.local.rectify import rectify
from isofed.strategies.local.tethered import tethered
from isofed.strategies.local.turned import turned
from isofed.strategies.optimisers import buffered, sgd
from isofed.strategies.recipe import Phase, Recipe
from isofed.strategies.robust.coordinates import median
from isofed.strategies.robust.selection import krum
from isofed.strategies.rules import distance_mean, normalised_mean, q_fair, stale_mean, uniform_mean
from isofed.strategies.tables import MatchRule, TableRule, TreeRule

CONTROLS: Any = {CHANNEL: TreeRule("control_variates")}
MATCHED = MatchRule("identity_centres", CENTRES)
USE = Phase(when="evaluate")

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "one memory twice": ({"local": (dynamic(0.1), dynamic(0.2))}, "remember under one name"),
    "two own models": (
        {"local": (tethered(1.0), mixture(0.5))},
        "'tethered(lam=1.0)' and 'mixture(alpha=0.5, adaptive=False)' of 'a recipe' each keep a model",
    ),
    "two of three own models": (
        {"local": (envelope(1.0, 1, 0.1), proximal(0.1), tethered(1.0))},
        "each keep a model that the site is to use; leave one out",
    ),
    "a number that nobody gives": ({"rule": distance_mean}, "needs the number 'distance', which no local"),
    "a number that nobody needs": ({"local": (fairness(),)}, "gives the number 'square', which its rule"),
    "a number that nobody makes": (
        {
            "rule": replace(uniform_mean, needs=("speed",)),
            "local": (replace(proximal(0.1), gives=("speed",)),),
        },
        "local term 'proximal(mu=0.1)' of 'a recipe' has `gives` and no `numbers`",
    ),
    "a number without a name": (
        {"local": (replace(proximal(0.1), numbers=lambda state, done: {"speed": 1.0}),)},
        "has `numbers` and no `gives`; write both or neither",
    ),
    "a channel that nobody makes": (
        {"local": (replace(control_variate(), finish=None),), "channels": CONTROLS},
        "has `sends` and no `finish`; write both or neither",
    ),
    "an own model that nobody keeps": (
        {"local": (replace(tethered(1.0), remember=None),)},
        "has `personal` and no `remember`; write both or neither",
    ),
    "a number that the rule does not name": (
        {"rule": replace(uniform_mean, factor=lambda own: own["speed"])},
        "the rule of 'a recipe' reads the number 'speed', which it does not name; add it to its `needs`",
    ),
    "a sum that is not made": (
        {"rule": replace(uniform_mean, common=lambda total: total["speed"])},
        "reads the number 'speed', which it does not name",
    ),
    "a number twice": (
        {"rule": distance_mean, "local": (turned(), turned("features"))},
        "two local terms of 'a recipe' give the number 'distance'; leave one out",
    ),
    "a channel without a rule": (
        {"local": (control_variate(),)},
        "sends channel 'control', for which there is no rule; give the recipe channels={'control': ...}",
    ),
    "a rule without a sender": (
        {"channels": CONTROLS},
        "has a rule for channel 'control', which no local term sends; add one with sends=('control',)",
    ),
    "a channel twice": (
        {"local": (rectify(1.0, 4), prototypes(1.0)), "channels": {CENTRES: TableRule("identity_centres")}},
        "two local terms of 'a recipe' send channel 'centres'; leave one out",
    ),
    "rows matched by nothing": (
        {"local": (head_rows(),), "channels": {ROWS: MatchRule("identity_head_rows", CENTRES)}},
        "channel 'rows' of 'a recipe' is matched by the rows of 'centres', which is no channel of its kind",
    ),
    "rows matched by averaged ones": (
        {
            "local": (rectify(1.0, 4), head_rows()),
            "channels": {
                CENTRES: TableRule("identity_centres"),
                ROWS: MatchRule("identity_head_rows", CENTRES),
            },
        },
        "which is no channel of its kind; match it by its own rows",
    ),
    "a channel and late reports": (
        {"local": (control_variate(),), "channels": CONTROLS, "server": buffered(sgd(), arrivals(1, 1))},
        "keeps channel 'control' at the server, where it has moved on",
    ),
    "a channel past a robust rule": (
        {"rule": krum(1), "local": (control_variate(),), "channels": CONTROLS},
        "rule 'krum(f=1)' of 'a recipe' judges models, and channel 'control' would go past it; leave",
    ),
    "a lesson past a robust rule": (
        {"rule": median, "server": distilling(sgd(), Distillation())},
        "judges models, and the server's distillation would go past it; leave that out, or use weighted_mean",
    ),
    "a robust rule and late reports": (
        {"rule": median, "server": buffered(sgd(), arrivals(1, 1))},
        "rule 'median' of 'a recipe' compares changes from one model, but sites that are not waited for",
    ),
    "no training": ({"schedule": (USE,)}, "no phase of 'a recipe' trains"),
    "parts that reach differently far": (
        {"rule": normalised_mean, "schedule": (Phase("head"), Phase("body"))},
        "in phases of a part not all parameters take them all",
    ),
}

FINE: dict[str, dict[str, Any]] = {
    "steps before use reach nowhere": {"rule": normalised_mean, "schedule": (Phase(), USE)},
    "more passes are more steps": {"rule": normalised_mean, "schedule": (Phase(epochs=2),)},
    "an own model and others' memories": {"local": (tethered(1.0), dynamic(0.1), proximal(0.1))},
    "numbers that meet": {"rule": q_fair(1.0, 10.0), "local": (fairness(),)},
    "a rule that cannot divide by 1 - 1": {
        "rule": replace(uniform_mean, factor=lambda own: 1 / (own["loss"] - 1))
    },
    "staleness": {"rule": stale_mean()},
    "a robust rule beside what sites keep": {"rule": krum(), "local": (tethered(1.0), proximal(0.1))},
    "a channel in phases": {
        "local": (control_variate(),),
        "channels": CONTROLS,
        "schedule": (Phase("head"), Phase("body")),
    },
    "rows matched by centres": {
        "local": (rectify(1.0, 4), head_rows()),
        "channels": {CENTRES: MATCHED, ROWS: MatchRule("identity_head_rows", CENTRES)},
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused(case: str) -> None:
    parts, sentence = REFUSED[case]
    with pytest.raises(CompositionError, match=re.escape(sentence)):
        Recipe(**parts)


@pytest.mark.parametrize("case", FINE)
def test_what_makes_sense_is_not_refused_by_its_recipe(case: str) -> None:
    Recipe(**FINE[case])
