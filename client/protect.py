"""The site's half of the privacy steps, between training and the reply."""

from typing import Any

from isofed.client.memory import Sections
from isofed.client.place import Place
from isofed.client.train import TERM
from isofed.client.workshop import Workshop
from isofed.protocols.joint import MODEL
from isofed.protocols.step import STATISTICS, Use
from isofed.records import Order, Report
from isofed.trees import Tree


def protected(shop: Workshop, place: Place, order: Order, report: Report) -> Report:
    """Return a report as it leaves the site.

    It draws from the site's secrets, so what comes out is stored, and an attempt asked for again is answered
    with what was drawn the first time.

    Args:
        shop: with the run's steps.
        place: whose secrets.
        order: from whose model the update is counted.
        report: after training, its meaning checked.
    """
    if not shop.pipeline.steps:
        return report
    start, statistics = (_tree(order, name) for name in (MODEL, STATISTICS))
    use = Use(order.round, order.attempt, place.secrets.within(order.run))
    return shop.pipeline.leaving(report, start, use, statistics)


def _tree(order: Order, name: str) -> Tree:
    channel: Any = order.channels[name]
    tree: Tree = channel.tree
    return tree


def settled(shop: Workshop, order: Order, before: Sections, after: Sections, report: Report) -> Sections:
    """Return what a site remembers, where it must agree with what the server counts of the site.

    Args:
        shop: with the run's steps.
        order: that was followed.
        before: what the site remembered when it began.
        after: what it would remember by its training alone.
        report: as it leaves.
    """
    terms = [term for term in shop.setting.recipe.local if term.settle]
    if not shop.pipeline.steps or not terms:
        return after
    counted = shop.pipeline.opened(report, Use(order.round, order.attempt)).channels
    return {**after, **{TERM + t.name: t.settle(before.get(TERM + t.name), counted) for t in terms}}
