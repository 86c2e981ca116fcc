"""What a linear rule keeps of a round: sums, and nothing of any one site."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from isofed.errors import RoundError
from isofed.folding import Term, divided, fold, no_sum
from isofed.spans import AGGREGATION, spanned
from isofed.strategies.rules import LinearRule
from isofed.trees import Layout, Tree, wide_zeros

SMALL, LARGE = 1 << 20, 16 << 20  # bytes of a model
MANY = 64  # models folded in one go


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
        self._pending.append(Term(factor, model, start))
        if len(self._pending) == _at_once(sum(int(buffer.nbytes) for buffer in model.buffers.values())):
            self._fold()
        # running statistics are always averaged by examples: a rule's factors need not be convex
        fold(self.buffers, Term(own["examples"], buffers))
        self.examples += own["examples"]
        for name, value in self.rule.sums(own).items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def total(self) -> Tree:
        """Return the sum of all changes, each times its factor."""
        self._fold()
        return self.model

    def direction(self) -> Tree:
        """Return the rule's direction, in float64; to be asked for once."""
        self._fold()
        common = self.rule.common(self.sums) if self.divisor is None else self.divisor
        return divided(self.model, _finite("divisor", self.rule, common))

    def statistics(self) -> Tree:
        """Return the mean of running statistics, in float64."""
        return self.buffers.map(lambda total: total / self.examples)

    @spanned(AGGREGATION, "fold together")
    def _fold(self) -> None:
        fold(self.model, *self._pending, begin=not self._begun)
        self._begun = True
        self._pending.clear()


def _at_once(size: int) -> int:
    """Return how many models of ``size`` bytes are folded in one go, so that sums are read less often and
    fewer calls made: one where that is more memory than it is worth."""
    return max(4, min(MANY, SMALL // max(size, 1))) if size < LARGE else 1


def _finite(what: str, rule: LinearRule, value: float) -> float:
    """Return a rule's number; one that would make the model NaN or infinite is refused by the rule's name."""
    if not math.isfinite(value) or (what == "divisor" and value == 0.0):
        raise RoundError(
            f"the {what} of the strategy's rule '{rule.call}' is {value:g}, from which no model can be made; "
            "let the rule return another number there"
        )
    return value
