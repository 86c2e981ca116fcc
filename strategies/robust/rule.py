"""Rules that look at all sites' changes before they say what becomes of any.

Such a rule is not a sum: the server keeps every change of a round, in memory or in a file, and what hides
single changes cannot go with it. Weights by examples, which a site says of itself, count for nothing in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from isofed.config import within
from isofed.errors import CompositionError
from isofed.strategies.robust.updates import Columns, Combine, Updates, combined, weighted

MOST = -1  # for f: as many as the rule's bound allows


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a round's changes.

    Args:
        f: how many sites it holds possible to be faulty.
        rows: the sites of whose values the rest of the rule, entry by entry, is made.
        weights: (n,), and ``common``: the direction is Σ w_i Δ_i / common; None where it is made entry by
            entry, too.
    """

    f: int
    rows: Sequence[int]
    weights: np.ndarray | None = None
    common: float = 1.0


@dataclass(frozen=True)
class GatheringRule:
    """A rule that needs the changes of all sites at once: O(n · d) memory or disk.

    Faulty is who sends anything at all on purpose, and who sends nothing that can be used: a site that is
    refused is one of the f. What is left has to be enough for the rule with those f that may still be there.

    Running statistics have scales of their own, so that no distance or weight of changes says anything of
    them: they are aggregated by ``combine`` whatever the rule, as the coordinate median where it has none.

    Args:
        call: the call that made it.
        judge: (changes, f) to what becomes of them.
        combine: (values (b, m), each row of them ascending; f) to (b,).
        most: n sites to the greatest f that its bound allows.
        bound: the same in words.
        f: sites that may be faulty; ``MOST`` for as many as the bound allows.
        rooted: whether it compares sites with a change that the server trains on data of its own.
        needs: numbers that a site must report: none.
        equal: whether noise on a sum could be counted: never, there is no sum.
    """

    call: str
    judge: Callable[[Updates, int], Verdict] = field(repr=False)
    combine: Combine = field(repr=False)
    most: Callable[[int], int] = field(repr=False)
    bound: str
    f: int = MOST
    rooted: bool = False
    needs: tuple[str, ...] = ()
    equal: bool = False

    def __post_init__(self) -> None:
        within("f", self.f, MOST, 1e6)

    def tolerated(self, count: int) -> int:
        """Return how many of so many sites may be faulty: f, or as many as the bound allows.

        With r of n refused that is never less than f - r.
        """
        most = max(self.most(count), 0)
        return most if self.f == MOST else min(self.f, most)

    def fewest(self, asked: int) -> int:
        """Return the fewest usable reports that make a round of so many sites.

        Raises:
            CompositionError: the bound does not hold for them. A site alone has nobody to fear.
        """
        if self.f > self.most(asked) and asked > 1:
            raise CompositionError(
                f"'{self.call}' needs {self.bound}, but a round asks {asked} sites; write at most "
                f"f={max(self.most(asked), 0)}, or f={MOST} for as many as the sites of a round allow"
            )
        return max(asked - self.tolerated(asked), 1)

    def judged(self, updates: Updates) -> Verdict:
        """Return what becomes of a round's changes."""
        return self.judge(updates, self.tolerated(updates.count))

    def along(self, columns: Columns, verdict: Verdict) -> np.ndarray:
        """Return the direction in some buffer of the model, (d,) float64."""
        if verdict.weights is None:
            return self.beside(columns, verdict)
        found = weighted(columns, verdict.weights)
        found /= verdict.common
        return found

    def beside(self, columns: Columns, verdict: Verdict) -> np.ndarray:
        """Return the values of a buffer that is not the model's, (d,) float64, entry by entry."""
        return combined(columns, verdict.rows, self.combine, verdict.f)


def everybody(updates: Updates, f: int) -> Verdict:
    """Let every site's values count, entry by entry."""
    return Verdict(f, range(updates.count))


def below_half(count: int) -> int:
    """Return the greatest f with n ≥ 2f + 1."""
    return (count - 1) // 2


def fewest(rule: object, asked: int) -> int:
    """Return the fewest usable reports that make a round of any rule; of a linear one, all that are asked.

    Raises:
        CompositionError: see :meth:`GatheringRule.fewest`.
    """
    return rule.fewest(asked) if isinstance(rule, GatheringRule) else asked
