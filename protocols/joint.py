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


def moves(channel: Channel, start: Tree) -> Tree:
    """Return by how much a tree's values moved, in float64; what is no real number did not.

    Args:
        channel: of values.
        start: from which they are counted.
    """
    assert isinstance(channel, Value)
    change = channel.tree.wide().map(lambda local, began: local - began, start)
    return of_reals(reals(change), change)


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


def reals(tree: Tree) -> np.ndarray:
    """Return all real buffers of a tree one behind the other, (d,); whole numbers are left out."""
    kept = [buffer for dtype, buffer in tree.buffers.items() if "float" in dtype]
    return np.concatenate(kept) if kept else np.zeros(0)


def of_reals(vector: np.ndarray, like: Tree) -> Tree:
    """Return what :func:`reals` joined as a tree, float64, with zeros where there are whole numbers."""
    buffers, at = {}, 0
    for dtype, size in like.layout.sizes.items():
        if "float" in dtype:
            buffers[dtype], at = vector[at : at + size], at + size
        else:
            buffers[dtype] = np.zeros(size)
    return Tree(like.layout, buffers)


def narrowed(tree: Tree) -> Tree:
    """Return a tree in the dtypes of its layout, nothing larger than it was."""
    return Tree(tree.layout, {d: towards_zero(buffer, d) for d, buffer in tree.buffers.items()})


def towards_zero(values: np.ndarray, dtype: str) -> np.ndarray:
    """Return values in a narrower dtype, none of them larger than it was: a bound on their norm holds on."""
    with np.errstate(over="ignore"):
        narrow = values.astype(dtype)
    beyond = np.abs(narrow.astype(np.float64)) > np.abs(values)
    narrow[beyond] = np.nextafter(narrow[beyond], np.zeros(1, dtype))
    return narrow
