"""What a round has come to so far, and the state that it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from isofed.folding import Term, fold, moved
from isofed.protocols.joint import MODEL
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.refusals import SPENT
from isofed.protocols.step import STATISTICS, Use
from isofed.protocols.steps.adaptive import BIT
from isofed.protocols.steps.statistics import usable
from isofed.records import Channel, Delta, Report, Table
from isofed.server.asks import Refusal, Reply
from isofed.server.cohorts import expected
from isofed.server.folded import Folded
from isofed.server.gathered import Gathered
from isofed.server.state import FOR, ServerState
from isofed.setting import Setting
from isofed.spans import AGGREGATION, PROTOCOL, spanned
from isofed.strategies.arrivals import Cohort
from isofed.strategies.recipe import Recipe
from isofed.strategies.robust.rule import GatheringRule
from isofed.strategies.rules import LinearRule
from isofed.strategies.tables import TableSum
from isofed.trees import Tree, wide_zeros


@dataclass
class Total:
    """What a round has come to so far: sums where the rule is linear, all models where it looks at each.

    Limit: they are NumPy arrays. What lies on a GPU is copied to the CPU before it is folded in, so
    averaging does not stay on the device, although trees and rules would work there.
    """

    state: ServerState
    recipe: Recipe
    models: Folded | Gathered
    tables: dict[str, TableSum]
    personal: dict[str, dict[str, Table]]
    changes: dict[str, Tree]
    population: int
    cohort: Cohort
    versions: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Mapping[str, float]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    expected: int = 0
    private: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, state: ServerState, setting: Setting, population: int, cohort: Cohort) -> "Total":
        """Start the sums of a round."""
        rows, width = setting.options.classes, setting.task.width(setting.options)
        return cls(
            state,
            setting.recipe,
            _models(state, setting.recipe.rule, len(cohort.began)),
            {n: TableSum.empty(rows, width) for n, r in setting.recipe.tables.items() if not r.personal},
            {name: {} for name, rule in setting.recipe.tables.items() if rule.personal},
            _changes(state, setting.recipe),
            population,
            cohort,
            versions=dict(state.versions),
            expected=expected(setting),
        )

    def take(self, run: Sequence[Reply]) -> None:
        """Fold replies in that came together."""
        for site, reply in run:
            self.add(site, reply)
        self.models.rest()

    @spanned(AGGREGATION, "fold")
    def add(self, site: str, reply: Report | Refusal) -> None:
        """Note one site's reply; its model is folded in with its run at the latest."""
        if isinstance(reply, Refusal):
            self.refused[site] = reply.reason
            if reply.code == SPENT:
                self.spent.add(site)
            return
        own, model = {**reply.scalars, "staleness": self._staleness(site)}, reply.channels["model"]
        # float64 holds the difference of two float32 to 2**-53 of the larger, so one client's value comes
        # back whole unless it is 2**28 times smaller than where it started, yet not zero
        start = None if isinstance(model, Delta) else self.state.at("model", self.cohort.began[site])
        self.models.add(own, _tree(model), start, _tree(reply.channels["buffers"]))
        for name, total in self.tables.items():
            self.tables[name] = total.add(reply.channels[name])  # type: ignore[arg-type]
        for name, gathered in self.personal.items():
            gathered[site] = reply.channels[name]  # type: ignore[assignment]
        for name, change in self.changes.items():
            fold(change, Term(1.0, _tree(reply.channels[name])))
        self.versions[site], self.numbers[site] = reply.version, dict(reply.scalars)

    @spanned(PROTOCOL, "privacy of the sums")
    def protect(self, pipeline: Pipeline, use: Use) -> None:
        """Do to the sums what the privacy steps do to sums, before they are divided."""
        if isinstance(self.models, Folded):  # a step that draws on the sum is refused where there is none
            sums = {MODEL: self.models.total(), **self.changes}
            use = replace(use, heard=self._heard())
            self.private = pipeline.kept(sums, use)
            trees = dict(pipeline.summed(sums, use))
            self.models.divisor = float(self.expected) if self.expected else None
            self.models.model, self.changes = trees.pop(MODEL), trees

    def _heard(self) -> dict[str, float]:
        """Return what the privacy steps noted of the updates, summed, and how many sites that is of."""
        short = sum(own.get(BIT, 0.0) for own in self.numbers.values())
        return {BIT: float(short), "sites": float(self.expected or len(self.numbers))}

    def _staleness(self, site: str) -> int:
        return self.state.round - self.cohort.began[site]

    @spanned(AGGREGATION, "server step")
    def next_state(self) -> ServerState:
        """Return the state after the server optimiser's step."""
        direction = self.models.direction()
        server, number = self.recipe.server, self.state.round + 1
        step, optimiser = server.step(direction, self.state.optimiser, number, self._part())
        return replace(
            self.state,
            round=number,
            trees={
                "model": moved(self.state.trees["model"], step),
                "buffers": self._released() if STATISTICS in self.changes else self._statistics().narrow(),
                **{name: self._moved(name) for name in self.changes if name != STATISTICS},
                **self.state.kept(self.cohort.flight),
            },
            tables=self._next_tables(),
            optimiser=optimiser,
            versions=self.versions,
            flight=self.cohort.flight,
            private=self.private,
        )

    def arrived(self) -> dict[str, Any]:
        """Return what the history says of virtual time and of who did not answer; nothing where all did."""
        if self.recipe.server.arrivals is None:
            lasted = {"lasted": self.cohort.lasted} if self.cohort.lasted is not None else {}
            return {**({"missing": dict(self.cohort.missing)} if self.cohort.missing else {}), **lasted}
        staleness = {site: self._staleness(site) for site in self.numbers}
        return {"clock": self.cohort.flight.clock, "staleness": staleness}

    def _part(self) -> float:
        return len(self.numbers) / self.population

    def _statistics(self) -> Tree:
        mean = self.models.statistics()
        if self.recipe.server.arrivals is None:
            return mean
        # a convex sum: what few sites sent moves the statistics of all as far as they are all, see `buffered`
        old, part = self.state.trees["buffers"].wide(), self._part()
        return mean.map(lambda m, o: (1.0 - part) * o + part * m, old)

    def _released(self) -> Tree:
        """Return running statistics that left as changes, whose sum has noise: of all sites alike."""
        before, by = self.state.trees[STATISTICS], float(self.expected or len(self.numbers))
        part = 1.0 if self.recipe.server.arrivals is None else self._part()
        return usable(moved(before, self.changes[STATISTICS].map(lambda total: part * total / by)), before)

    def _moved(self, name: str) -> Tree:
        mean = self.changes[name].map(lambda t: t / self.population)
        return moved(self.state.trees[name], mean)

    def _next_tables(self) -> dict[str, Table]:
        """Return averaged tables, and for each site its own answer; sites not heard keep the one before."""
        tables = {name: table for name, table in self.state.tables.items() if FOR in name}
        # where some sites are not asked, their people are not gone
        before = self.state.tables if len(self.cohort.began) < self.population else {}
        for name, total in self.tables.items():
            tables[name] = total.mean(self.recipe.channels[name], before.get(name))  # type: ignore[arg-type]
        for name in self.personal:
            rule: Any = self.recipe.channels[name]
            tables |= {f"{name}{FOR}{site}": t for site, t in rule.answer(name, self.personal).items()}
        return tables


def _changes(state: ServerState, recipe: Recipe) -> dict[str, Tree]:
    """Return the sums of further changes: trees beside the model, and running statistics if they are some."""
    layouts = {name: state.trees["model"].layout for name in recipe.trees}
    if Pipeline(recipe.privacy).releases:
        layouts[STATISTICS] = state.trees[STATISTICS].layout
    return {name: wide_zeros(layout) for name, layout in layouts.items()}


def _models(state: ServerState, rule: LinearRule | GatheringRule, sites: int) -> Folded | Gathered:
    if isinstance(rule, GatheringRule):
        return Gathered.of(rule, sites)
    return Folded.of(rule, state.trees["model"].layout, state.trees["buffers"].layout)


def _tree(channel: Channel) -> Tree:
    return channel.tree  # type: ignore[union-attr]
