"""How far the changes of all sites are from each other, in an arithmetic that keeps small distances small.

Everything that a rule asks of whole changes (distances, norms, cosines, the way of a sum of them) follows
from their inner products, (n + 1)² numbers of one or two passes over the data. |a|² + |b|² - 2 a·b loses a
distance that is small beside |a|, above all in float32 and on weights instead of changes; here the products
are of changes, in float64, and are taken again as seen from the middle of the sites where they lie close.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from isofed.strategies.robust.updates import Updates, products

CLOSE = 1e-6  # of the squared way from the model to the sites' middle, under which a second pass is taken


@dataclass(frozen=True)
class Geometry:
    """Points x_1 .. x_n, perhaps the server's own, and last the model that was sent, seen from one.

    Args:
        products: (p, p), x_i · x_j; rows of what is out of float64's range are 0.
        far: (p,), which points are out of its range: infinitely far from all others.
        count: n.
    """

    products: np.ndarray
    far: np.ndarray
    count: int

    @classmethod
    def of(cls, updates: Updates) -> "Geometry":
        """Measure a round's changes, in one pass over them, or two where they lie close.

        Seen from the site in their middle, which is an honest one, or as near to these, where most are.
        """
        first, rows = cls.from_model(updates), updates.rows
        middle = first.middle
        if not _lost(first, middle):
            return cls.found(_seen_from(first.products, middle), updates.count, first.far)
        return cls.found(_products(updates, rows, middle), updates.count)

    @classmethod
    def from_model(cls, updates: Updates) -> "Geometry":
        """Measure a round's changes as seen from the model, which trusts no site."""
        return cls.found(_products(updates, updates.rows, len(updates.rows)), updates.count)

    @classmethod
    def found(cls, products: np.ndarray, count: int, far: np.ndarray | None = None) -> "Geometry":
        """Build it from inner products that may have overflowed."""
        out = ~np.isfinite(np.diag(products)) if far is None else far
        inside = np.where(out[:, None] | out[None, :], 0.0, products)
        return cls(inside, out, count)

    @cached_property
    def squares(self) -> np.ndarray:
        """Squared distances (p, p)."""
        own = np.diag(self.products)
        found = np.maximum(own[:, None] + own[None, :] - 2.0 * self.products, 0.0)
        found[self.far, :] = found[:, self.far] = np.inf
        np.fill_diagonal(found, 0.0)
        return found

    @cached_property
    def middle(self) -> int:
        """The site with the least median distance to all sites: among most, whatever others do."""
        return int(np.argmin(np.median(self.squares[: self.count, : self.count], axis=1)))

    @property
    def model(self) -> int:
        """The point that is the model as it was sent: no change."""
        return len(self.products) - 1

    def from_sum(self, shares: np.ndarray) -> np.ndarray:
        """Return the distance of every point from Σ c_i x_i, (p,).

        Args:
            shares: c, (p,), of sum 1; 0 for what is far.
        """
        own, along = np.diag(self.products), self.products @ shares
        found = np.sqrt(np.maximum(own - 2.0 * along + shares @ along, 0.0))
        return np.where(self.far, np.inf, found)


def _products(updates: Updates, rows: Sequence[int], centre: int) -> np.ndarray:
    shape = (len(rows) + 1, len(rows) + 1)
    return sum((products(columns, rows, centre) for columns in updates.buffers.values()), np.zeros(shape))


def _seen_from(found: np.ndarray, centre: int) -> np.ndarray:
    to = found[:, centre]
    # both at once, so that i and j are as far from each other as j and i to the last bit
    return found - (to[:, None] + to[None, :]) + to[centre]


def _lost(seen: Geometry, middle: int) -> bool:
    """Whether the sites are so close that their products from the model cannot tell them apart."""
    near = np.median(seen.squares[middle, : seen.count])
    return bool(near < CLOSE * seen.squares[middle, seen.model])
