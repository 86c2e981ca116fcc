"""Flower's own strategies by name: the half of them that both server and sites know.

What such a strategy computes is done by Flower's class at the server (server/stock.py); here is what a site
has to know of it: its name, its options as they were written, and what it asks of the local training.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from isofed.errors import CompositionError
from isofed.strategies.local.told import told_clipping, told_proximal
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import weighted_mean

PREFIX = "flwr."
INNER = "strategy"  # the option of a wrapper that names the strategy inside
BIT = "norm_bit"
NAMES: Mapping[str, str] = {
    "FedAvg": "the mean of the models, weighted by examples",
    "FedAvgM": "FedAvg with momentum at the server",
    "FedProx": "FedAvg with the proximal term at the clients",
    "FedMedian": "the median of every coordinate",
    "FedTrimmedAvg": "the mean of every coordinate without its extremes",
    "QFedAvg": "q-FedAvg, which weighs clients by their loss",
    "Krum": "the one model nearest to its neighbours",
    "MultiKrum": "the mean of the models nearest to their neighbours",
    "Bulyan": "Krum's selection, then a mean of every coordinate around its median",
    "FedAdagrad": "Adagrad at the server",
    "FedAdam": "Adam at the server",
    "FedYogi": "Yogi at the server",
    "DifferentialPrivacyServerSideFixedClipping": "clips, and adds noise, at the server",
    "DifferentialPrivacyClientSideFixedClipping": "clips at the clients, adds noise at the server",
    "DifferentialPrivacyServerSideAdaptiveClipping": "as server-side clipping, at a norm that it learns",
    "DifferentialPrivacyClientSideAdaptiveClipping": "as client-side clipping, at a norm that it learns",
}
"""The strategies of Flower 1.41 that run here, and what they do in a few words."""

TREES = ("FedXgbBagging", "FedXgbCyclic")  # Flower's strategies that send XGBoost's trees


@dataclass(frozen=True)
class Stock:
    """A strategy of Flower's as it was asked for: its class's name, and its options as they were written."""

    name: str
    options: Mapping[str, Any]

    @property
    def inner(self) -> str | None:
        """The name of the strategy that a wrapper wraps; None for what is no wrapper."""
        named = str(self.options.get(INNER, "")).removeprefix(PREFIX)
        return named if self.name.startswith("DifferentialPrivacy") else None


def stock(name: str, **options: Any) -> Recipe:
    """Return the recipe under which one of Flower's strategies runs unchanged.

    Sites train as for FedAvg and follow what the strategy tells them: a proximal term, or the norm to
    clip at. Parameters pass through the strategy; running statistics never do, they are averaged by examples.

    Args:
        name: of the class in ``flwr.serverapp.strategy``.
        options: what its ``__init__`` takes; the server, which has the class, checks them.

    Raises:
        CompositionError: the strategy is for XGBoost's trees.
    """
    if name in TREES:
        raise CompositionError(
            f"'{PREFIX}{name}' gathers XGBoost's trees, and no task here grows any; use strategy=flwr.FedAvg"
        )
    written = "".join(f", {key}={value!r}" for key, value in sorted(options.items()))
    made = Recipe(f"stock('{name}'{written})", local=(told_proximal(),), stock=Stock(name, dict(options)))
    if name.startswith("DifferentialPrivacyClientSide"):
        bit = name.endswith("AdaptiveClipping")
        rule = replace(weighted_mean, needs=(BIT,)) if bit else weighted_mean
        # last, because it changes what the others trained
        made = replace(made, rule=rule, local=(*made.local, told_clipping(BIT if bit else "")))
    return made


def flowers() -> dict[str, Callable[..., Recipe]]:
    """Return a maker for every name, ``flwr.`` before it."""
    return {f"{PREFIX}{name}": _maker(name) for name in NAMES}


def trees() -> dict[str, Callable[..., Recipe]]:
    """Return the makers for XGBoost's trees, which refuse when they are called."""
    return {f"{PREFIX}{name}": _maker(name) for name in TREES}


def _maker(name: str) -> Callable[..., Recipe]:
    def recipe(**options: Any) -> Recipe:
        return stock(name, **options)

    recipe.__name__ = name
    recipe.__doc__ = f"Flower's own, unchanged: {NAMES.get(name, 'for trees')}."
    return recipe
