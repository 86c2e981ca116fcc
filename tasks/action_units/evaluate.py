"""The evaluator's measurement: which units were found on which database, as sums that merge over folds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.action_units import counts, frozen
from isofed.tasks.action_units.labels import unpacked
from isofed.tasks.action_units.layouts.databases import DATABASES
from isofed.tasks.action_units.layouts.motions import TestClips
from isofed.tasks.action_units.model import UNITS
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.action_units.training import fed
from isofed.tasks.task import Measure, Statistics

CHUNK = 32  # clips that go through the network at a time
BRANCHES = ("mean", "magnified", "flow")  # whose logits say what is there; the first is the task's answer

MEASURES = (
    Measure("macro F1", "macro F1: mean over units of both classes' mean F1, of all clips pooled (CD6ME)"),
    Measure("binary F1", "binary F1: mean over units of F1 of the clips that show it, pooled"),
    Measure("macro by fold", "macro by fold: macro F1 of each tested database, then their mean"),
    Measure("binary by fold", "binary by fold: binary F1 of each tested database, then their mean"),
    Measure("macro magnified", "macro magnified: macro F1 of the magnified branch alone"),
    Measure("macro flow", "macro flow: macro F1 of the flow branch alone"),
)


def measure(model: Any, test: TestClips, options: ActionUnitOptions) -> Statistics:
    """Return counts by database, unit and branch; a unit is said to be there where its logit is above 0."""
    said = through(model, test.inputs, len(test))
    return _counted(test, {branch: logits > 0 for branch, logits in said.items()})


def through(model: Any, clips: Any, count: int) -> dict[str, NDArray[np.float32]]:
    """Return (N, 12) logits by branch.

    Args:
        model: in evaluation mode; computed where it lies.
        clips: as a layout's readers give them.
        count: N.
    """
    device, found = next(model.parameters()).device, {branch: [_nothing()] for branch in BRANCHES}
    with torch.inference_mode():
        for at in range(0, count, CHUNK):
            inputs = fed(clips[np.arange(at, min(at + CHUNK, count))])
            output = model(torch.from_numpy(inputs).to(device))
            for branch, logits in zip(BRANCHES, (output.logits, output.magnified, output.flow), strict=True):
                found[branch].append(logits.float().cpu().numpy())
    return {branch: np.concatenate(parts) for branch, parts in found.items()}


def _nothing() -> NDArray[np.float32]:
    return np.zeros((0, len(UNITS)), np.float32)


def _counted(test: TestClips, said: Mapping[str, NDArray[np.bool_]]) -> dict[str, float]:
    marks = unpacked(test.labels) > 0
    found: dict[str, float] = {}
    for place in np.unique(test.databases).tolist():
        rows, key = test.databases == place, list(DATABASES)[place]
        for branch, there in said.items():
            found |= counts.named(counts.counted(marks[rows], there[rows]), key, branch)
    return found


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``mean`` and ``spread`` over units, and every unit's own numbers as ``at AU4`` and so on.

    ``macro F1`` and ``binary F1`` pool the clips of all tested databases and then average over units;
    ``... by fold`` average over units and databases of equal weight. With one database they agree, and
    the counts of six folds, merged, give CD6ME's two tables. A unit that a database does not show has a
    binary F1 of 0 there, whoever is asked.

    Raises:
        DataError: these are no sums of such counts.

    Source: Varanka et al., "Data Leakage and Evaluation Issues in Micro-Expression Analysis", 2023.
    """
    each = by_unit(statistics)
    rows = {f"at AU{unit}": {n: float(v[row]) for n, v in each.items()} for row, unit in enumerate(UNITS)}
    return {
        "mean": {name: float(values.mean()) for name, values in each.items()},
        "spread": {name: float(values.std(ddof=1)) for name, values in each.items()},
        **rows,
    }


def by_unit(statistics: Statistics) -> dict[str, NDArray[np.float64]]:
    """Return each measure's (12,) values, one a unit."""
    databases, answer = counts.of(statistics, BRANCHES[0])
    if not databases:
        raise DataError("these are no counts of action units; expected those of an evaluation of this task")
    pooled: dict[str, NDArray[np.int64]] = {
        branch: counts.of(statistics, branch)[1].sum(0) for branch in BRANCHES
    }
    return {
        "macro F1": counts.macro(pooled["mean"]),
        "binary F1": counts.f1(pooled["mean"]),
        "macro by fold": counts.macro(answer).mean(0),
        "binary by fold": counts.f1(answer).mean(0),
        "macro magnified": counts.macro(pooled["magnified"]),
        "macro flow": counts.macro(pooled["flow"]),
    }


def always(there: bool) -> Callable[[TestClips, ActionUnitOptions], Statistics]:
    """Return the measurement of who says of every clip and unit the same: what no learning gives."""

    def measured(test: TestClips, options: ActionUnitOptions) -> Statistics:
        said = np.full((len(test), len(UNITS)), there)
        return _counted(test, dict.fromkeys(BRANCHES, said))

    return measured


def described(layout: str, options: ActionUnitOptions) -> Mapping[str, Any]:
    """Return what is evaluated: the protocol, the database left out, the magnifier, what spreads are over."""
    return {
        "benchmark": layout,
        "protocol": "CD6ME, one database left out; a unit is found where the mean logit is above 0",
        "magnifier": frozen.told(options.magnifier),
        "spread_over": "action units",
    }
