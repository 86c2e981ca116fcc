"""FedDyn's dynamic regulariser."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from isofed.config import within
from isofed.strategies.local.trees import apart, as_tree, moved, tensors, travelling
from isofed.strategies.recipe import LocalTerm, TermStart
from isofed.trees import Tree

Arrays = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Dynamic:
    """One round at one site: the gradient it remembers, and w where the round began, by parameter."""

    held: Arrays
    began: Arrays
    now: Mapping[str, Any] = field(repr=False)


def dynamic(alpha: float) -> LocalTerm:
    """Move the site's optimum onto everybody's: gradient - g_i + α (w - w_global).

    At the end g_i ← g_i - α (w_i - w_global), which stays at the site; where privacy steps change w_i on its
    way out, w_i is what the server reads, so that its sum stays that of the g_i. The server's half is
    :func:`~isofed.strategies.optimisers.accumulate`.

    Args:
        alpha: α, above 0.

    Source: Acar et al., Federated Learning Based on Dynamic Regularization, 2021, eq. 2 and algorithm 1.
    """
    within("alpha", alpha, 1e-12, 1e6)
    return LocalTerm(
        f"dynamic(alpha={alpha})",
        start=_begin,
        drift=lambda state, now: _push(alpha, state),
        remember=lambda state: as_tree(_next(alpha, state)),
        settle=lambda before, counted: moved(before, counted["model"].tree, -alpha),
        name="dynamic",
    )


def _begin(given: TermStart) -> Dynamic:
    now, began = travelling(given)
    held = tensors(given.memory if isinstance(given.memory, Tree) else None, now)
    return Dynamic(held, began, now)


def _push(alpha: float, state: Dynamic) -> Arrays:
    push = apart(state.now, state.began)
    torch._foreach_mul_(list(push.values()), alpha)
    torch._foreach_sub_(list(push.values()), [state.held[name] for name in push])
    return push


def _next(alpha: float, state: Dynamic) -> Arrays:
    way = apart(state.now, state.began)
    return {name: held - alpha * way[name] for name, held in state.held.items()}
