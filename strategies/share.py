"""Which names travel, and a module laid over flat storage accordingly."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from isofed.trees import Layout, Leaf, Tree, dtype_name

TRAVELLING = ("model", "buffers")
STAYING = ("own", "own_buffers")


@dataclass(frozen=True)
class Share:
    """Which state-dict names travel.

    Args:
        call: the call that made it.
        travels: from a state-dict name to whether it leaves the site.
        kept: prefixes of the names that stay.
        known: whether ``kept`` says all that stays.
    """

    call: str
    travels: Callable[[str], bool] = field(repr=False)
    kept: tuple[str, ...] = ()
    known: bool = True

    def complete(self, unneeded: tuple[str, ...] = ()) -> bool:
        """Return whether the server's part can be evaluated by itself by a task that needs no names under
        the prefixes ``unneeded``."""
        return self.known and all(prefix.startswith(unneeded or ("\n",)) for prefix in self.kept)

    def but(self, *prefixes: str) -> "Share":
        """Return this share without the names that begin with one of ``prefixes``."""
        travels = self.travels
        return Share(
            f"{self.call} but {prefixes}",
            lambda name: travels(name) and not name.startswith(prefixes),
            (*self.kept, *prefixes),
            self.known,
        )


everything = Share("everything", lambda name: True)
"""The whole state dict, statistics and head included, as L2RW does."""


def without(*prefixes: str) -> Share:
    """Share all names but those that begin with one of ``prefixes``, such as a task's head."""
    return Share(f"without{prefixes}", lambda name: not name.startswith(prefixes), prefixes)


def flatten(
    module: nn.Module, share: Share = everything, wanted: tuple[str, ...] = (*TRAVELLING, *STAYING)
) -> dict[str, Tree]:
    """Lay a module's parameters and buffers over flat tensors and return these as trees.

    Afterwards loading a model is one copy for each dtype. Parameters and buffers are told apart by how
    the module registered them, never by spelling.

    Args:
        module: changed in place: its parameters and buffers become views of the flat tensors.
        share: which names go into ``model`` and ``buffers``; the others go into ``own`` and
            ``own_buffers``.
        wanted: lay only these groups over new storage; the others are left as they are.

    Returns:
        The non-empty trees by group; ``model`` and ``buffers`` are always there.
    """
    groups: dict[str, dict[str, torch.Tensor]] = {group: {} for group in (*TRAVELLING, *STAYING)}
    for name, parameter in module.named_parameters():
        groups["model" if share.travels(name) else "own"][name] = parameter.data
    for name, buffer in _persistent_buffers(module):
        groups["buffers" if share.travels(name) else "own_buffers"][name] = buffer
    trees = {g: _flat(a) for g, a in groups.items() if g in wanted and (a or g in TRAVELLING)}
    for tree in trees.values():
        _rehome(module, tree)
    return trees


def _persistent_buffers(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    kept = set(module.state_dict())
    return ((name, buffer) for name, buffer in module.named_buffers() if name in kept)


def _flat(arrays: Mapping[str, torch.Tensor]) -> Tree:
    layout = Layout.of((name, tuple(a.shape), dtype_name(a)) for name, a in arrays.items())
    device = next(iter(arrays.values())).device if arrays else None
    buffers = {
        dtype: torch.empty(size, dtype=getattr(torch, dtype), device=device)
        for dtype, size in layout.sizes.items()
    }
    tree = Tree(layout, buffers)
    for name, array in arrays.items():
        tree[name].copy_(array)
    return tree


def _rehome(module: nn.Module, tree: Tree) -> None:
    for leaf in tree.layout.leaves:
        path, _, attribute = leaf.name.rpartition(".")
        _attach(module.get_submodule(path), attribute, leaf, tree)


def _attach(owner: nn.Module, attribute: str, leaf: Leaf, tree: Tree) -> None:
    if attribute in owner._parameters:
        owner._parameters[attribute].data = tree[leaf.name]  # type: ignore[union-attr]
    else:
        owner._buffers[attribute] = tree[leaf.name]
