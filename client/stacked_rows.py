"""Trees of one layout stacked: one flat array for each dtype, a row for each site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from isofed.trees import Layout, Tree


@dataclass(frozen=True, eq=False)
class Rows:
    """The trees of K sites.

    Args:
        layout: of every one of them.
        buffers: by dtype, (K, P) with P the layout's elements of that dtype.
    """

    layout: Layout
    buffers: Mapping[str, Tensor]

    def leaves(self) -> dict[str, Tensor]:
        """Return the leaves by name, (K, *shape), as views: the sites' values of one leaf lie P apart."""
        return {
            leaf.name: flat[:, leaf.offset : leaf.offset + leaf.size].view(len(flat), *leaf.shape)
            for leaf in self.layout.leaves
            for flat in (self.buffers[leaf.dtype],)
        }

    def trees(self, count: int) -> list[Tree]:
        """Return the ``count`` sites' NumPy trees, in order; on a CPU each is a view of its row."""
        host = {dtype: flat.cpu().numpy() for dtype, flat in self.buffers.items()}
        return [Tree(self.layout, {dtype: flat[k] for dtype, flat in host.items()}) for k in range(count)]


def stacked(trees: Sequence[Tree], layout: Layout, device: str) -> Rows:
    """Copy NumPy trees into rows on ``device``; one that K sites share is read once.

    Raises:
        ValueError: a tree has another layout than ``layout``.
    """
    for tree in {id(tree.layout): tree for tree in trees}.values():
        if tree.layout is not layout and tree.layout.digest != layout.digest:
            raise ValueError(f"layouts differ: {tree.layout.digest} is not {layout.digest}")
    return Rows(
        layout,
        {
            dtype: torch.from_numpy(_stacked([tree.buffers[dtype] for tree in trees], size, dtype)).to(device)
            for dtype, size in layout.sizes.items()
        },
    )


def _stacked(buffers: Sequence[np.ndarray], size: int, dtype: str) -> np.ndarray:
    rows = np.empty((len(buffers), size), dtype)
    if all(buffer is buffers[0] for buffer in buffers):
        rows[:] = buffers[0]
    else:
        np.stack(buffers, out=rows)
    return rows


def gathered(leaves: Mapping[str, Tensor], layout: Layout) -> Rows:
    """Copy leaves, (K, *shape) each and of the layout's dtypes, into rows."""
    parts: dict[str, list[Tensor]] = {dtype: [] for dtype in layout.sizes}
    for leaf in layout.leaves:
        parts[leaf.dtype].append(leaves[leaf.name].reshape(-1, leaf.size))
    return Rows(layout, {dtype: torch.cat(part, 1) for dtype, part in parts.items()})
