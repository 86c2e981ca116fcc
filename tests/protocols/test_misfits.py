"""Which strategies, levels and tasks a privacy step is refused for, to the word."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from isofed.errors import CompositionError
from isofed.protocols.levels import LEVELS
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.privacy import PRIVACY
from isofed.protocols.steps.clip import clip
from isofed.protocols.steps.gaussian import gaussian
from isofed.strategies.named import STRATEGIES
from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import LocalTerm, Recipe
from isofed.strategies.rules import uniform_mean
from isofed.strategies.share import NORMS, all_but, nothing, without
from isofed.strategies.tables import TableRule, TreeRule

UNIFORM = Recipe("uniform()", rule=uniform_mean)
TELLING = LocalTerm("told()", start=lambda given: None, numbers=lambda *of: {"norm": 1.0}, gives=("norm",))
SINGLES = {**vars(UNIFORM), "tables": {}, "rule": SimpleNamespace(equal=True, needs=())}
TASK: Any = SimpleNamespace(name="points", statistics=lambda options: options == "batches")
NOISE = "'gaussian(noise=1.0)'"
RELEASED = f"'{PRIVACY['gaussian'](buffers='released', buffers_share=0.25).steps[-1].call}'"


def sending(name: str, rule: TableRule | TreeRule) -> Recipe:
    term = LocalTerm("told()", start=lambda given: None, sends=(name,), finish=lambda *of: {})
    return replace(UNIFORM, local=(term,), channels={name: rule})


def joined(
    recipe: Recipe,
    privacy: str = "gaussian",
    level: str = "camera",
    options: str = "plain",
    buffers: str = "",
) -> Recipe:
    chosen = {"buffers": buffers, "buffers_share": 0.25} if buffers else {}
    return PRIVACY[privacy](**chosen).on(recipe, LEVELS[level], TASK, options)  # type: ignore[no-any-return]


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "one trainer": (
        {"recipe": UNIFORM, "privacy": "clip", "level": "sharing"},
        "under protocol 'sharing' nothing leaves the one trainer, so that 'clip(norm=1.0)' would protect "
        "nobody; write privacy=none",
    ),
    "centres under a bound": (
        {
            "recipe": sending("centres", TableRule("identity_centres")),
            "privacy": "clip",
        },
        "'clip(norm=1.0)' bounds changes of a model, but strategy 'uniform()' also sends identity centres in "
        "channel 'centres', which are none and would leave as they are; use strategy=fedavg or privacy=none",
    ),
    "weights by examples": (
        {"recipe": Recipe("fedavg()")},
        f"{NOISE} needs every update to weigh the same, but strategy 'fedavg()' weighs them by numbers of "
        "their own, such as examples; use strategy=uniform, or strategy=fedbn strategy.weights=equal where a "
        "model normalises over batches",
    ),
    "single models at the server": (
        {"recipe": replace(UNIFORM, server=replace(sgd(), distil=SimpleNamespace(of="logits")))},
        f"{NOISE} covers the sum of all updates, but strategy 'uniform()' looks at single ones; use "
        "strategy=uniform",
    ),
    "no sums": (
        {"recipe": SimpleNamespace(**SINGLES)},
        f"{NOISE} covers the sum of all updates, but strategy 'uniform()' looks at single ones; use "
        "strategy=uniform",
    ),
    "a private number": (
        {
            "recipe": replace(
                UNIFORM,
                rule=replace(uniform_mean, needs=("norm",)),
                local=(TELLING,),
            )
        },
        f"{NOISE} does not hide the number 'norm', which strategy 'uniform()' needs of every site and which "
        "tells of its data; use strategy=uniform",
    ),
    "a number of the update as it was": (
        {"recipe": STRATEGIES["qfedavg"](), "privacy": "clip"},
        "'clip(norm=1.0)' changes an update after its number 'square' was taken, by which strategy "
        "'qfedavg(q=0.1, L=1.0, count='images')' divides; use strategy=uniform or privacy=none",
    ),
    "running statistics": (
        {"recipe": UNIFORM, "options": "batches"},
        f"{NOISE} hides nothing in running statistics, but strategy 'uniform()' sends those of task 'points' "
        "beside the model; use strategy=fedbn strategy.weights=equal, which keeps them at the sites, or "
        "write privacy.buffers=released",
    ),
    "running statistics beside a head that stays": (
        {"recipe": replace(UNIFORM, share=without("head.")), "options": "batches"},
        f"{NOISE} hides nothing in running statistics, but strategy 'uniform()' sends those of task 'points' "
        "beside the model; use strategy=fedbn strategy.weights=equal, which keeps them at the sites, or "
        "write privacy.buffers=released",
    ),
    "running statistics to release that stay": (
        {"recipe": replace(UNIFORM, share=all_but(NORMS)), "options": "batches", "buffers": "released"},
        f"{RELEASED} hides running statistics on their way, but strategy 'uniform()' keeps them at the "
        "sites; write privacy.buffers=local",
    ),
    "running statistics to release that there are not": (
        {"recipe": UNIFORM, "buffers": "released"},
        f"{RELEASED} hides running statistics on their way, but task 'points' has none; write "
        "privacy.buffers=local",
    ),
    "its own and the run's": (
        {"recipe": replace(UNIFORM, privacy=(clip(1.0),))},
        "strategy 'uniform()' brings privacy steps of its own; write privacy=none",
    ),
}


@pytest.mark.parametrize(("given", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(CompositionError) as refused:
        joined(**given)
    assert str(refused.value) == sentence


def test_flowers_own_strategies_take_no_steps() -> None:
    stock: Any = SimpleNamespace(call="stock('FedAvg')", privacy=(), stock="FedAvg", tables={})
    with pytest.raises(
        CompositionError, match="is Flower's own and is given whole models; use strategy=fedavg"
    ):
        PRIVACY["top_k"]().on(stock, LEVELS["camera"], TASK, None)


@pytest.mark.parametrize(
    ("recipe", "privacy", "options"),
    [
        (UNIFORM, "gaussian", "plain"),
        (replace(UNIFORM, share=all_but(NORMS)), "gaussian", "batches"),
        (replace(UNIFORM, share=nothing), "gaussian", "batches"),  # looked at again on the model itself
        (sending("control", TreeRule("control_variates")), "gaussian", "plain"),
        (Recipe("fedavg()"), "quantise", "batches"),
        (sending("centres", TableRule("identity_centres")), "top_k", "batches"),
        (sending("centres", TableRule("identity_centres")), "none", "batches"),
    ],
)
def test_what_makes_sense_is_not(recipe: Recipe, privacy: str, options: str) -> None:
    found = joined(recipe, privacy, options=options)
    assert [step.call for step in found.privacy] == [step.call for step in PRIVACY[privacy]().steps]


@pytest.mark.parametrize("privacy", ["gaussian", "tree"])
def test_running_statistics_with_noise_of_their_own_are_no_reason(privacy: str) -> None:
    found = joined(UNIFORM, privacy, options="batches", buffers="released")
    assert [step.name for step in found.privacy] == ["clip", privacy, "statistics"]


def test_a_covered_number_is_no_reason() -> None:
    recipe = replace(UNIFORM, rule=replace(uniform_mean, needs=("norm",)), local=(TELLING,))
    pipeline = Pipeline((clip(1.0), replace(gaussian(1.0), covers=("norm",))))
    assert pipeline.on(recipe, LEVELS["camera"], TASK, "plain").privacy == pipeline.steps


def test_a_recipes_own_steps_are_checked_as_the_runs_are() -> None:
    own = replace(UNIFORM, privacy=(clip(1.0), gaussian(1.0)))
    assert joined(own, "none").privacy == own.privacy
    with pytest.raises(CompositionError, match="hides nothing in running statistics"):
        joined(own, "none", options="batches")
    with pytest.raises(CompositionError, match="needs a bound on every update"):
        joined(replace(UNIFORM, privacy=(gaussian(1.0),)), "none")
