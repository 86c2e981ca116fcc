"""How comparisons fell out at every sensor, for each start and way: counts from every seed, added up."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from isofed.client.place import EVALUATOR, Place
from isofed.files import write_json
from isofed.simulations.experiments.vein.found import NAMES, ZERO
from isofed.simulations.experiments.vein.plans import FEDERATED, LOCAL, PRETRAINED, Arm
from isofed.simulations.federation import Federation
from isofed.simulations.pictures import final, plain
from isofed.tasks.vein.layouts.opening import Tests
from isofed.tasks.vein.layouts.owners import UNSEEN

FILE, BEFORE = "scores.json", "scores_before.json"
DIGITS = 6
Curves = Mapping[str, Mapping[str, Any]]  # by sensor


@dataclass(frozen=True)
class Ask:
    """One model to be measured.

    Attributes:
        row: of the experiment's table.
        federation: whose model; its folder keeps what was found.
        site: measured on that site's sensor and on unseen ones alone; empty for all.
        first: whether it is the model before the first round.
    """

    row: str
    federation: Federation
    site: str = ""
    first: bool = False

    @property
    def place(self) -> Path:
        """Where the answer lies."""
        return self.federation.folder / (BEFORE if self.first else FILE)


def asks(arms: Iterable[Arm]) -> Iterator[Ask]:
    """Yield the models of all runs, and those that fine-tuning begins with."""
    for arm in arms:
        yield Ask(NAMES[arm.start, arm.way], arm.federation, arm.site if arm.way == LOCAL else "")
        if (arm.start, arm.way) == (PRETRAINED, FEDERATED):
            yield Ask(ZERO, arm.federation, first=True)


def answer(ask: Ask) -> Curves:
    """Return a model's score histograms and DET curves by sensor; they are kept beside its run."""
    if ask.place.exists():
        return dict(json.loads(ask.place.read_text()))
    shop = ask.federation.workshop()
    task, options = shop.setting.task, shop.setting.options
    if ask.first:
        model: Any = shop.model.eval()
        tests = shop.test_data(Place.of(ask.federation.nodes()[EVALUATOR].config))
    else:
        model, tests = final(shop, ask.federation)
    wanted = {n: t for n, t in tests.sets.items() if not ask.site or n == ask.site or n.startswith(UNSEEN)}
    assert task.scores is not None
    found = plain(task.scores(task.evaluate(model, Tests(wanted), options)))
    write_json(ask.place, found)
    return found


def together(rows: Sequence[str], found: Sequence[Curves]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return by sensor and row the sums of counts, and FRR at each FAR as a mean over seeds.

    Thresholds of two models do not compare, so error rates are averaged at a FAR, never at a threshold. Of
    sites that train alone, so are those that were measured on the same unseen sensor.
    """
    each: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row, curves in zip(rows, found, strict=True):
        for sensor, curve in curves.items():
            each.setdefault(sensor, {}).setdefault(row, []).append(curve)
    return {
        sensor: {row: _joined(curves) for row, curves in by_row.items()}
        for sensor, by_row in sorted(each.items(), key=lambda named: (named[0].startswith(UNSEEN), named[0]))
    }


def _joined(curves: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    frr = [dict(zip(curve["far"], curve["frr"], strict=True)) for curve in curves]
    fars = sorted(set.intersection(*(set(each) for each in frr)))
    return {
        "edges": list(curves[0]["edges"]),
        **{kind: _sums([curve[kind] for curve in curves]) for kind in ("genuine", "impostor")},
        "far": fars,
        "frr": [round(fmean(each[far] for each in frr), DIGITS) for far in fars],
    }


def _sums(rows: Sequence[Sequence[int]]) -> list[int]:
    return [sum(values) for values in zip(*rows, strict=True)]
