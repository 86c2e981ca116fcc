"""SCAFFOLD's control variates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from isofed.records import Channel, Delta
from isofed.strategies.local.trees import as_tree, moved, tensors, travelling
from isofed.strategies.recipe import Done, LocalTerm, TermStart
from isofed.suggest import pick
from isofed.trees import Tree

CHANNEL = "control"
Arrays = Mapping[str, torch.Tensor]


@dataclass
class Control:
    """One round at one site: c, c_i, and w where the round began, by parameter.

    ``fresh`` is the site's next control variate once it is known.
    """

    around: Arrays
    own: Arrays
    began: Arrays
    now: Mapping[str, Any] = field(repr=False)
    fresh: Arrays = field(default_factory=dict)


def control_variate(option: str = "two") -> LocalTerm:
    """Turn every step towards where all sites would go: gradient + c - c_i.

    At the end the site's control variate becomes

        option one: c_i⁺ = ∇L_i(w_global), the mean gradient over the round's batches at the global model;
        option two: c_i⁺ = c_i - c + (w_global - w_i) / Σ_k η_k,

    and c_i⁺ - c_i leaves. Option two needs plain SGD, whose steps are rate times gradient; weight decay
    counts as part of the loss, and rates may change from step to step. There a parameter that no step of the
    round trained keeps its c_i. Where privacy steps change what leaves, the site's control variate moves by
    that and no further: c stays the mean of the c_i. A site that lost its memory begins at zero again.

    Args:
        option: ``one``, which costs a second pass over the batches, or ``two``.

    Source: Karimireddy et al., SCAFFOLD: Stochastic Controlled Averaging for Federated Learning, 2020,
    algorithm 1. There all local steps have one rate η_l, so that Σ_k η_k is K η_l.
    """
    pick("option", option, dict.fromkeys(("one", "two")))

    def start(given: TermStart) -> Control:
        control = _begin(given)
        if option == "one" and given.gradient is not None:
            control.fresh = given.gradient()
        return control

    return LocalTerm(
        f"control_variate(option='{option}')",
        start=start,
        drift=lambda control, now: _turn(control),
        finish=_finish,
        sends=(CHANNEL,),
        remember=lambda control: as_tree(control.fresh),
        settle=lambda before, counted: moved(before, counted[CHANNEL].tree),
        name="control",
        needs=("plain_sgd",) if option == "two" else (),
        beside="" if option == "two" else "a whole gradient over the round's batches",
    )


def _begin(given: TermStart) -> Control:
    now, began = travelling(given)
    around: Any = given.channels[CHANNEL]
    own = given.memory if isinstance(given.memory, Tree) else None
    return Control(
        tensors(around.tree, now),
        tensors(own, now),
        began,
        now,
    )


def _turn(control: Control) -> Arrays:
    names = list(control.around)
    around, own = ([side[name] for name in names] for side in (control.around, control.own))
    return dict(zip(names, torch._foreach_sub(around, own), strict=True))


def _fresh(control: Control, name: str, reach: float) -> torch.Tensor:
    own = control.own[name]
    moved = control.began[name] - control.now[name].detach()
    return own - control.around[name] + moved / reach if reach else own


def _finish(control: Control, done: Done) -> Mapping[str, Channel]:
    if not control.fresh:
        control.fresh = {name: _fresh(control, name, done.reach[name]) for name in control.own}
    return {CHANNEL: Delta(as_tree({name: control.fresh[name] - own for name, own in control.own.items()}))}
