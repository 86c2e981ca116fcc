"""Sums over queries that retrieval metrics are made of: mergeable, and small enough for a message."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError

MAX_RANK = 20
REPORTED = (1, 5, 10, 20)

# Every AP and INP is rounded to a multiple of this, an error below 1e-11. Sums over up to 2**17
# queries are then exact in float64, so that merging is associative to the last bit and neither the
# chunk size nor the order in which parts arrive can be seen in a result.
QUANTUM = 2.0**-36


@dataclass(frozen=True)
class Statistics:
    """Metric sums over the scored queries of one draw; ``a + b`` is the sum over both sets.

    Attributes:
        queries: queries that had a correct gallery image.
        ap: sum of their average precisions.
        inp: sum of their inverse negative penalties.
        hits: ``hits[k-1]`` queries were answered within rank k, for k = 1 ... 20.
    """

    queries: int
    ap: float
    inp: float
    hits: tuple[int, ...]

    def __add__(self, other: "Statistics") -> "Statistics":
        hits = tuple(a + b for a, b in zip(self.hits, other.hits, strict=True))
        return Statistics(self.queries + other.queries, self.ap + other.ap, self.inp + other.inp, hits)

    def cmc(self, rank: int) -> float:
        """Return the share of queries answered within ``rank``, 1 to 20; a number from 0 to 1."""
        return self.hits[rank - 1] / self._count()

    def result(self) -> dict[str, float]:
        """Return ``R1 R5 R10 R20 mAP mINP``, each from 0 to 1.

        Raises:
            DataError: no query had a correct gallery image, so there is nothing to average.
        """
        ranks = {f"R{rank}": self.cmc(rank) for rank in REPORTED}
        return ranks | {"mAP": self.ap / self._count(), "mINP": self.inp / self._count()}

    def _count(self) -> int:
        if not self.queries:
            raise DataError(
                "no query has a correct gallery image left after the rule's exclusions; "
                "check that query and gallery share identities and carry the right camera numbers"
            )
        return self.queries

    def to_scalars(self) -> dict[str, float]:
        """Return the sums as named numbers: ``queries``, ``ap``, ``inp``, ``hits01`` ... ``hits20``."""
        hits = {f"hits{rank:02d}": float(count) for rank, count in enumerate(self.hits, 1)}
        return {"queries": float(self.queries), "ap": self.ap, "inp": self.inp} | hits


EMPTY = Statistics(0, 0.0, 0.0, (0,) * MAX_RANK)


def from_scalars(scalars: Mapping[str, float]) -> Statistics:
    """Read what :meth:`Statistics.to_scalars` wrote.

    Raises:
        DataError: names are missing or unknown, or the numbers cannot be sums over queries.
    """
    if set(scalars) != set(EMPTY.to_scalars()):
        odd = sorted(set(scalars) ^ set(EMPTY.to_scalars()))
        raise DataError(f"retrieval statistics need queries, ap, inp and hits01 to hits20; check {odd[:3]}")
    counts = [float(scalars[f"hits{rank:02d}"]) for rank in range(1, MAX_RANK + 1)]
    ladder = [0.0, *counts, float(scalars["queries"])]
    climbing = all(a <= b for a, b in pairwise(ladder))
    bounded = all(0 <= scalars[name] <= scalars["queries"] for name in ("ap", "inp"))
    if not (climbing and bounded and all(count.is_integer() for count in ladder)):
        raise DataError("retrieval statistics hold numbers that no set of queries can give")
    hits = tuple(int(count) for count in counts)
    return Statistics(int(scalars["queries"]), float(scalars["ap"]), float(scalars["inp"]), hits)


def tally(ap: NDArray[np.float64], inp: NDArray[np.float64], first: NDArray[np.int64]) -> Statistics:
    """Sum over queries.

    Args:
        ap: average precisions, (Q,), 0 to 1.
        inp: inverse negative penalties, (Q,), 0 to 1.
        first: what stands before the first right answer, (Q,), 0 to 20; 20 is a miss.
    """
    reached = np.cumsum(np.bincount(first, minlength=MAX_RANK + 1))[:MAX_RANK]
    return Statistics(len(ap), _exact_sum(ap), _exact_sum(inp), tuple(reached.tolist()))


def _exact_sum(values: NDArray[np.float64]) -> float:
    return float(np.rint(values / QUANTUM).sum() * QUANTUM)
