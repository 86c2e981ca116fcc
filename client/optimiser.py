"""A torch optimiser's state as a tree and back, whatever the optimiser."""

from collections.abc import Iterator

import numpy as np
import torch

from isofed.trees import Tree, from_arrays

_SEPARATOR = "/"


def export_state(optimiser: torch.optim.Optimizer, names: dict[int, str]) -> Tree:
    """Copy the state of every parameter into a tree of ``<key>/<parameter>`` leaves.

    Args:
        optimiser: any; entries that are neither tensors nor numbers are left out.
        names: parameter names by ``id``.
    """
    return from_arrays(dict(_entries(optimiser, names)))


def restore_state(
    optimiser: torch.optim.Optimizer, parameters: dict[str, torch.Tensor], tree: Tree | None
) -> None:
    """Overwrite the optimiser's state, or empty it where ``tree`` is None."""
    optimiser.state.clear()
    for name, array in tree.items() if tree else ():
        key, _, parameter = name.partition(_SEPARATOR)
        value, owner = torch.from_numpy(np.array(array)), parameters[parameter]
        # a count of steps stays where torch puts it; what has the parameter's shape lies beside it
        optimiser.state[owner][key] = value.to(owner.device) if value.dim() else value


def _entries(optimiser: torch.optim.Optimizer, names: dict[int, str]) -> Iterator[tuple[str, np.ndarray]]:
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            for key, value in optimiser.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor):
                    yield f"{key}{_SEPARATOR}{names[id(parameter)]}", value.detach().cpu().numpy()
                elif isinstance(value, int | float):
                    yield f"{key}{_SEPARATOR}{names[id(parameter)]}", np.array(value)
