"""What the runs gave: every start and way over seeds, the differences, and which expectations hold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from statistics import fmean
from typing import Any

from isofed.simulations.experiments.interval import FORMULA, Interval, interval, paired
from isofed.simulations.experiments.vein.plans import (
    FEDERATED,
    LOCAL,
    POOLED,
    PRETRAINED,
    SCRATCH,
    STARTS,
    WAYS,
    Arm,
)
from isofed.tasks.vein.layouts.owners import UNSEEN

AT, BY = "at ", " by "  # before a sensor's name in a round's metrics; before who measured on an unseen one
ZERO = "pretrained, not fine-tuned"
MEASURES = ("EER", "TAR@1e-2", "TAR@1e-3", "rank-1")
SEPARATION = "d'"  # no fraction: told sensor by sensor alone
LOWER = frozenset({"EER"})
EXPECTED = 0.05  # five points of EER
NAMES = {
    (SCRATCH, LOCAL): "from scratch, each site alone",
    (SCRATCH, FEDERATED): "from scratch, federated",
    (SCRATCH, POOLED): "from scratch, pooled",
    (PRETRAINED, LOCAL): "pretrained, each site alone",
    (PRETRAINED, FEDERATED): "pretrained, federated",
    (PRETRAINED, POOLED): "pretrained, pooled",
}
# (what is shown, the better, the base)
COMPARED = (
    *(
        (f"pretraining, {words}", NAMES[PRETRAINED, way], NAMES[SCRATCH, way])
        for way, words in ((LOCAL, "each site alone"), (FEDERATED, "federated"), (POOLED, "pooled"))
    ),
    ("fine-tuning, each site alone", NAMES[PRETRAINED, LOCAL], ZERO),
    *(
        (f"federation against each site alone, {start}", NAMES[start, FEDERATED], NAMES[start, LOCAL])
        for start in STARTS
    ),
    *(
        (f"pooling against federation, {start}", NAMES[start, POOLED], NAMES[start, FEDERATED])
        for start in STARTS
    ),
)
Metrics = Mapping[str, Mapping[str, float]]  # by sensor
Level = Mapping[str, Mapping[int, Metrics]]  # by row, by seed


def gathered(arms: Sequence[Arm], before: str, results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the numbers of the experiment, as plain values: fractions, each with its interval over seeds.

    Args:
        arms: all runs but the pretraining.
        before: name of the pretraining.
        results: by name.
    """
    level = levels(arms, results)
    seen = sorted({arm.site for arm in arms if arm.site})
    every = [*seen, *_unseen_sensors(level)]
    rows = [_row(name, seeds, seen, every) for name, seeds in level.items()]
    differences = [
        d for what, better, base in COMPARED for d in _differences(what, level, better, base, seen)
    ]
    return {
        "formula": FORMULA,
        "seeds": sorted({arm.seed for arm in arms}),
        "sites": seen,
        "sensors": every,
        "rows": rows,
        "differences": differences,
        "verdicts": list(verdicts(differences)),
        "losses": losses(arms, before, results),
    }


def levels(arms: Sequence[Arm], results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[int, Metrics]]:
    """Return every row's measures by seed and sensor.

    Of sites that train alone each is measured on its own sensor, and what is unseen is the mean of all of
    them. Before the first round, a pretrained federation holds what is not fine-tuned.
    """
    found: dict[str, dict[int, Metrics]] = {name: {} for name in (*_scratch(), ZERO, *_pretrained())}
    for arm in arms:
        history = results[arm.federation.name]["history"]
        own = _sensors(history[-1]["metrics"])
        if arm.way == LOCAL:
            own = {name: values for name, values in own.items() if name == arm.site or _unseen(name)}
        if (arm.start, arm.way) == (PRETRAINED, FEDERATED):
            found[ZERO][arm.seed] = _sensors(history[0]["metrics"])
        seeds = found[NAMES[arm.start, arm.way]]
        seeds[arm.seed] = _joined(seeds.get(arm.seed, {}), own, arm.site)
    return found


def _scratch() -> list[str]:
    return [NAMES[SCRATCH, way] for way in WAYS]


def _pretrained() -> list[str]:
    return [NAMES[PRETRAINED, way] for way in WAYS]


