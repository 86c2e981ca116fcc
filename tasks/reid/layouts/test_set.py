"""What the evaluator of a re-identification benchmark holds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isofed.tasks.reid.layouts.images import Images
from isofed.tasks.reid.layouts.tracklets import Tracklets

Rows = np.ndarray


@dataclass(frozen=True)
class TestSet:
    """Infrared queries and a gallery, of people nobody trained on.

    Attributes:
        query, gallery: all test images (or tracklets) of either side, in file order.
        rule: exclusions, CMC and default draws, a key of ``RULES`` in benchmarks/retrieval.py.
        permutations: the published draws, where the layout has such a file.
        repetitions: (rows of the query, rows of the gallery) of each repetition that the data set itself
            defines, such as RegDB's splits; without any, the benchmark's draws from the gallery.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name
    query: Images | Tracklets
    gallery: Images | Tracklets
    rule: str = "sysu"
    permutations: Path | None = None
    repetitions: tuple[tuple[Rows, Rows], ...] = ()
