"""One training round as a generator: it yields what to ask and is sent what came back.

It knows neither Flower nor a network, so it is tested with plain values. A privacy protocol that needs
several exchanges wraps the yield.
"""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from isofed.errors import RoundError
from isofed.records import Channel, Delta, Order, Report, Table, Value
from isofed.server.state import FOR, ServerState
from isofed.setting import Setting
from isofed.strategies.recipe import Recipe
from isofed.strategies.tables import TableSum
from isofed.trees import Tree, zeros


@dataclass(frozen=True)
class Ask:
    """One order for one site."""

    site: str
    order: Order


@dataclass(frozen=True)
class Refusal:
    """A site that gave no usable report, and why, in words fit for a log."""

    reason: str


Reply = tuple[str, Report | Refusal]
Round = Generator[list[Ask], Iterable[Reply], "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """A round's result before it is committed.

    Args:
        state: the server's next state, its history not yet extended.
        numbers: the public numbers of each counted site.
        refused: reasons by site.
    """

    state: ServerState
    numbers: Mapping[str, Mapping[str, float]]
    refused: Mapping[str, str]


def training_round(
    state: ServerState, setting: Setting, sites: list[str], attempt: int, fewest: int
) -> Round:
    """Ask the sites to train and fold their reports in the order in which they are sent in.

    Args:
        state: after the round before.
        setting: recipe and run.
        sites: who takes part, in the order of their names.
        attempt: counted from 1.
        fewest: the fewest usable reports that make a round.

    Raises:
        RoundError: fewer usable reports than that.
    """
    number = state.round + 1
    model: dict[str, Channel] = {name: Value(tree) for name, tree in state.trees.items()}
    run, digest, versions = setting.run, setting.digest, state.versions
    asks = [
        Ask(site, Order(run, number, attempt, versions.get(site, ""), digest, model | state.tables_for(site)))
        for site in sites
    ]
    total = Total.of(state, setting, len(sites))
    replies = yield asks
    for site, reply in replies:
        total.add(site, reply)
    if len(total.numbers) < fewest:
        raise RoundError(_too_few(number, total, fewest))
    return Outcome(total.next_state(), total.numbers, total.refused)


def _too_few(number: int, total: "Total", fewest: int) -> str:
    reasons = "; ".join(f"{site}: {reason}" for site, reason in total.refused.items()) or "nobody answered"
    return f"round {number} got {len(total.numbers)} usable reports of the {fewest} it needs ({reasons})"


@dataclass
class Total:
    """The running sums of a round, in float64: memory of one model, however many reports.

    Limit: they are NumPy arrays. What lies on a GPU is copied to the CPU before it is folded in, so
    averaging does not stay on the device, although trees and rules would work there.
    """

    state: ServerState
    recipe: Recipe
    model: Tree
    buffers: Tree
    tables: dict[str, TableSum]
    personal: dict[str, dict[str, Table]]
    changes: dict[str, Tree]
    population: int
    sums: dict[str, float] = field(default_factory=dict)
    examples: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Mapping[str, float]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, state: ServerState, setting: Setting, population: int) -> "Total":
        """Start the sums of a round."""
        rows, width = setting.options.classes, setting.task.width(setting.options)
        return cls(
            state,
            setting.recipe,
            zeros(state.trees["model"].layout).wide(),
            zeros(state.trees["buffers"].layout).wide(),
            {n: TableSum.empty(rows, width) for n, r in setting.recipe.tables.items() if not r.personal},
            {name: {} for name, rule in setting.recipe.tables.items() if rule.personal},
            {name: zeros(state.trees["model"].layout).wide() for name in setting.recipe.trees},
            population,
            versions=dict(state.versions),
        )

    def add(self, site: str, reply: Report | Refusal) -> None:
        """Fold one site's reply in."""
        if isinstance(reply, Refusal):
            self.refused[site] = reply.reason
            return
        rule, own = self.recipe.rule, reply.scalars
        factor = rule.factor(own)
        self.model = self.model.map(lambda t, d: t + factor * d, self._difference(reply.channels["model"]))
        # running statistics are always averaged by examples: a rule's factors need not be convex
        examples = own["examples"]
        self.buffers = self.buffers.map(
            lambda t, b: t + examples * b, _tree(reply.channels["buffers"]).wide()
        )
        self.examples += examples
        for name, total in self.tables.items():
            self.tables[name] = total.add(reply.channels[name])  # type: ignore[arg-type]
        for name, gathered in self.personal.items():
            gathered[site] = reply.channels[name]  # type: ignore[assignment]
        for name, change in self.changes.items():
            self.changes[name] = change.map(lambda t, c: t + c, _tree(reply.channels[name]).wide())
        for name, value in rule.sums(own).items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.versions[site], self.numbers[site] = reply.version, dict(own)

    def _difference(self, channel: Channel) -> Tree:
        if isinstance(channel, Delta):
            return channel.tree.wide()
        # float64 holds the difference of two float32 to 2**-53 of the larger, so one client's value comes
        # back whole unless it is 2**28 times smaller than where it started, yet not zero
        return _tree(channel).wide().map(lambda local, start: local - start, self.state.trees["model"])

    def next_state(self) -> ServerState:
        """Return the state after the server optimiser's step."""
        common = self.recipe.rule.common(self.sums)
        direction = self.model.map(lambda t: t / common)
        part = len(self.numbers) / self.population
        step, optimiser = self.recipe.server.step(direction, self.state.optimiser, self.state.round + 1, part)
        return replace(
            self.state,
            round=self.state.round + 1,
            trees={
                "model": step.map(lambda s, old: old + s, self.state.trees["model"]).narrow(),
                "buffers": self.buffers.map(lambda t: t / self.examples).narrow(),
                **{name: self._moved(name) for name in self.changes},
            },
            tables=self._next_tables(),
            optimiser=optimiser,
            versions=self.versions,
        )

    def _moved(self, name: str) -> Tree:
        mean = self.changes[name].map(lambda t: t / self.population)
        return mean.map(lambda m, old: old + m, self.state.trees[name]).narrow()

    def _next_tables(self) -> dict[str, Table]:
        """Return averaged tables, and for each site its own answer; sites not heard keep the one before."""
        tables = {name: table for name, table in self.state.tables.items() if FOR in name}
        for name, total in self.tables.items():
            tables[name] = total.mean(self.recipe.channels[name])  # type: ignore[arg-type]
        for name in self.personal:
            rule: Any = self.recipe.channels[name]
            tables |= {f"{name}{FOR}{site}": t for site, t in rule.answer(name, self.personal).items()}
        return tables


def _tree(channel: Channel) -> Tree:
    return channel.tree  # type: ignore[union-attr]
