"""All of a report's changes as one vector, which is what clipping, noise and rounding work on."""

from collections.abc import Mapping

import numpy as np

from isofed.records import Channel, Delta, Value
from isofed.trees import Tree

MODEL = "model"


def changes(channels: Mapping[str, Channel], start: Tree) -> dict[str, Tree]:
    """Return every tree of changes in float64, by name in the order of names: the model's, and the deltas.

    Running statistics and tables are no changes and no part of it.

    Args:
        channels: of a report.
        start: the model that the order carried, from which the report's is counted.
    """
    found = sent(channels)
    model = channels.get(MODEL)
    if isinstance(model, Value):
        found[MODEL] = model.tree.wide().map(lambda local, began: local - began, start)
    return dict(sorted(found.items()))


def sent(channels: Mapping[str, Channel]) -> dict[str, Tree]:
    """Return the trees of those channels that are changes already, in the order of names."""
    return {name: c.tree for name, c in sorted(channels.items()) if isinstance(c, Delta)}


def join(trees: Mapping[str, Tree]) -> np.ndarray:
    """Return all buffers of all trees one behind the other, (d,); numbers of one kind stay of that kind."""
    buffers = [buffer for tree in trees.values() for buffer in tree.buffers.values()]
    return np.concatenate(buffers) if buffers else np.zeros(0)


def split(vector: np.ndarray, like: Mapping[str, Tree]) -> dict[str, Tree]:
    """Return a joint vector cut into trees with the layouts of those that were joined."""
    found, at = {}, 0
    for name, tree in like.items():
        buffers = {}
        for dtype, size in tree.layout.sizes.items():
            buffers[dtype], at = vector[at : at + size], at + size
        found[name] = Tree(tree.layout, buffers)
    return found


def towards_zero(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values in a narrower dtype, none of them larger than it was: a bound on their norm holds on."""
    with np.errstate(over="ignore"):
        narrow = values.astype(dtype)
    beyond = np.abs(narrow.astype(np.float64)) > np.abs(values)
    narrow[beyond] = np.nextafter(narrow[beyond], np.zeros(1, dtype))
    return narrow
