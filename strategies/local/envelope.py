"""pFedMe's personal model and Moreau envelope."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from isofed.config import within
from isofed.records import Channel
from isofed.strategies.local.trees import apart, as_tree, state_of, travelling
from isofed.strategies.recipe import Done, LocalTerm, TermStart
from isofed.trees import Tree

Arrays = Mapping[str, torch.Tensor]


@dataclass
class Envelope:
    """One round at one site: w by parameter, θ in training, steps so far, and at the end θ as a tree."""

    around: Arrays
    now: Mapping[str, Any] = field(repr=False)
    model: Any = field(repr=False)
    taken: int = 0
    own: Tree | None = None


def envelope(lam: float, k: int, eta: float) -> LocalTerm:
    """Train θ near w, and let w follow every k steps: gradient + λ (θ - w), then w ← w - η λ (w - θ).

    What is trained is θ, by the task's optimiser, k steps on each batch where the schedule has
    ``Phase(repeats=k)``; w leaves, and θ stays as the site's own model. w begins a round as the received
    model, and so does θ; on a new batch θ goes on from where the last one left it. Running statistics are
    θ's. What no other site has, such as a private head, is part of θ alone. A step that fp16 leaves out does
    not count.

    Args:
        lam: λ, above 0: how near θ is held to w. Steps of rate r are stable only for r λ below 2, with
            Nesterov momentum ρ below (2 + 2 ρ) / (1 + 2 ρ).
        k: K, at least 1.
        eta: η, rate of w, above 0; w moves η λ of its way to θ.

    Source: T. Dinh et al., Personalized Federated Learning with Moreau Envelopes, NeurIPS 2020, eq. 7 and
    algorithm 1. There θ is found to a wanted accuracy, from wherever; beginning it so and taking K steps is
    the released code's way.
    """
    within("lam", lam, 1e-12, 1e6)
    within("k", k, 1, 10_000)
    within("eta", eta, 1e-12, 1e6)
    return LocalTerm(
        f"envelope(lam={lam}, k={k}, eta={eta})",
        start=_start,
        drift=lambda state, now: _pull(lam, state),
        stepped=lambda state, seen, rates: _follow(k, eta * lam, state),
        finish=_finish,
        remember=lambda state: state.own,
        name="envelope",
        personal=True,
    )


def _start(given: TermStart) -> Envelope:
    now, began = travelling(given)
    return Envelope(began, now, given.model)


def _pull(lam: float, state: Envelope) -> Arrays:
    pull = apart(state.now, state.around)
    torch._foreach_mul_(list(pull.values()), lam)
    return pull


def _follow(k: int, part: float, state: Envelope) -> None:
    state.taken += 1
    if state.taken % k == 0:
        way = list(apart(state.now, state.around).values())
        torch._foreach_add_(list(state.around.values()), way, alpha=part)


def _finish(state: Envelope, done: Done) -> Mapping[str, Channel]:
    state.own = as_tree(state_of(state.model))
    for name, value in state.around.items():
        state.now[name].detach().copy_(value)
    return {}
