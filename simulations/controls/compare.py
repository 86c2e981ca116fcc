"""Arithmetic over finished runs: rows, differences seed by seed, and which claims hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from isofed.simulations.controls.listed import ALONE, SHUFFLED
from isofed.simulations.controls.scale import CHANCE, RAW, REID, Scale
from isofed.simulations.plan import FEDERATED

SEEDS = "seeds"
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
    steps = sum(int(s) for entry in history for s in entry.get("steps", {}).values())
    return _measured(history[-1], steps)


def before(result: Mapping[str, Any]) -> Outcome:
    """Read a federation's result: the model that nobody trained yet."""
    return _measured(result["history"][0], 0)


def _measured(entry: Mapping[str, Any], steps: int) -> Outcome:
    # None where the server holds only a part of the model
    metrics = {"mean": {}, "spread": {}} | (entry["metrics"] or {})
    return Outcome(metrics["mean"], metrics["spread"], steps)


def row(name: str, what: str, found: Mapping[Any, Outcome], scale: Scale = REID) -> dict[str, Any]:
    """Return one row: mean over the seeds, with the sample standard deviation over them.

    A single seed has none; its spread is that over gallery draws, or over what the scale says, which is
    another thing, and ``spread_over`` says which. ``steps`` is the mean over seeds; ``seeds`` is None where
    no seed matters.
    """
    seeds = len(found)
    return {
        "name": name,
        "what": what,
        "seeds": None if None in found else seeds,
        "steps": round(fmean(o.steps for o in found.values())),
        "spread_over": SEEDS if seeds > 1 else scale.over,
        **{key: _measure(key, list(found.values())) for key in scale.names if key in _first(found).mean},
    }


def _first(found: Mapping[Any, Outcome]) -> Outcome:
    return next(iter(found.values()))


def _measure(key: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    if len(outcomes) == 1:
        return {"mean": outcomes[0].mean[key], "spread": outcomes[0].spread[key]}
    each = [o.mean[key] for o in outcomes]
    return {"mean": fmean(each), "spread": stdev(each), "each": each}


def pair(
    shows: str, name: str, full: Mapping[int, Outcome], ablated: Mapping[int, Outcome], scale: Scale = REID
) -> dict[str, Any]:
    """Return full minus ablated, the difference taken within each seed: d_k = full_k - ablated_k.

    Args:
        shows: what the full run has and the ablated one lacks.
        name: the ablated control's.
        full: outcomes by seed.
        ablated: outcomes by seed; only seeds that both have are compared.
        scale: whose measures are compared.

    Returns:
        ``difference_mAP`` and so on with mean, sample standard deviation, number of ``seeds`` and ``each``.
    """
    seeds = sorted(full.keys() & ablated.keys())
    compared: dict[str, Any] = {"name": f"{shows}: {FEDERATED} minus {name}", "shows": shows}
    for key in (k for k in scale.names if k in _first(full).mean):
        each = [full[seed].mean[key] - ablated[seed].mean[key] for seed in seeds]
        spread = stdev(each) if len(each) > 1 else 0.0
        compared[f"difference_{key}"] = {
            "mean": fmean(each),
            "spread": spread,
            "seeds": len(each),
            "each": each,
        }
    return compared


def verdicts(
    rows: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]], scale: Scale = REID
) -> list[dict[str, Any]]:
    """Return the claims that can be judged, each with ``holds`` and the numbers ``found``, in one measure."""
    main = scale.main.name
    level = {r["name"]: r[main]["mean"] for r in rows if main in r}
    if FEDERATED not in level:
        return []
    judged = [found for claim in CLAIMS for found in claim(level, scale)]
    return [*judged, *(_helps(p, scale) for p in pairs if f"difference_{main}" in p)]


Verdicts = Iterator[dict[str, Any]]


def _against_alone(level: Mapping[str, float], scale: Scale) -> Verdicts:
    single = {name: value for name, value in level.items() if name.endswith(ALONE)}
    if single:
        best = max(single, key=lambda name: scale.gain(single[name], 0.0))
        claim = "the federation beats each site alone with as many steps"
        found = f"federated {_percent(level[FEDERATED])}, best: {best} {_percent(single[best])}"
        yield _verdict(claim, scale.gain(level[FEDERATED], single[best]) > 0, found, scale)


def _against_pixels(level: Mapping[str, float], scale: Scale) -> Verdicts:
    if RAW in level:
        worse, better = level[RAW], level[FEDERATED]
        claim, holds = f"{RAW} stay below half of the federation", worse < better / 2
        if scale.main.lower:
            claim, holds = f"{RAW} have more than twice the federation's errors", worse > 2 * better
        found = f"federated {_percent(level[FEDERATED])}, {RAW} {_percent(level[RAW])}"
        yield _verdict(claim, holds, found, scale)


def _against_nothing(level: Mapping[str, float], scale: Scale) -> Verdicts:
    if SHUFFLED in level and scale.nothing in level:
        floor = level[scale.nothing]
        gain = scale.gain(level[FEDERATED], floor)
        chance = scale.nothing == CHANCE
        claim = f"{SHUFFLED} {'stay at chance' if chance else 'teach nothing'} (gain over "
        claim += f"{'a random ranking' if chance else 'no training'} below {OF_GAIN:.0%} of federated's)"
        found = (
            f"{SHUFFLED} {_percent(level[SHUFFLED])}, {scale.nothing} {_percent(floor)}, "
            f"federated {_percent(level[FEDERATED])}"
        )
        yield _verdict(claim, scale.gain(level[SHUFFLED], floor) < OF_GAIN * gain, found, scale)


CLAIMS = (_against_alone, _against_pixels, _against_nothing)


def _helps(compared: Mapping[str, Any], scale: Scale) -> dict[str, Any]:
    given = compared[f"difference_{scale.main.name}"]
    shown = ", ".join(f"{100 * d:+.1f}" for d in given["each"])
    found = f"points by seed: {shown}; mean {100 * given['mean']:+.1f} ± {100 * given['spread']:.1f}"
    holds = min(scale.gain(d, 0.0) for d in given["each"]) > 0
    return _verdict(f"{compared['shows']} helps with every seed", holds, found, scale)


def _verdict(claim: str, holds: bool, found: str, scale: Scale) -> dict[str, Any]:
    return {"claim": f"{claim}, in {scale.main.name}", "holds": holds, "found": found}


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"
