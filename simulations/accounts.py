"""What a run has told of a site, and of the units at each: (ε, δ), by which accountant, and what beside."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isofed.client.budget import Budget, spent
from isofed.client.place import BUDGET
from isofed.errors import ConfigError
from isofed.protocols.accounts.epsilon import PRV, epsilon
from isofed.protocols.accounts.sites import Schedule, spends
from isofed.protocols.pipeline import Pipeline
from isofed.setting import Setting

BESIDE = {
    "public": ["who took part in which round", "examples, steps and loss of each site's round"],
    "secret": [
        "nothing, as long as the run's history and report, which say who took part, stay at the server"
    ],
}
ANSWERED = "bytes"  # in a round's entry, by site that was asked


def of_server(
    setting: Setting, history: Iterable[Mapping[str, Any]], population: int
) -> dict[str, Any] | None:
    """Return how far the server's noise hid whole sites, or None where it hid none.

    Args:
        setting: of the run.
        history: entries of its rounds, which name the sites that were asked.
        population: N, sites that could have been.
    """
    rounds = [entry for entry in history if entry["round"]]
    asked: dict[str, list[int]] = {}
    for entry in rounds:
        for site in entry.get(ANSWERED, {}):
            asked.setdefault(site, []).append(entry["round"])
    return promised(setting, len(rounds), population, asked)


def promised(setting: Setting, rounds: int, population: int, asked: Schedule) -> dict[str, Any] | None:
    """Return what the server's noise promises a site after some rounds, or None.

    Args:
        setting: of the run.
        rounds: done.
        population: N.
        asked: rounds in which each site was asked; not looked at where that is secret.
    """
    promise = Pipeline(setting.recipe.privacy).promise
    if promise is None:
        return None
    steps = spends(promise, rounds, max(population, 1), setting.cohort, asked)
    return {
        "unit": "site",
        "mechanism": promise.mechanism,
        "noise": promise.noise,
        "sampling": promise.sampling,
        "epsilon": _epsilon(steps, promise.delta),
        "delta": promise.delta,
        "accountant": PRV,
        "neighbours": "one site's updates are zeros, or are not",
        "released": BESIDE[promise.sampling],
    }


def _epsilon(steps: Sequence[Any], delta: float) -> float | None:
    """Return ε, or None where the library that finds it is not installed: a run does not end for that."""
    try:
        return epsilon(steps, delta)
    except ConfigError:
        return None


def of_sites(setting: Setting, homes: Path, names: Sequence[str]) -> dict[str, Any] | None:
    """Return what each simulated site's account says, and of each unit the most; None where there is none.

    Args:
        setting: of the run.
        homes: folder with one of each site's.
        names: of the sites.
    """
    dp = setting.dp
    if dp is None:
        return None
    charges = {name: Budget(homes / name / BUDGET).charges() for name in sorted(names)}
    found = {name: spent(each, dp.delta, dp.accountant) for name, each in charges.items()}
    units = sorted({unit for each in found.values() for unit in each})
    return {
        "mechanism": "dp-sgd",
        "delta": dp.delta,
        "accountant": dp.accountant,
        "neighbours": "a site has one unit more, or has not",
        "epsilon": {unit: max(each.get(unit, 0.0) for each in found.values()) for unit in units},
        "each": found,
        "released": ["steps", *dp.released],
    }


def told(summary: Mapping[str, Any]) -> list[str]:
    """Return both in a sentence each, none where nothing was hidden."""
    accounts, lines = summary.get("privacy_accounts") or {}, []
    server, sites = accounts.get("server"), accounts.get("sites") or {}
    for unit, value in sites.get("epsilon", {}).items():
        lines.append(
            f"every {unit} of a site: epsilon {value:.3g} at most, at delta {sites['delta']:g} "
            f"({sites['mechanism']}, {sites['accountant']}); beside it leave {', '.join(sites['released'])}"
        )
    if server:
        value = server["epsilon"]
        known = "not computed (pip install 'isofed[dp]')" if value is None else f"{value:.3g}"
        lines.append(
            f"every site: epsilon {known} at delta {server['delta']:g} ({server['mechanism']} noise at the "
            f"server, {server['accountant']}, {server['sampling']} draws), from whoever sees the models but "
            f"not from the server; beside it stands {'; '.join(server['released'])}"
        )
    return lines
