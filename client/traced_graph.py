"""A traced step's graph: without what does nothing, as a function that calls the operations themselves."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.fx import GraphModule, Node
from torch.fx.graph import CodeGen

aten = torch.ops.aten
SHOW = frozenset(
    {
        *(aten.t.default, aten.transpose.int, aten.permute.default, aten.expand.default),
        *(aten.view.default, aten._unsafe_view.default, aten.detach.default, aten.alias.default),
        *(aten.squeeze.dim, aten.squeeze.dims, aten.unsqueeze.default),
    }
)
"""Operations whose result is their first argument's memory, looked at in another way."""


def function_of(module: GraphModule) -> Callable[..., list[Tensor]]:
    """Return a graph as a function of tensors, for when nobody differentiates it any more.

    Args:
        module: ATen's operations, as make_fx leaves them, with an example of every result; changed.

    Raises:
        ValueError: it draws random numbers, or turns a tensor in its place.
    """
    tags = {tag for node in module.graph.nodes for tag in getattr(node.target, "tags", ())}
    if tags & {torch.Tag.nondeterministic_seeded, torch.Tag.inplace_view}:
        raise ValueError("a step that draws, or turns a tensor in its place, is not looked through")
    without_idle(module)
    module.graph.set_codegen(CodeGen())
    code = module.graph.python_code("self")
    source, known = code.src, dict(code.globals)
    for number, operation in enumerate(dict.fromkeys(node.target for node in module.graph.nodes)):
        if isinstance(operation, OpOverload):
            # what torch's Python does around the call takes as long as a small operation
            source = source.replace(f"torch.ops.{operation}(", f"operation_{number}(")
            known[f"operation_{number}"] = getattr(operation, "_op", operation)
    exec(compile(source, "<the operations of a step>", "exec"), known)
    return partial(known["forward"], module)


def without_idle(module: GraphModule) -> None:
    """Take out of a graph what only shows a tensor as somebody before it already did.

    A tensor that was turned twice, or was only taken out of what autograd notes, is the tensor itself.
    """
    graph = module.graph
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
