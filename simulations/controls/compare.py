"""Arithmetic over finished runs: rows, differences seed by seed, and which claims hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from isofed.simulations.controls.listed import ALONE, SHUFFLED
from isofed.simulations.plan import FEDERATED

MEASURES = ("mAP", "R1")
RAW, CHANCE = "raw pixels", "random features"
SEEDS, DRAWS = "seeds", "gallery draws"
OF_GAIN = 0.1  # share of the federation's gain over chance that counts as none


@dataclass(frozen=True)
class Outcome:
    """What one finished run gave: measures from 0 to 1, their spread over draws, steps of all sites."""

    mean: Mapping[str, float]
    spread: Mapping[str, float]
    steps: int


def outcome(result: Mapping[str, Any]) -> Outcome:
    """Read a federation's result: the last round's model."""
    history = result["history"]
    # None where the server holds only a part of the model
    metrics = {"mean": {}, "spread": {}} | (history[-1]["metrics"] or {})
    steps = sum(int(s) for entry in history for s in entry.get("steps", {}).values())
    return Outcome(metrics["mean"], metrics["spread"], steps)


def row(name: str, what: str, found: Mapping[Any, Outcome]) -> dict[str, Any]:
    """Return one row: mean over the seeds, with the sample standard deviation over them.

    A single seed has none; its spread is that over gallery draws, which is another thing, and
    ``spread_over`` says which. ``steps`` is the mean over seeds; ``seeds`` is None where no seed matters.
    """
    seeds = len(found)
    return {
        "name": name,
        "what": what,
        "seeds": None if None in found else seeds,
        "steps": round(fmean(o.steps for o in found.values())),
        "spread_over": SEEDS if seeds > 1 else DRAWS,
        **{key: _measure(key, list(found.values())) for key in MEASURES if key in _first(found).mean},
    }


def _first(found: Mapping[Any, Outcome]) -> Outcome:
    return next(iter(found.values()))


def _measure(key: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if len(outcomes) == 1:
        return {"mean": outcomes[0].mean[key], "spread": outcomes[0].spread[key]}
    each = [o.mean[key] for o in outcomes]
    return {"mean": fmean(each), "spread": stdev(each), "each": each}


def pair(
    shows: str, name: str, full: Mapping[int, Outcome], ablated: Mapping[int, Outcome]
) -> dict[str, Any]:
    """Return full minus ablated, the difference taken within each seed: d_k = full_k - ablated_k.

    Args:
        shows: what the full run has and the ablated one lacks.
        name: the ablated control's.
        full: outcomes by seed.
        ablated: outcomes by seed; only seeds that both have are compared.

    Returns:
        ``difference_mAP`` and so on with mean, sample standard deviation, number of ``seeds`` and ``each``.
    """
    seeds = sorted(full.keys() & ablated.keys())
    compared: dict[str, Any] = {"name": f"{shows}: {FEDERATED} minus {name}", "shows": shows}
    for key in (k for k in MEASURES if k in _first(full).mean):
        each = [full[seed].mean[key] - ablated[seed].mean[key] for seed in seeds]
        spread = stdev(each) if len(each) > 1 else 0.0
        compared[f"difference_{key}"] = {
            "mean": fmean(each),
            "spread": spread,
            "seeds": len(each),
            "each": each,
        }
    return compared


def verdicts(rows: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the claims that can be judged, each with ``holds`` and the numbers ``found``, in mAP."""
    level = {r["name"]: r["mAP"]["mean"] for r in rows if "mAP" in r}
    if FEDERATED not in level:
        return []
    judged = [*_against_alone(level), *_against_pixels(level), *_against_chance(level)]
    return [*judged, *(_helps(p) for p in pairs if "difference_mAP" in p)]


Verdicts = Iterator[dict[str, Any]]


def _against_alone(level: Mapping[str, float]) -> Verdicts:
    single = {name: value for name, value in level.items() if name.endswith(ALONE)}
    if single:
        best = max(single, key=lambda name: single[name])
        claim = "the federation beats each site alone with as many steps"
        found = f"federated {_percent(level[FEDERATED])}, best: {best} {_percent(single[best])}"
        yield _verdict(claim, level[FEDERATED] > single[best], found)


def _against_pixels(level: Mapping[str, float]) -> Verdicts:
    if RAW in level:
        claim = "raw pixels stay below half of the federation"
        found = f"federated {_percent(level[FEDERATED])}, {RAW} {_percent(level[RAW])}"
        yield _verdict(claim, level[RAW] < level[FEDERATED] / 2, found)


def _against_chance(level: Mapping[str, float]) -> Verdicts:
    if SHUFFLED in level and CHANCE in level:
        gain = level[FEDERATED] - level[CHANCE]
        claim = (
            f"shuffled labels stay at chance (gain over a random ranking below {OF_GAIN:.0%} of federated's)"
        )
        found = (
            f"{SHUFFLED} {_percent(level[SHUFFLED])}, {CHANCE} {_percent(level[CHANCE])}, "
            f"federated {_percent(level[FEDERATED])}"
        )
        yield _verdict(claim, level[SHUFFLED] - level[CHANCE] < OF_GAIN * gain, found)


def _helps(compared: Mapping[str, Any]) -> dict[str, Any]:
    given = compared["difference_mAP"]
    shown = ", ".join(f"{100 * d:+.1f}" for d in given["each"])
    found = f"points by seed: {shown}; mean {100 * given['mean']:+.1f} ± {100 * given['spread']:.1f}"
    return _verdict(f"{compared['shows']} helps with every seed", min(given["each"]) > 0, found)


def _verdict(claim: str, holds: bool, found: str) -> dict[str, Any]:
    return {"claim": f"{claim}, in mAP", "holds": holds, "found": found}


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