def _sensors(metrics: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    return {kind.removeprefix(AT): values for kind, values in metrics.items() if kind.startswith(AT)}


def _unseen(sensor: str) -> bool:
    return sensor.startswith(UNSEEN)


def _unseen_sensors(level: Level) -> list[str]:
    every = {
        sensor.partition(BY)[0] for seeds in level.values() for found in seeds.values() for sensor in found
    }
    return sorted(sensor for sensor in every if _unseen(sensor))


def _joined(known: Metrics, own: Metrics, site: str) -> dict[str, Mapping[str, float]]:
    """Add a site's measures; what it says of unseen sensors is kept beside what others say."""
    return {
        **known,
        **{f"{name}{BY}{site}" if site and _unseen(name) else name: v for name, v in own.items()},
    }


def over(seeds: Mapping[int, Metrics], measure: str, takes: Callable[[str], bool]) -> dict[int, float]:
    """Return by seed the mean of a measure over the sensors that ``takes`` takes; none where one lacks it."""
    found = {}
    for seed, sensors in sorted(seeds.items()):
        values = [found_at.get(measure) for name, found_at in sensors.items() if takes(name)]
        if values and None not in values:
            found[seed] = fmean(value for value in values if value is not None)
    return found


def _measured(
    seeds: Mapping[int, Metrics], takes: Callable[[str], bool], measures: Sequence[str] = MEASURES
) -> dict[str, Any]:
    each = {measure: over(seeds, measure, takes) for measure in measures}
    return {name: _plain(interval(values.values())) for name, values in each.items() if values}


def _row(
    name: str, seeds: Mapping[int, Metrics], sites: Sequence[str], sensors: Sequence[str]
) -> dict[str, Any]:
    return {
        "name": name,
        "seen": _measured(seeds, lambda sensor: sensor in sites),
        "unseen": _measured(seeds, _unseen),
        "sensors": {
            sensor: _measured(seeds, partial(_is, sensor), (*MEASURES, SEPARATION)) for sensor in sensors
        },
    }


def _is(sensor: str, name: str) -> bool:
    return name.partition(BY)[0] == sensor


def _plain(value: Interval) -> dict[str, Any]:
    return {**asdict(value), "each": list(value.each)}


def _differences(
    what: str, level: Level, better: str, base: str, sites: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Yield the gains, positive where the better is better: absolute ones, and the mean as a share."""
    for where, takes in (("seen", lambda sensor: sensor in sites), ("unseen", _unseen)):
        for measure in MEASURES:
            new, old = (over(level[name], measure, takes) for name in (better, base))
            if not new or new.keys() != old.keys():
                continue
            sides = (old, new) if measure in LOWER else (new, old)
            gain = paired(*(side.values() for side in sides))
            mean = fmean(old.values())
            yield {
                "what": what,
                "where": where,
                "measure": measure,
                "better": better,
                "base": base,
                "absolute": _plain(gain),
                "relative": gain.mean / mean if mean else None,
            }


def verdicts(differences: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the expectations, each with ``holds``, and ``shown`` where the whole interval lies beyond it."""
    wanted = (
        (NAMES[PRETRAINED, LOCAL], NAMES[SCRATCH, LOCAL], EXPECTED),
        (NAMES[PRETRAINED, FEDERATED], NAMES[PRETRAINED, LOCAL], 0.0),
        (NAMES[SCRATCH, FEDERATED], NAMES[SCRATCH, LOCAL], 0.0),
    )
    for better, base, least in wanted:
        for d in differences:
            if (d["better"], d["base"], d["measure"], d["where"]) == (better, base, "EER", "seen"):
                gain = d["absolute"]
                ends = gain["half"] is not None and gain["mean"] - gain["half"] >= least
                more = f"at least {100 * least:.0f} points of EER" if least else "better in EER"
                yield {
                    "claim": f"{better} is {more}{' better' if least else ''} than {base}",
                    "holds": gain["mean"] >= least and gain["mean"] > 0,
                    "shown": ends,
                    "gain": gain,
                    "relative": d["relative"],
                }


def losses(
    arms: Sequence[Arm], before: str, results: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[list[float]]]:
    """Return (round, mean over seeds and sites, of the training loss) of what is drawn as curves."""
    kinds: dict[str, list[str]] = {"pretraining": [before]}
    for arm in arms:
        kinds.setdefault(NAMES[arm.start, arm.way], []).append(arm.federation.name)
    return {kind: _curve([results[name]["history"] for name in names]) for kind, names in kinds.items()}


def _curve(histories: Sequence[Sequence[Mapping[str, Any]]]) -> list[list[float]]:
    by_round: dict[int, list[float]] = {}
    for entry in (entry for history in histories for entry in history if entry.get("loss")):
        by_round.setdefault(int(entry["round"]), []).extend(map(float, entry["loss"].values()))
    return [[at, fmean(values)] for at, values in sorted(by_round.items())]
