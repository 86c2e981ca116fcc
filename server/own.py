"""Evaluation at the sites: what they are asked, and one entry from what they answer."""

from collections.abc import Iterable, Mapping
from statistics import fmean, stdev
from typing import Any

from flwr.app import Message
from flwr.common.constant import ErrorCode

from isofed.contracts import check_statistics
from isofed.errors import ContractError, RoundError
from isofed.events import OWN, Emit
from isofed.protocols import wire
from isofed.protocols.refusals import shown
from isofed.records import Channel, Order, Value
from isofed.server.state import ServerState
from isofed.setting import Setting
from isofed.strategies.share import TRAVELLING
from isofed.tasks.task import Statistics

Results = dict[str, Any]


class Absent(RoundError):
    """Whoever was to measure is not there; the model is none the worse for it."""


def measuring(state: ServerState, setting: Setting, sites: Mapping[str, int]) -> list[Message]:
    """Ask sites to measure on their held-out samples, each with what it would be sent to train on next.

    Args:
        state: after a round; a site begins from the memory version that it counts.
        setting: asks nobody where its holdout is 0.
        sites: node ID by site name.
    """
    if not setting.holdout:
        return []
    names = (*TRAVELLING, *setting.recipe.trees)
    trees: dict[str, Channel] = {name: Value(state.trees[name]) for name in names}

    def ask(site: str) -> Message:
        base, channels = state.versions.get(site, ""), trees | state.tables_for(site)
        order = Order(setting.run, state.round, 1, base, setting.digest, channels)
        return Message(wire.order_content(order), sites[site], "evaluate", group_id=str(state.round))

    return [ask(site) for site in sites]


def statistics(reply: Message | None, round: int, names: Iterable[str] | None = None) -> Statistics:
    """Return the statistics in an answer.

    Args:
        reply: of an evaluator or a site; None where none came in time.
        round: after which it was asked.
        names: of the statistics, where they are known.

    Raises:
        Absent: nobody answered.
        RoundError: there are none, and why.
    """
    reason: str = "no answer in time"
    kind = Absent if reply is None or gone(reply) else RoundError
    if reply is not None and reply.has_error():
        reason = shown(reply.error.reason or "an error without a reason")
    elif reply is not None:
        numbers: Any = dict(reply.content.metric_records.get("statistics", {}))
        try:
            check_statistics(numbers, names)
            return numbers
        except ContractError as error:
            reason = str(error)
    raise kind(f"the evaluation after round {round} failed: {reason}")


def gone(reply: Message) -> bool:
    """Tell whether a reply says only that its site is not there."""
    return reply.has_error() and reply.error.code == ErrorCode.NODE_UNAVAILABLE


def gathered(
    replies: Iterable[tuple[str, Message | None]], setting: Setting, round: int, fewest: int, emit: Emit
) -> dict[str, Statistics]:
    """Return the sites' statistics; a site that gives none is told of and left out.

    Raises:
        Absent: fewer than ``fewest`` sites gave theirs, and all others are not there.
        RoundError: fewer than ``fewest`` sites gave theirs.
    """
    found, why = dict[str, Statistics](), ""
    kind: type[RoundError] = Absent
    for site, reply in replies:
        try:
            found[site] = statistics(reply, round, setting.task.own.sums(setting.options))
        except RoundError as error:
            why, kind = f"{site}: {error}", kind if isinstance(error, Absent) else RoundError
            emit("refused", site=site, round=round, reason=str(error))
    if len(found) < fewest:
        raise kind(f"{len(found)} sites of the {fewest} that are needed have measured; {why}")
    return found


def over_sites(found: Mapping[str, Statistics], setting: Setting) -> Results:
    """Return the measures of the sites, and what they come to, under ``own``; nothing where there are none.

    A site without a held-out sample, of whom the task has no measure, is left out.
    """
    sites = {site: dict(setting.task.own.result(sums)["mean"]) for site, sums in found.items()}
    sites = {site: measures for site, measures in sites.items() if measures}
    return {OWN: together(sites)} if sites else {}


def together(sites: Mapping[str, Mapping[str, float]]) -> Results:
    """Return ``mean``, ``spread`` and ``lowest`` over sites by measure, and each site's under ``sites``.

    The mean gives every site the same weight, the spread is the sample standard deviation over sites (0 for
    one), the lowest is the worst site's, measure by measure. A site without some measure, as one without
    labels has no accuracy, is left out of that measure alone.
    """
    names = dict.fromkeys(name for measures in sites.values() for name in measures)
    each = {name: [measures[name] for measures in sites.values() if name in measures] for name in names}
    return {
        "mean": {name: fmean(values) for name, values in each.items()},
        "spread": {name: stdev(values) if len(values) > 1 else 0.0 for name, values in each.items()},
        "lowest": {name: min(values) for name, values in each.items()},
        "sites": {site: dict(measures) for site, measures in sites.items()},
    }


def flat(results: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested results as ``{"own.sites.cam1.own_R1": 0.5, ...}``, which Flower's records can hold."""
    found: dict[str, Any] = {}
    for name, value in results.items():
        found |= (
            flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: float(value)}
        )
    return found


def nested(values: Mapping[str, Any]) -> Results:
    """Return what :func:`flat` was given; no name may hold a dot."""
    results: Results = {}
    for name, value in values.items():
        *path, last = name.split(".")
        place = results
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return results
