"""What a site can measure alone: held-out pictures of its own fingers, against those it trained on."""

from typing import Any

import numpy as np
import torch

from isofed.tasks.task import OwnBenchmark, Samples, Statistics
from isofed.tasks.vein.benchmarks import pairs
from isofed.tasks.vein.benchmarks.tally import BINS, Tally
from isofed.tasks.vein.options import VeinOptions
from isofed.tasks.vein.training import still

CHUNK = 128  # pictures that go through the network at a time
COARSE = 256  # bins of the histograms that leave the site
KINDS = ("impostor", "genuine")
SUMS = (
    *(f"{kind}.{at:03d}" for kind in KINDS for at in range(COARSE)),
    "hits",
    "probes",
)
WORDS = "own fingers, unseen pictures, same sensor; no strangers"


def measure(model: Any, trained: Samples, held: Samples, options: VeinOptions, device: str) -> Statistics:
    """Return histograms of the cosines of held-out pictures and those trained on, of one finger and of two,

    and ``hits``, of how many ``probes`` the picture most alike among those trained on shows the same finger.
    Bins have a width of 2^-7. These are fingers that the model was trained on: an easier question than the
    benchmark's, which asks for strangers.

    Args:
        model: in evaluation mode; D features.
        trained: N samples, enrolled.
        held: M samples, probes; of none is the finger not enrolled.
        options: of the task.
        device: where the model lies.
    """
    if not len(held):
        return dict.fromkeys(SUMS, 0.0)
    enrolled, probes = (_unit(model, samples, options, device) for samples in (trained, held))
    tally = pairs.across(enrolled, trained.labels, probes, held.labels)
    ranked = pairs.identified(enrolled, trained.labels, probes, held.labels)
    coarse = tally.counts.reshape(len(KINDS), COARSE, BINS // COARSE).sum(2).ravel()
    return dict(zip(SUMS, [*map(float, coarse), float(ranked.hits), float(ranked.probes)], strict=True))


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``own_1-EER`` and ``own_rank-1``, fractions, a greater one the better; their spread is 0.

    Of fingers that cannot be compared, nothing.
    """
    counts = np.array([statistics[name] for name in SUMS[: 2 * COARSE]]).astype(np.int64)
    both = counts.reshape(2, COARSE)
    if not both.sum(1).all():
        return {"mean": {}, "spread": {}}
    error, _ = Tally(both, np.zeros(2), np.zeros(2)).eer()
    mean = {"own_1-EER": 1 - error, "own_rank-1": statistics["hits"] / statistics["probes"]}
    return {"mean": mean, "spread": dict.fromkeys(mean, 0.0)}


def _unit(model: Any, samples: Samples, options: VeinOptions, device: str) -> pairs.Singles:
    with torch.inference_mode():
        parts = [
            model(still(samples, np.arange(at, min(at + CHUNK, len(samples))), options, device).inputs)
            .features.float()
            .cpu()
            .numpy()
            for at in range(0, len(samples), CHUNK)
        ]
    return pairs.unit(np.concatenate(parts))


OWN = OwnBenchmark(words=WORDS, sums=lambda options: SUMS, measure=measure, result=result)
