"""The pictures of the report and of TensorBoard: the evaluator's own data, seen by the final model."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.server.state import Checkpoints
from isofed.simulations.federation import EVALUATOR, Federation, first_state
from isofed.simulations.projector import Projection
from isofed.simulations.report import Gallery, GalleryRow, Hit
from isofed.strategies.share import TRAVELLING
from isofed.tasks.task import Scores


def gallery(federation: Federation) -> Gallery | None:
    """Return retrieved pictures; None where the task shows none or no whole model is at hand."""
    shop = federation.workshop()
    show = shop.setting.task.pictures
    if show is None or not shop.setting.evaluable:
        return None
    rows = show(*final(shop, federation), shop.setting.options)
    return Gallery(
        tuple(GalleryRow(query, caption, tuple(Hit(*hit) for hit in hits)) for query, caption, hits in rows),
        retrieval=not shop.setting.task.head_evaluated,
    )


def projection(federation: Federation) -> Projection | None:
    """Return the embedding of test pictures; None where there is none or no whole model is at hand."""
    shop = federation.workshop()
    show = shop.setting.task.projection
    if show is None or not shop.setting.evaluable:
        return None
    return Projection(*show(*final(shop, federation), shop.setting.options))


def scores(federation: Federation) -> dict[str, dict[str, Any]] | None:
    """Return how the final model's comparisons fell out by test set, as plain values; None where the task
    compares nothing or no whole model is at hand."""
    shop = federation.workshop()
    task = shop.setting.task
    if task.scores is None or not shop.setting.evaluable:
        return None
    return plain(task.scores(task.evaluate(*final(shop, federation), shop.setting.options)))


def plain(found: Mapping[str, Scores]) -> dict[str, dict[str, Any]]:
    """Return scores as JSON has them."""
    return {name: asdict(each) for name, each in found.items()}


def final(shop: Workshop, federation: Federation) -> tuple[Any, Any]:
    """Return the model of the last checkpoint and the test data."""
    checkpoints = Checkpoints(federation.folder / "checkpoints", shop.setting.digest)
    state = checkpoints.latest(first_state(shop))
    for group in TRAVELLING:
        shop.load(group, state.trees[group])
    return shop.model.eval(), shop.test_data(Place.of(federation.nodes()[EVALUATOR].config))
