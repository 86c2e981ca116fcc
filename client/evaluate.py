"""The evaluator's part: a model in, sums over queries out."""

from collections.abc import Mapping
from typing import Any

from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.records import Channel
from isofed.strategies.share import TRAVELLING


def evaluate(shop: Workshop, place: Place, channels: Mapping[str, Channel]) -> dict[str, Any]:
    """Measure a global model on the test data of this node.

    Returns:
        Numbers that add up over disjoint sets of queries; nothing about a single image.

    Raises:
        CompositionError: the recipe keeps a part of the model at the sites.
    """
    if not shop.setting.evaluable:
        raise CompositionError("the strategy has no complete global model to evaluate; evaluate at the sites")
    for group in TRAVELLING:
        channel: Any = channels[group]
        shop.load(group, channel.tree)
    task = shop.setting.task
    return dict(task.evaluate(shop.model.eval(), shop.test_data(place), shop.setting.options))
