"""Ditto's personal model."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from isofed.config import within
from isofed.strategies.local.trees import as_tree, travelling
from isofed.strategies.local.twin import Twin, descend, gradient, twin
from isofed.strategies.recipe import LocalTerm, Seen, TermStart


@dataclass(frozen=True)
class Tethered:
    """One round at one site: its own model v_k, and w^t by parameter, to which it is tied."""

    own: Twin
    around: Mapping[str, torch.Tensor]


def tethered(lam: float) -> LocalTerm:
    """Train a model of the site's own beside the global one: v_k ← v_k - η (∇F_k(v_k) + λ (v_k - w^t)).

    After each step of the global model v_k takes one on the same batch at the same rates, by plain SGD
    whatever the task's optimiser (no momentum, no weight decay), as in the paper, and in single precision.
    It has running statistics of its own, and the global model ends as it would without it. It begins as the
    first model that the site receives; what no other site has, such as a private head, is tied to nothing.
    Twice the steps, two models in memory.

    Args:
        lam: λ, at least 0; 0 trains v_k alone.

    Source: Li et al., Ditto: Fair and Robust Federated Learning Through Personalization, ICML 2021,
    algorithm 1.
    """
    within("lam", lam, 0.0, 1e6)
    return LocalTerm(
        f"tethered(lam={lam})",
        start=_start,
        stepped=lambda state, seen, rates: _step(lam, state, seen, rates),
        remember=lambda state: as_tree(state.own.state),
        name="tethered",
        personal=True,
    )


def _start(given: TermStart) -> Tethered:
    return Tethered(twin(given), travelling(given)[1])


def _step(lam: float, state: Tethered, seen: Seen, rates: Mapping[str, float]) -> None:
    slopes, now = gradient(state.own, seen, rates), state.own.parameters
    for name in slopes.keys() & state.around.keys():
        slopes[name] = slopes[name] + lam * (now[name].detach() - state.around[name])
    descend(now, slopes, rates)
