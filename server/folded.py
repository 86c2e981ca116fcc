"""What a linear rule keeps of a round: sums, and nothing of any one site.

A round's sum is Σ_i f_i (w_i - w), with w the model that site i began with. Where factors are counts and
arrays no wider than float32, a product f_i w_i is exact in float64. There Σ_i f_i w_i - (Σ_i f_i) w is
taken: w is read once a round and not once for each site, and where nobody moved the sum is still 0 to the
last bit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from isofed.beside import exact
from isofed.errors import RoundError
from isofed.folding import Term, divided, fold, no_sum
from isofed.spans import AGGREGATION, spanned
from isofed.strategies.rules import LinearRule
from isofed.trees import Layout, Tree, wide_zeros

SMALL = 16 << 20  # bytes of models that may wait for others to be folded with
MANY = 64  # models folded in one go
COUNTS = 1 << 28  # a sum of counts whose product with 24 bits float64 holds
NARROW = {"float32", "float16"}


@dataclass
class Folded:
    """The running sums of the model and of running statistics, in float64.

    Memory of a model and a few reports, however many come.

    Args:
        divisor: of the sum in the place of the rule's own, where that would tell how many came; or None.
    """

    rule: LinearRule
    model: Tree
    buffers: Tree
    sums: dict[str, float] = field(default_factory=dict)
    examples: float = 0.0
    divisor: float | None = None
    _pending: list[Term] = field(default_factory=list)
    _owed: dict[int, Term] = field(default_factory=dict)
    _bytes: int = 0
    _begun: bool = False

    @classmethod
    def of(cls, rule: LinearRule, model: Layout, buffers: Layout) -> "Folded":
        """Start the sums of a round."""
        return cls(rule, no_sum(model), wide_zeros(buffers))

    def add(self, own: Mapping[str, float], model: Tree, start: Tree | None, buffers: Tree) -> None:
        """Fold one site's in.

        Args:
            own: its numbers.
            model: as it sent it.
            start: what is to be subtracted from it; None for a model that is a change already.
            buffers: running statistics.
        """
        factor = _finite("factor", self.rule, self.rule.factor(own))
        self._pending.append(Term(factor, model, None if self._later(factor, start) else start))
        self._bytes += sum(int(buffer.nbytes) for buffer in model.buffers.values())
        if len(self._pending) == MANY:
            self._fold()
        # running statistics are always averaged by examples: a rule's factors need not be convex
        fold(self.buffers, Term(own["examples"], buffers))
        self.examples += own["examples"]
        for name, value in self.rule.sums(own).items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def rest(self) -> None:
        """Fold what has waited for others, unless it is so small that it may wait for the next to come."""
        if self._bytes >= SMALL:
            self._fold()

    def total(self) -> Tree:
        """Return the sum of all changes, each times its factor."""
        self._fold()
        if self._owed:
            fold(self.model, *self._owed.values())
            self._owed.clear()
        return self.model

    def direction(self) -> Tree:
        """Return the rule's direction, in float64; to be asked for once."""
        self.total()
        common = self.rule.common(self.sums) if self.divisor is None else self.divisor
        return divided(self.model, _finite("divisor", self.rule, common))

    def statistics(self) -> Tree:
        """Return the mean of running statistics, in float64."""
        return self.buffers.map(lambda total: total / self.examples)

    def _later(self, factor: float, start: Tree | None) -> bool:
        """Note that ``start`` is to be subtracted once for all at the end, if no bit is lost by that."""
        if start is None or not exact(factor, 4) or not start.layout.sizes.keys() <= NARROW:
            return False
        owed = self._owed.get(id(start), Term(0.0, start))
        if abs(owed.factor - factor) > COUNTS:
            return False
        self._owed[id(start)] = Term(owed.factor - factor, start)
        return True

    @spanned(AGGREGATION, "fold together")
    def _fold(self) -> None:
        fold(self.model, *self._pending, begin=not self._begun)
        self._begun, self._bytes = True, 0
        self._pending.clear()


def _finite(what: str, rule: LinearRule, value: float) -> float:
    """Return a rule's number; one that would make the model NaN or infinite is refused by the rule's name."""
    if not math.isfinite(value) or (what == "divisor" and value == 0.0):
        raise RoundError(
            f"the {what} of the strategy's rule '{rule.call}' is {value:g}, from which no model can be made; "
            "let the rule return another number there"
        )
    return value
