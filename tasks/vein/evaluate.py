"""The evaluator's measurement: every comparison that a rule asks for, as numbers that add up over sites.

Statistics are named ``sensor:name``, a tally for each sensor whose subjects are tested; see
tasks/vein/benchmarks/tally.py.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from statistics import NormalDist, fmean, stdev
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from isofed.seeds import public
from isofed.tasks.task import Measure, Scores, Statistics
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.benchmarks.exact import enough
from isofed.tasks.vein.benchmarks.tally import Tally, edges, from_scalars
from isofed.tasks.vein.layouts.halves import TestSet
from isofed.tasks.vein.layouts.opening import Tests
from isofed.tasks.vein.layouts.owners import UNSEEN
from isofed.tasks.vein.model import prepared
from isofed.tasks.vein.options import VeinOptions

CHUNK = 64  # pictures that go through the network at a time
OF = ":"  # between a sensor's name and that of a number of its tally
RANDOM_WIDTH = 256
DRAWN = 128  # bins of a histogram that is shown
ENDS, POINTS = (1e-4, 0.9), 81  # of a DET curve's FARs
POOL = 5  # pixels averaged to one where raw pixels are compared
Pictures = NDArray[np.uint8]
Singles = NDArray[np.float32]
Embed = Callable[[Pictures], torch.Tensor]

MEASURES = (
    Measure("EER", "EER: share of errors where as many own fingers are refused as impostors accepted", True),
    Measure("TAR@1e-2", "TAR@1e-2: share of own fingers accepted where one impostor in 100 is"),
    Measure("TAR@1e-3", "TAR@1e-3: where one in 1,000 is"),
    Measure("TAR@1e-4", "TAR@1e-4: where one in 10,000 is"),
    Measure("rank-1", "rank-1: share of probes whose own finger is the most alike of all enrolled"),
    Measure("d'", "d': distance of the two means of scores in standard deviations", fraction=False),
)


def embed(model: Any, pixels: Pictures) -> Singles:
    """Return the embeddings of pictures, (N, H, W) uint8 to (N, D), not normalised.

    Args:
        model: a `VeinNet` in evaluation mode; computed where it lies.
        pixels: possibly memory-mapped.
    """
    device = next(model.parameters()).device

    def one(part: Pictures) -> torch.Tensor:
        features: torch.Tensor = model(prepared(torch.tensor(part).to(device))).features
        return features.float().cpu()

    return _chunks(one, pixels)


def measure(model: Any, tests: Tests, options: VeinOptions) -> Statistics:
    """Return the tallies of every sensor's comparisons under its rule."""
    return _measured(lambda pixels: embed(model, pixels), tests)


def measure_pixels(tests: Tests, options: VeinOptions) -> Statistics:
    """Measure raw pixels, their mean taken off, as if they were an embedding: what no learning gives."""

    def one(part: Pictures) -> torch.Tensor:
        small = F.avg_pool2d(prepared(torch.tensor(part)), POOL)
        return small.flatten(1) - small.mean((1, 2, 3))[:, None]

    return _measured(lambda pixels: _chunks(one, pixels), tests)


def measure_random(tests: Tests, options: VeinOptions) -> Statistics:
    """Measure features drawn without looking at the pictures, seeded: chance."""
    draw = public(0, 0, "", "random features")
    return _measured(lambda pixels: draw.standard_normal((len(pixels), RANDOM_WIDTH), np.float32), tests)


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``mean`` and ``spread`` over sensors of equal weight, and every sensor's as ``at ...``.

    The numbers are EER, TAR at every FAR for which each sensor has impostors enough, rank-1, d', and beside
    those that come from histograms the most by which they may differ from the exact ones. Sensors that nobody
    trains on count where there are no others.

    Raises:
        DataError: these are no sums of such comparisons.
    """
    each = {name: from_scalars(sums).result() for name, sums in sorted(_by_sensor(statistics).items())}
    # d' of scores that stand still is infinite, which is no number to report
    shared = [
        name
        for name in next(iter(each.values()))
        if all(math.isfinite(found.get(name, math.nan)) for found in each.values())
    ]
    seen = [found for name, found in each.items() if not name.startswith(UNSEEN)] or list(each.values())
    values = {name: [found[name] for found in seen] for name in shared}
    return {
        "mean": {name: fmean(numbers) for name, numbers in values.items()},
        "spread": {name: stdev(n) if len(n) > 1 else 0.0 for name, n in values.items()},
    } | {f"at {sensor}": {name: found[name] for name in shared} for sensor, found in each.items()}


def scores(statistics: Statistics) -> dict[str, Scores]:
    """Return every sensor's DET curve and score histograms.

    The curve has FARs from 1e-4 to 0.9, even on the axes of a DET plot, as far down as ten impostors are
    expected to pass; at each FAR f stands FRR(t) of the lowest edge t of a bin with FAR(t) <= f: counts, to
    which nothing is fitted. Histograms have bins of 2^-6.

    Raises:
        DataError: these are no sums of such comparisons.

    Source: Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    return {name: _scores(from_scalars(sums)) for name, sums in sorted(_by_sensor(statistics).items())}


def _scores(tally: Tally) -> Scores:
    rates, impostors, normal = tally.rates(), int(tally.counts[0].sum()), NormalDist()
    first, last = (normal.inv_cdf(end) for end in ENDS)
    even = np.linspace(first, last, POINTS)
    grid = [far for z in even.tolist() if enough(far := normal.cdf(z), impostors)]
    # FAR falls with the threshold
    places = np.searchsorted(-rates.far, [-far for far in grid])
    genuine, impostor = tally.counts[::-1].reshape(2, DRAWN, -1).sum(2).tolist()
    equal = rates.thresholds[np.argmin(np.abs(rates.far - rates.frr))]
    drawn = edges()[:: (len(rates.far) - 1) // DRAWN].tolist()
    return Scores(
        tuple(drawn),
        tuple(genuine),
        tuple(impostor),
        tuple(grid),
        tuple(rates.frr[places].tolist()),
        float(equal),
    )


def _by_sensor(statistics: Statistics) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, value in statistics.items():
        sensor, _, key = name.partition(OF)
        found.setdefault(sensor, {})[key] = value
    return found


def described(rule: str, options: VeinOptions) -> Mapping[str, Any]:
    """Return what is evaluated: ``benchmark``, the verification ``rule``, and what spreads are over."""
    return {"benchmark": rule, "rule": options.rule, "spread_over": "sensors"}


def _measured(features: Callable[[Pictures], NDArray[np.floating]], tests: Tests) -> Statistics:
    return dict(_tallied(features, tests))


def _tallied(
    features: Callable[[Pictures], NDArray[np.floating]], tests: Tests
) -> Iterator[tuple[str, float]]:
    for name, test in tests.sets.items():
        found = score(features(test.fingers.pixels), test)
        yield from ((f"{name}{OF}{key}", value) for key, value in found.items())


def score(features: NDArray[np.floating], test: TestSet) -> dict[str, float]:
    """Return the tally of one sensor's comparisons, as numbers."""
    return rules.score(features, test.fingers.takes, test.split).to_scalars()


def _chunks(one: Embed, pixels: Pictures) -> Singles:
    with torch.inference_mode():
        parts = [one(pixels[at : at + CHUNK]).numpy() for at in range(0, len(pixels), CHUNK)]
    return np.concatenate(parts)
