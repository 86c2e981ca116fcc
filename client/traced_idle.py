"""Operations of a traced step that do nothing: a tensor shown anew as it was already."""

from typing import Any

import torch
from torch import Tensor
from torch.fx import Graph, Node

aten = torch.ops.aten
SHOW = frozenset(
    {
        *(aten.t.default, aten.transpose.int, aten.permute.default, aten.expand.default),
        *(aten.view.default, aten._unsafe_view.default, aten.detach.default, aten.alias.default),
        *(aten.squeeze.dim, aten.squeeze.dims, aten.unsqueeze.default),
    }
)
"""Operations whose result is their first argument's memory, looked at in another way."""


def without_idle(graph: Graph) -> None:
    """Take out of a graph what only shows a tensor as somebody before it already did.

    Where nobody differentiates any more, a tensor that was turned twice, or was only taken out of what
    autograd notes, is the tensor itself.

    Args:
        graph: of ATen's operations, as make_fx leaves them, with an example of every result; changed.
    """
    for node in list(graph.nodes):
        same = next((each for each in _shown(node) if _alike(each, node)), None)
        if same is not None:
            node.replace_all_uses_with(same)
    for node in reversed(list(graph.nodes)):
        if node.target in SHOW and not node.users:
            graph.erase_node(node)


def _shown(node: Node) -> list[Node]:
    """Return whose memory a node shows, the last first."""
    found: list[Node] = []
    while node.target in SHOW:
        before: Any = node.args[0]
        found.append(before)
        node = before
    return found


def _alike(one: Node, other: Node) -> bool:
    first, second = one.meta.get("val"), other.meta.get("val")
    if not isinstance(first, Tensor) or not isinstance(second, Tensor):
        return False
    return (first.shape, first.stride(), first.storage_offset(), first.dtype) == (
        *(second.shape, second.stride()),
        *(second.storage_offset(), second.dtype),
    )
