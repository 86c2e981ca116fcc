"""A torch optimiser over stacked parameters: the same formulas entry by entry, a state row for each site."""

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, optim

from isofed.client.stacked_rows import gathered, stacked
from isofed.trees import Layout, Tree, dtype_name

ELEMENTWISE = (
    optim.SGD,
    optim.Adam,
    optim.AdamW,
    optim.Adamax,
    optim.NAdam,
    optim.RAdam,
    optim.RMSprop,
    optim.Adadelta,
)
COUNTS = ("step", "mu_product")  # one number for a whole parameter, which stacked sites must have in common
_SEPARATOR = "/"


def refusal(optimiser: optim.Optimizer) -> str | None:
    """Return why an optimiser's step cannot be taken on stacked parameters, or None."""
    if type(optimiser) not in ELEMENTWISE:
        known = ", ".join(kind.__name__ for kind in ELEMENTWISE)
        return f"{type(optimiser).__name__} is not known to work entry by entry, as torch's {known} do"
    if optimiser._optimizer_step_pre_hooks or optimiser._optimizer_step_post_hooks:
        return "its optimiser has hooks around a step, which would see all sites at once"
    return None


def over(optimiser: optim.Optimizer, names: Mapping[int, str], leaves: Mapping[str, Tensor]) -> Any:
    """Return an optimiser like ``optimiser``, with no state yet, over the stacked leaves.

    Args:
        optimiser: over one model; left as it is.
        names: of its parameters, by ``id``; one that is not in ``leaves`` is never trained.
        leaves: (K, *shape) by name.
    """
    made = copy.copy(optimiser)
    made.state = defaultdict(dict)
    made.param_groups = [
        {**group, "params": [leaves[names[id(p)]] for p in group["params"] if names[id(p)] in leaves]}
        for group in optimiser.param_groups
    ]
    return made


def kind_of(state: Tree | None) -> Any:
    """Return what sites' states must have in common to be stacked: their layout and their counts."""
    if state is None:
        return None
    counts = [state[name].tobytes() for name in state if name.partition(_SEPARATOR)[0] in COUNTS]
    return state.layout.digest, tuple(counts)


def restore(optimiser: Any, leaves: Mapping[str, Tensor], states: Sequence[Tree]) -> None:
    """Give the optimiser what K sites remember, of one kind; nothing where they remember nothing."""
    if not states or states[0] is None:
        return
    device = str(next(iter(leaves.values())).device)
    for name, values in stacked(states, states[0].layout, device).leaves().items():
        key, _, parameter = name.partition(_SEPARATOR)
        # as in a single site's optimiser, counts stay on the CPU
        optimiser.state[leaves[parameter]][key] = values[0].cpu().clone() if key in COUNTS else values


def export(optimiser: Any, names: Mapping[int, str], count: int) -> list[Tree]:
    """Return each site's state, in the tree that it would export by itself.

    Args:
        optimiser: over stacked parameters.
        names: of these, by ``id``.
        count: K.
    """
    held = dict(_entries(optimiser, names, count))
    layout = Layout.of((name, tuple(value.shape[1:]), dtype_name(value)) for name, value in held.items())
    return gathered(held, layout).trees(count) if held else [Tree(layout, {}) for _ in range(count)]


def _entries(optimiser: Any, names: Mapping[int, str], count: int) -> Iterator[tuple[str, Tensor]]:
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            for key, value in optimiser.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    each = value.expand(count, *value.shape) if key in COUNTS else value
                    yield f"{key}{_SEPARATOR}{names[id(parameter)]}", each.to(parameter.device)
