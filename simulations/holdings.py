"""Which labels each simulated site holds, for the report's picture; a deployed site tells nobody."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.simulations.federation import Federation

FILE = "holdings.json"
BINS, SITES = 40, 40  # neither more labels nor more sites can be told apart in a picture


@dataclass(frozen=True)
class Holds:
    """Count, in a worker, the samples of each label of a site; of a task without labels none."""

    federation: Federation

    def __call__(self, site: str) -> list[int]:
        """Return (C,) counts by label, samples whose label nobody knows left out."""
        shop = Workshop.of(json.dumps(self.federation.cfg))
        labels = shop.samples(Place.of(self.federation.nodes()[site].config)).labels
        known = np.zeros(0, np.int64) if labels is None else np.asarray(labels)
        return np.bincount(known[known >= 0]).tolist() if known.ndim == 1 else []


def binned(counts: Mapping[str, Sequence[int]], own: bool) -> dict[str, Any]:
    """Return what the picture shows: labels in at most 40 groups of neighbours, and samples there.

    Args:
        counts: by site, samples by label.
        own: whether each site numbers its labels by itself, so that a number means nothing elsewhere.
    """
    labels = max(map(len, counts.values()), default=0)
    groups = np.array_split(np.arange(labels), min(BINS, labels)) if labels else []
    ends = [int(group[-1]) + 1 for group in groups]
    begins = [0, *ends][: len(ends)]
    parts = {
        site: [sum(held[begin:end]) for begin, end in zip(begins, ends, strict=True)]
        for site, held in counts.items()
    }
    return {"labels": labels, "ends": ends, "own": own, "sites": parts}


def load(folder: Path) -> dict[str, Any] | None:
    """Return what was counted when the run began, or None."""
    path = folder / FILE
    return dict(json.loads(path.read_text())) if path.exists() else None
