"""What a robust rule keeps of a round: every site's change, until all have come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from isofed.errors import RoundError
from isofed.server.rows import Rows
from isofed.spans import AGGREGATION, span
from isofed.strategies.robust.rule import GatheringRule, Verdict
from isofed.strategies.robust.updates import Columns, Updates
from isofed.trees import Tree


@dataclass
class Gathered:
    """The changes of the model and the running statistics of each site, in the order in which they came.

    Args:
        rule: that judges them.
        model: Rows of the models; from which ``start`` is subtracted when they are read, so that no bit of
            a change is lost.
        buffers: rows of the running statistics.
        guide: a model of the server's own to be compared with, and the one that it was trained from.
    """

    rule: GatheringRule
    model: Rows
    buffers: Rows
    start: Tree | None = None
    guide: tuple[Tree, Tree] | None = None
    like: dict[str, Tree] = field(default_factory=dict)

    @classmethod
    def of(cls, rule: GatheringRule, sites: int) -> "Gathered":
        """Begin a round that asks so many sites."""
        return cls(rule, Rows(sites + rule.rooted), Rows(sites))

    def add(self, own: Mapping[str, float], model: Tree, start: Tree | None, buffers: Tree) -> None:
        """Keep one site's.

        Args:
            own: its numbers, of which a robust rule reads none.
            model: as it sent it.
            start: what is to be subtracted from it; None for a model that is a change already.
            buffers: running statistics.
        """
        self.model.add(model.as_numpy())
        self.buffers.add(buffers.as_numpy())
        self.start, self.like = start, {"model": model, "buffers": buffers}

    def rest(self) -> None:
        """Do nothing: all are kept until the last has come."""

    def direction(self) -> Tree:
        """Return the rule's direction, in float64.

        Raises:
            RoundError: it is not finite, which takes more faulty sites than the rule is made for.
        """
        with span(AGGREGATION, "robust rule"):
            found = _made(self.like["model"], self._of_model, lambda c: self.rule.along(c, self._verdict))
        self.model.close()
        if not found.finite:
            raise RoundError(f"the direction of '{self.rule.call}' is NaN or infinite; write a greater f")
        return found

    def statistics(self) -> Tree:
        """Return the running statistics, entry by entry, in float64."""
        with span(AGGREGATION, "robust statistics"):
            return _made(
                self.like["buffers"], self.buffers.columns, lambda c: self.rule.beside(c, self._verdict)
            )

    @cached_property
    def _verdict(self) -> Verdict:
        count = self.model.count
        if self.guide is not None:
            self._follow(*self.guide)
        buffers = {key: self._of_model(key) for key in self.like["model"].layout.sizes}
        return self.rule.judged(Updates(count, buffers, count if self.rule.rooted else None))

    def _follow(self, own: Tree, sent: Tree) -> None:
        """Keep the server's own model below those of the sites: as a change where theirs are changes."""
        self.model.add(own if self.start else own.wide().map(lambda local, began: local - began, sent))

    def _of_model(self, key: str) -> Columns:
        return self.model.columns(key, self.start and self.start.buffers[key])


def _made(like: Tree, read: Callable[[str], Columns], make: Callable[[Columns], np.ndarray]) -> Tree:
    buffers: dict[str, Any] = {key: make(read(key)) for key in like.layout.sizes}
    return Tree(like.layout, buffers)
