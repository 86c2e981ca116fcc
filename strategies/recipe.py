"""A strategy as a record of independent choices."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from isofed.config import within
from isofed.errors import ConfigError
from isofed.records import Channel
from isofed.strategies.coherence import refuse_incoherent
from isofed.strategies.optimisers import ServerOptimiser, sgd
from isofed.strategies.robust.rule import GatheringRule
from isofed.strategies.rules import COUNTS, LinearRule, weighted_mean
from isofed.strategies.share import BODY, HEAD, Share, everything
from isofed.strategies.tables import MatchRule, TableRule, TreeRule
from isofed.suggest import pick


@dataclass(frozen=True)
class LocalTerm:
    """Something that is added to a client's objective.

    A data term has ``loss``: a mean over examples that passes through per-sample clipping. A parameter
    term has ``drift``: it depends on the parameters alone and is added to the gradient after clipping
    and noise, because Opacus would silently drop it from the loss.

    Args:
        call: the call that made it, for people and for the digest.
        name: of its section in a site's memory; two terms of one recipe never share one.
        start: from :class:`TermStart` to the term's own state of this round.
        loss: (state, :class:`Seen`) to a scalar tensor, or None where it has nothing to add.
        drift: (state, parameters by name) to gradients by name.
        stepped: (state, :class:`Seen`, rates by parameter) after each optimiser step on that batch; it may
            change the parameters.
        finish: (state, :class:`Done`) to the channels named in ``sends``; it may change the parameters.
        sends: channels that it hands back; the recipe must have a rule for each.
        numbers: (state, :class:`Done`) to the public numbers named in ``gives``.
        gives: numbers that it hands back beside the channels; the recipe's rule must need them.
        remember: state, after ``finish``, to what the site keeps for the next round, handed in again as
            ``TermStart.memory``.
        settle: (what was remembered before or None, the report's channels as the server counts them) to what
            is remembered where privacy steps changed what left: for a memory that is a part of a sum which
            the server keeps, and must not know more than it.
        needs: capabilities of the task's output, such as ``"features"``; ``"classes"`` where it looks labels
            up as rows.
        personal: whether what it remembers is a model of the site's own, a tree by state-dict name, which is
            then the one that the site is to use.
        beside: what it takes of the data by itself, in words, neither through ``loss`` nor of the parameters
            alone; empty for nothing.
    """

    call: str
    start: Callable[["TermStart"], Any] = field(repr=False)
    loss: Callable[[Any, "Seen"], Any] | None = field(default=None, repr=False)
    drift: Callable[[Any, Mapping[str, Any]], Mapping[str, Any]] | None = field(default=None, repr=False)
    stepped: Callable[[Any, "Seen", Mapping[str, float]], None] | None = field(default=None, repr=False)
    finish: Callable[[Any, "Done"], Mapping[str, Channel]] | None = field(default=None, repr=False)
    sends: tuple[str, ...] = ()
    numbers: Callable[[Any, "Done"], Mapping[str, float]] | None = field(default=None, repr=False)
    gives: tuple[str, ...] = ()
    remember: Callable[[Any], Any] | None = field(default=None, repr=False)
    settle: Callable[[Any, Mapping[str, Any]], Any] | None = field(default=None, repr=False)
    name: str = ""
    needs: tuple[str, ...] = ()
    personal: bool = False
    beside: str = ""


@dataclass(frozen=True)
class TermStart:
    """What a local term may look at when a round begins, inside the client.

    Args:
        channels: of the order.
        classes: C, rows of the head, and of the site's tables.
        width: D of the features.
        min_images: no image may make up more than 1/min_images of a row that leaves.
        model: the module, loaded and about to be trained.
        head: state-dict prefixes of the task's head.
        travelling: names of the parameters that the global model has.
        images: (C,) int64, images of each class at the site, or None where there are no labels.
        memory: what the term remembered of the round before, or None.
        gradient: () to the mean gradient of the task's loss over the round's batches, at the model as it
            was loaded, by parameter; nothing is changed by asking.
        mean_loss: () to the mean of the task's loss over the same batches at the same model.
        loss: (output, labels) to the task's loss of a batch, a scalar tensor.
        config: what the order tells beside its channels.
    """

    channels: Mapping[str, Channel]
    classes: int
    width: int
    min_images: int
    model: Any = field(default=None, repr=False)
    head: tuple[str, ...] = ()
    travelling: tuple[str, ...] = ()
    images: Any = field(default=None, repr=False)
    memory: Any = field(default=None, repr=False)
    gradient: Callable[[], Mapping[str, Any]] | None = field(default=None, repr=False)
    mean_loss: Callable[[], float] | None = field(default=None, repr=False)
    loss: Callable[[Any, Any], Any] | None = field(default=None, repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Done:
    """A round's training as a local term may look back at it.

    Args:
        steps: taken.
        reach: by parameter, the sum of its learning rates over the steps.
    """

    steps: int
    reach: Mapping[str, float] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Seen:
    """One batch as a local term sees it, inside the client.

    Args:
        output: the task's output, with ``features`` (B, D) where the term needs them.
        labels: (B,) int64 tensor.
        images: (B,) int64 array, which of the site's images each row came from.
        inputs: what the model was fed.
    """

    output: Any
    labels: Any
    images: Any
    inputs: Any = None


@dataclass(frozen=True)
class Phase:
    """One part of a site's round.

    Args:
        trains: which part of the model is trained: ``all``, ``head``, or ``body``, all but the head.
        epochs: how often the task's own round of batches is gone through, at least 1.
        repeats: optimiser steps on every batch, at least 1.
        when: ``train``, or ``evaluate``: not a part of any round, but of what a site does to a copy of the
            model before it uses it.
    """

    trains: str = "all"
    epochs: int = 1
    repeats: int = 1
    when: str = "train"

    def __post_init__(self) -> None:
        pick("trains", self.trains, dict.fromkeys(("all", "head", "body")))
        pick("when", self.when, dict.fromkeys(("train", "evaluate")))
        within("epochs", self.epochs, 1, 10_000)
        within("repeats", self.repeats, 1, 10_000)


ONE_PHASE = (Phase(),)


@dataclass(frozen=True)
class Recipe:
    """A strategy: rule, server optimiser, local terms, share, channels, schedule, privacy steps.

    Args:
        call: the call that made it, which :func:`called` fills in.
        rule: from reports to one direction: by sums alone, or by looking at every single change.
        server: from a direction to a step.
        local: terms added to the clients' objective.
        share: which names travel.
        count: how a site counts the examples behind its update, one of ``rules.COUNTS``.
        channels: what else travels, each with its rule: a table whose rows mean the same everywhere
            (``TableRule``) or are numbered by every client for itself (``MatchRule``), or a tree like the
            model's (``TreeRule``).
        schedule: the parts of a site's round, one after another.
        privacy: steps applied to a report on its way out, undone on the sum; the run's ``privacy`` group
            sets them.
        stock: the strategy of Flower's that makes the new model in the place of rule and server optimiser,
            a ``strategies.stock.Stock``; None for none.
    """

    call: str = "a recipe"
    rule: LinearRule | GatheringRule = weighted_mean
    server: ServerOptimiser = field(default_factory=sgd)
    local: tuple[LocalTerm, ...] = ()
    share: Share = everything
    count: str = "images"
    channels: Mapping[str, TableRule | MatchRule | TreeRule] = field(default_factory=dict)
    schedule: tuple[Phase, ...] = ONE_PHASE
    privacy: tuple[Any, ...] = ()
    stock: Any = None

    def __post_init__(self) -> None:
        pick("count", self.count, COUNTS)
        refuse_incoherent(self)

    @property
    def said(self) -> list[str]:
        """What the digest that both halves compare is taken over: its call and those of its parts, because a
        file of the user's can say otherwise tomorrow under the name of today."""
        return [
            self.call,
            self.rule.call,
            self.server.call,
            *(term.call for term in self.local),
            self.share.call,
            self.count,
            *(f"{name}: {rule}" for name, rule in sorted(self.channels.items())),
            *(str(phase) for phase in self.schedule),
        ]

    @property
    def rooted(self) -> bool:
        """Whether the rule compares sites with a change that the server trains on data of its own."""
        return isinstance(self.rule, GatheringRule) and self.rule.rooted

    @property
    def learns(self) -> bool:
        """Whether the server needs data of its own."""
        return self.rooted or self.server.distil is not None

    @property
    def rounds(self) -> tuple[Phase, ...]:
        """The phases of a round."""
        return tuple(phase for phase in self.schedule if phase.when == "train")

    @property
    def personal(self) -> LocalTerm | None:
        """The term that keeps a model of the site's own, if there is one."""
        return next((term for term in self.local if term.personal), None)

    @property
    def tables(self) -> Mapping[str, TableRule | MatchRule]:
        """The channels that are tables."""
        return {name: rule for name, rule in self.channels.items() if not isinstance(rule, TreeRule)}

    @property
    def trees(self) -> Mapping[str, TreeRule]:
        """The channels that are trees."""
        return {name: rule for name, rule in self.channels.items() if isinstance(rule, TreeRule)}

    @property
    def needs(self) -> frozenset[str]:
        """Capabilities that the task must have."""
        of_terms = {need for term in self.local for need in term.needs}
        parts = {HEAD for part in self.share.parts if part in (HEAD, BODY)}
        taught = {self.server.distil.of} if self.server.distil else set()
        return frozenset(
            of_terms | parts | taught | {HEAD for phase in self.schedule if phase.trains != "all"}
        )


def called(make: Callable[..., Recipe]) -> Callable[..., Recipe]:
    """Return ``make`` with its recipes' ``call`` written out: its name and every option with its value.

    Raises:
        ConfigError: what it returns, when called, is no recipe.
    """

    @functools.wraps(make)
    def recipe(*args: Any, **options: Any) -> Recipe:
        made, bound = make(*args, **options), inspect.signature(make).bind(*args, **options)
        bound.apply_defaults()
        if not isinstance(made, Recipe):
            raise ConfigError(
                f"'{make.__name__}' returned a {type(made).__name__}, but a strategy is a Recipe"
            )
        given = ", ".join(f"{name}={value!r}" for name, value in bound.arguments.items())
        return replace(made, call=f"{make.__name__}({given})")

    return recipe
