"""Score histograms: what verification numbers are made of when scores may not be kept or sent.

Cosines from -1 to 1 fall into 4096 bins of width 2^-11, half open, [e_b, e_(b+1)); the last holds 1 as well.
FAR and FRR at an edge are exact. Between edges only the bin's own counts g_b and i_b are uncertain, so that::

    |EER - exact|  <= (g_b / G + i_b / I) / 4,   b the bin in which FAR - FRR changes its sign
    |TAR - exact|  <= g_b / (2 G),               b the bin of the (k + 1)-th impostor

Both numbers are the middle of what the bin allows, and the bound is returned beside them: ``result`` calls it
``... error``. Rank-1 is a count, and d' follows from sums of scores and of squares, each rounded to 2^-24.

All sums are whole numbers or whole multiples of 2^-24, exact in float64 up to 5e8 scores: merging is
associative to the last bit.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks.exact import FARS, Rates, allowed, enough, separation

BINS = 4096
QUANTUM = 2.0**-24
KINDS = ("impostor", "genuine")
COUNTS = ("rank1.hits", "rank1.probes")
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Tally:
    """Comparisons of one kind of benchmark; ``a + b`` is of both sets together.

    Attributes:
        counts: (2, BINS) int64, impostors then genuine, by bin of their score.
        sums, squares: (2,) sums of scores and of their squares, multiples of 2^-24.
        hits, probes: of identification: probes whose nearest gallery image shows the same finger, and all.
    """

    counts: Integers
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]
    hits: int = 0
    probes: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.counts + other.counts,
            self.sums + other.sums,
            self.squares + other.squares,
            self.hits + other.hits,
            self.probes + other.probes,
        )

    def rates(self) -> Rates:
        """Return FAR and FRR at the bins' edges from -1 up, one beyond the last bin: a DET curve's points.

        Raises:
            DataError: there is no genuine or no impostor comparison.
        """
        impostors, genuine = self._totals()
        below = np.cumsum(np.pad(self.counts, ((0, 0), (1, 0))), axis=1)
        return Rates(edges(), 1 - below[0] / impostors, below[1] / genuine)

    def eer(self) -> tuple[float, float]:
        """Return the equal error rate and the most by which it may differ from the exact one.

        Raises:
            DataError: as :meth:`rates`.
        """
        impostors, genuine = self._totals()
        below = np.cumsum(np.pad(self.counts, ((0, 0), (1, 0))), axis=1)
        # FAR - FRR as a whole number, so that no rounding moves the change of sign
        falling = (impostors - below[0]) * genuine - below[1] * impostors
        at = int(np.flatnonzero(falling >= 0)[-1])
        if falling[at] == 0:
            return 1 - float(below[0, at]) / impostors, 0.0
        inside = self.counts[:, at] / (impostors, genuine)
        middle = (1 - below[0, at] / impostors + below[1, at] / genuine) / 2
        return float(middle + (inside[1] - inside[0]) / 4), float(inside.sum() / 4)

    def tar(self, far: float) -> tuple[float, float]:
        """Return TAR at a FAR, 0 to 1, and the most by which it may differ from the exact one.

        Raises:
            DataError: as :meth:`rates`.
        """
        impostors, genuine = self._totals()
        above = np.cumsum(self.counts[0, ::-1])
        at = BINS - 1 - int(np.searchsorted(above, allowed(far, impostors), side="right"))
        inside = self.counts[1, at] / genuine
        return float(self.counts[1, at + 1 :].sum() / genuine + inside / 2), float(inside / 2)

    def d_prime(self) -> float:
        """Return d' from the sums.

        Raises:
            DataError: as :meth:`rates`.
        """
        totals = np.array(self._totals())
        means = self.sums / totals
        spreads = np.maximum(self.squares / totals - means**2, 0)
        impostor, genuine = zip(means.tolist(), spreads.tolist(), strict=True)
        return separation(genuine, impostor)

    def result(self) -> dict[str, float]:
        """Return EER, TAR at every FAR for which there are enough impostors, rank-1, d', and the errors.

        Raises:
            DataError: as :meth:`rates`.
        """
        named = {"EER": self.eer()}
        named |= {told(far): self.tar(far) for far in FARS if enough(far, int(self.counts[0].sum()))}
        values = {name: value for name, (value, _) in named.items()}
        values |= {f"{name} error": error for name, (_, error) in named.items()}
        identified = {"rank-1": self.hits / self.probes} if self.probes else {}
        return values | identified | {"d'": self.d_prime()}

    def to_scalars(self) -> dict[str, float]:
        """Return the sums as named numbers, of the bins those that are not empty."""
        named = {"rank1.hits": float(self.hits), "rank1.probes": float(self.probes)}
        for row, kind in enumerate(KINDS):
            named |= {f"{kind}.sum": float(self.sums[row]), f"{kind}.squares": float(self.squares[row])}
            filled = np.flatnonzero(self.counts[row]).tolist()
            named |= {f"{kind}.{at:04d}": float(self.counts[row, at]) for at in filled}
        return named

    def _totals(self) -> tuple[int, int]:
        impostors, genuine = self.counts.sum(axis=1).tolist()
        if not impostors or not genuine:
            raise DataError(
                f"{genuine} comparisons of one finger and {impostors} of two; expected some of both: test on "
                "two fingers or more, with two images each"
            )
        return impostors, genuine


def told(far: float) -> str:
    """Return the name of TAR at a FAR that is a power of ten, without a dot: ``TAR@1e-2``."""
    return f"TAR@1e{round(math.log10(far))}"


def edges() -> NDArray[np.float64]:
    """Return the edges of the bins, (BINS + 1,) from -1 to 1."""
    return np.linspace(-1.0, 1.0, BINS + 1)


def empty() -> Tally:
    """Return the tally of no comparison."""
    return Tally(np.zeros((2, BINS), np.int64), np.zeros(2), np.zeros(2))


def tally(scores: NDArray[np.floating], same: NDArray[np.bool_]) -> Tally:
    """Count comparisons.

    Args:
        scores: (n,) cosines; rounding beyond -1 or 1 is cut off.
        same: (n,) whether both images show the same finger.

    Raises:
        DataError: a score is NaN or infinite.
    """
    if not np.isfinite(scores).all():
        raise DataError("a score is not finite; expected cosines: the model has diverged, lower its rate")
    wide = np.clip(scores, -1.0, 1.0).astype(np.float64)
    # multiplied before anything is added: a power of two keeps every score on its side of an edge
    bins = np.minimum(np.floor(wide * (BINS // 2)).astype(np.int64) + BINS // 2, BINS - 1)
    counts = np.bincount(bins + BINS * same, minlength=2 * BINS).reshape(2, BINS)
    return Tally(counts, _by_kind(wide, same), _by_kind(wide * wide, same))


def _by_kind(values: NDArray[np.float64], same: NDArray[np.bool_]) -> NDArray[np.float64]:
    steps = np.rint(values / QUANTUM)
    genuine = steps[same].sum()
    return np.array([steps.sum() - genuine, genuine]) * QUANTUM


def merged(parts: Iterable[Tally]) -> Tally:
    """Return all comparisons of several tallies together."""
    return sum(parts, start=empty())


def from_scalars(scalars: Mapping[str, float]) -> Tally:
    """Read what :meth:`Tally.to_scalars` wrote, or a sum of several.

    Raises:
        DataError: a name is unknown or missing, or a number cannot be such a sum.
    """
    bins = {f"{kind}.{at:04d}": (row, at) for row, kind in enumerate(KINDS) for at in range(BINS)}
    needed = [*COUNTS, *(f"{kind}.{name}" for kind in KINDS for name in ("sum", "squares"))]
    odd = sorted(set(scalars) - set(bins) - set(needed)) + sorted(set(needed) - set(scalars))
    whole = [float(value) for name, value in scalars.items() if name in bins or name in COUNTS]
    if odd or not all(value >= 0 and value.is_integer() for value in whole):
        raise DataError(f"a tally of scores needs whole counts and the sums {needed[2:]}; check {odd[:3]}")
    counts = np.zeros((2, BINS), np.int64)
    for name in bins.keys() & scalars.keys():
        counts[bins[name]] = int(scalars[name])
    sums, squares = (np.array([scalars[f"{kind}.{name}"] for kind in KINDS]) for name in ("sum", "squares"))
    return Tally(counts, sums, squares, int(scalars["rank1.hits"]), int(scalars["rank1.probes"]))
