"""One training round as a generator: it yields what to ask and is sent what came back.

It knows neither Flower nor a network, so it is tested with plain values. A privacy protocol that needs
several exchanges wraps the yield.
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from isofed.errors import BudgetError, RoundError
from isofed.protocols.pipeline import Pipeline
from isofed.protocols.step import Use
from isofed.records import Channel, Order, Value
from isofed.seeds import Secrets
from isofed.server.asks import Ask, Reply
from isofed.server.cohorts import drawn
from isofed.server.gathered import Gathered
from isofed.server.state import OF_STEP, ServerState
from isofed.server.total import Total
from isofed.setting import Setting
from isofed.spans import AGGREGATION, span
from isofed.strategies.robust.rule import fewest as needs
from isofed.trees import Tree

Round = Generator[list[Ask], Iterable[Sequence[Reply]], "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """A round's result before it is committed.

    Args:
        state: the server's next state, its history not yet extended.
        numbers: the public numbers of each counted site.
        refused: reasons by site.
        arrived: what the history says of virtual time: its ``clock``, and each counted site's ``staleness``;
            or how long the round ``lasted``, and who is ``missing`` of the sites that were asked, and why.
    """

    state: ServerState
    numbers: Mapping[str, Mapping[str, float]]
    refused: Mapping[str, str]
    arrived: Mapping[str, Any] = field(default_factory=dict)


def training_round(
    state: ServerState,
    setting: Setting,
    sites: Sequence[str],
    attempt: int,
    fewest: int,
    secrets: Secrets | None = None,
    guide: Tree | None = None,
) -> Round:
    """Ask the sites to train and fold their reports in the order in which they are sent in.

    They come in runs of those that are there at once. Large ones are folded together at the end of their run,
    so that sums are read less often, and no report is held for the sake of others that are to come.

    Where reports arrive in virtual time, those are asked whose reports make this step, each with the model
    that it began with. Learning rates and batches are those of the step that counts the report.

    Args:
        state: after the round before.
        setting: recipe and run.
        sites: who may take part, in the order of their names; looked up one by one, so that there may be
            many of which only a cohort is asked.
        attempt: counted from 1.
        fewest: the fewest usable reports that make a round.
        secrets: the server's own, where privacy steps draw on the sum.
        guide: the model that data of the server's own made of the one that it sends, where the rule asks.

    Raises:
        RoundError: fewer usable reports than that.
        BudgetError: likewise, and so many sites say that their privacy budget is spent, for good, that there
            would be too few however often the others are asked.
    """
    number = state.round + 1
    cohort = drawn(state, setting, sites, secrets)
    models = {step: _model(state, step) for step in set(cohort.began.values())}
    run, digest, versions = setting.run, setting.digest, state.versions
    asks = []
    for site, step in cohort.began.items():
        channels = models[step] | state.tables_for(site)
        asks.append(Ask(site, Order(run, number, attempt, versions.get(site, ""), digest, channels)))
    with span(AGGREGATION, "sums"):
        total = Total.of(state, setting, len(sites), cohort)
    if guide is not None and isinstance(total.models, Gathered):
        total.models.guide = guide, state.trees["model"]
    replies = yield asks
    for together in replies:
        total.take(together)
        del together  # the next one is made in its memory
    # where sites are drawn by chance, or are not all there, there may be fewer of them
    fewest = min(fewest, len(asks)) if total.expected else fewest
    fewest = min(fewest, needs(setting.recipe.rule, len(asks))) if setting.clients else fewest
    if len(total.numbers) < fewest:
        # a budget that is spent stays spent: to ask again would cost the others, too; where these are enough,
        # though, what a site says of its own ends nothing
        spent = total.spent and len(asks) - len(total.spent) < fewest
        raise (BudgetError if spent else RoundError)(_too_few(number, total, fewest))
    total.protect(Pipeline(setting.recipe.privacy), Use(number, attempt, secrets, kept=state.private))
    return Outcome(total.next_state(), total.numbers, total.refused, total.arrived())


def _model(state: ServerState, step: int) -> dict[str, Channel]:
    return {name: Value(state.at(name, step)) for name in state.trees if OF_STEP not in name}


def _too_few(number: int, total: Total, fewest: int) -> str:
    alike: dict[str, list[str]] = {}
    for site, reason in total.refused.items():
        alike.setdefault(reason, []).append(site)
    reasons = "; ".join(f"{', '.join(who)}: {why}" for why, who in alike.items()) or "nobody answered"
    return f"round {number} got {len(total.numbers)} usable reports of the {fewest} it needs ({reasons})"
