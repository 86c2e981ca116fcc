"""Which names travel, and a module laid over flat storage accordingly."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from isofed import room
from isofed.scratch import past
from isofed.suggest import pick
from isofed.trees import Layout, Tree, dtype_name

TRAVELLING = ("model", "buffers")
STAYING = ("own", "own_buffers")
FIXED = ("base",)
HEAD, BODY, NORMS = "head", "body", "norms"
_STAYS = {HEAD: "without its head", BODY: "its head alone", NORMS: "without its normalisation layers"}


def _always(name: str) -> bool:
    return True


@dataclass(frozen=True)
class Share:
    """Which state-dict names travel, which stay at a site, and which are never trained.

    Args:
        call: the call that made it.
        travels: from a state-dict name to whether it leaves the site.
        kept: prefixes of the names that stay.
        known: whether ``kept`` says all that stays.
        parts: parts of a model that stay, too, and whose names nobody knows yet: ``head``, ``body`` (all
            but the head) or ``norms``, normalisation layers with their statistics, told by their type.
        trains: from a parameter's name to whether it is ever trained; one that is not neither travels nor is
            remembered, and is the same everywhere because everybody begins with it.
        fully: parts of a model, ``head`` or ``norms``, that are trained whatever ``trains`` says.
        adapt: (module, the head's prefixes, torch generator) changes a fresh model, for example by adapters
            beside its layers.
    """

    call: str
    travels: Callable[[str], bool] = field(repr=False)
    kept: tuple[str, ...] = ()
    known: bool = True
    parts: tuple[str, ...] = ()
    trains: Callable[[str], bool] = field(default=_always, repr=False)
    fully: tuple[str, ...] = ()
    adapt: Callable[[nn.Module, tuple[str, ...], torch.Generator], None] | None = field(
        default=None, repr=False
    )

    @property
    def freezes(self) -> bool:
        """Whether a part of the model is never trained, so that it must be the same everywhere."""
        return self.trains is not _always

    def complete(self, unneeded: tuple[str, ...] = ()) -> bool:
        """Return whether the server's part can be evaluated by itself by a task that needs no names under
        the prefixes ``unneeded``."""
        return (
            self.known
            and not self.parts
            and all(prefix.startswith(unneeded or ("\n",)) for prefix in self.kept)
        )

    def but(self, *prefixes: str) -> "Share":
        """Return this share without the names that begin with one of ``prefixes``."""
        travels = self.travels
        return replace(
            self,
            call=f"{self.call} but {prefixes}",
            travels=lambda name: travels(name) and not name.startswith(prefixes),
            kept=(*self.kept, *prefixes),
        )

    def of(self, head: tuple[str, ...]) -> "Share":
        """Return this share for a task whose head's names begin with one of ``head``."""
        left = replace(self, parts=tuple(part for part in self.parts if part not in (HEAD, BODY)))
        if HEAD in self.parts:
            left = left.but(*head)
        if BODY in self.parts:
            travels = left.travels
            left = replace(left, travels=lambda n: travels(n) and n.startswith(head), known=False)
        if HEAD in self.fully:
            left = replace(left, trains=lambda n: self.trains(n) or n.startswith(head))
        return left

    def trained(self, module: nn.Module) -> Callable[[str], bool]:
        """Return the function from a parameter's name in ``module`` to whether it is ever trained."""
        if NORMS not in self.fully:
            return self.trains
        norms = norm_names(module)
        return lambda name: self.trains(name) or name in norms

    def group(self, module: nn.Module) -> Callable[[str, bool], str]:
        """Return the function from (name, whether it is a parameter) of a module to its group of names."""
        norms = norm_names(module) if NORMS in self.parts else frozenset()
        trained = self.trained(module)

        def group(name: str, parameter: bool) -> str:
            if parameter and not trained(name):
                return "base"
            leaves = self.travels(name) and name not in norms
            return (TRAVELLING if leaves else STAYING)[0 if parameter else 1]

        return group


everything = Share("everything", lambda name: True)
"""The whole state dict, statistics and head included, as L2RW does."""

nothing = Share("nothing", lambda name: False, known=False)
"""No part of the model: what sites learn from each other travels in channels."""


def without(*prefixes: str) -> Share:
    """Share all names but those that begin with one of ``prefixes``."""
    return Share(f"without{prefixes}", lambda name: not name.startswith(prefixes), prefixes)


def all_but(part: str) -> Share:
    """Share the model without a part of it, whatever a task calls its names.

    Args:
        part: ``head``, ``body`` (so that the head alone travels) or ``norms``.
    """
    pick("part", part, _STAYS)
    return Share(f"all_but('{part}')", lambda name: True, parts=(part,))


def norm_names(module: nn.Module) -> frozenset[str]:
    """Return the names of all parameters and statistics of normalisation layers, at any depth.

    Told by the layer's type, never by spelling: a layer called ``norm`` that is none is not meant.
    """
    return frozenset(
        f"{path}.{name}" if path else name
        for path, layer in module.named_modules()
        if isinstance(layer, NORM_LAYERS)
        for name in layer.state_dict(keep_vars=True)
    )


NORM_LAYERS = (
    nn.modules.batchnorm._NormBase,  # BatchNorm and InstanceNorm of all dimensions, synchronised or not
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def flatten(
    module: nn.Module, share: Share = everything, wanted: tuple[str, ...] = (*TRAVELLING, *STAYING, *FIXED)
) -> dict[str, Tree]:
    """Lay a module's parameters and buffers over flat tensors and return these as trees.

    Afterwards loading a model is one copy for each dtype. Parameters and buffers are told apart by how
    the module registered them, never by spelling.

    Args:
        module: changed in place: its parameters and buffers become views of the flat tensors.
        share: which names go into ``model`` and ``buffers``; what stays goes into ``own`` and
            ``own_buffers``, and parameters that are never trained into ``base``.
        wanted: lay only these groups over new storage; the others are left as they are.

    Returns:
        The non-empty trees by group; ``model`` and ``buffers`` are always there.
    """
    groups: dict[str, dict[str, torch.Tensor]] = {group: {} for group in (*TRAVELLING, *STAYING, *FIXED)}
    group = share.group(module)
    for name, parameter in module.named_parameters():
        groups[group(name, True)][name] = parameter.data
    for name, buffer in _persistent_buffers(module):
        groups[group(name, False)][name] = buffer
    trees = {g: _flat(a) for g, a in groups.items() if g in wanted and (a or g in TRAVELLING)}
    for tree in trees.values():
        _rehome(module, tree)
    return trees


def left(module: nn.Module, tree: Tree) -> Tree:
    """Leave a tree to whoever has it, and return one without memory; so is what of the module lay over it.

    What was in the module can be used no more, until :func:`housed` gives it memory again.
    """
    nowhere = tree.map(lambda buffer: buffer.new_empty(()))
    for leaf in tree.layout.leaves:
        # of the same shape, so that whoever looks at that alone need not know
        _attach(module, leaf.name, nowhere.buffers[leaf.dtype].expand(leaf.shape))
    return nowhere


def homeless(tree: Tree) -> bool:
    """Whether a tree is one that :func:`left` returned."""
    return any(buffer.dim() == 0 for buffer in tree.buffers.values())


def housed(module: nn.Module, tree: Tree) -> Tree:
    """Lay what of a module has no memory over some of which the values are not said, and return its tree."""
    layout = tree.layout
    fresh = Tree(layout, {d: _empty(size, d, None) for d, size in layout.sizes.items()})
    _rehome(module, fresh)
    return fresh


def _persistent_buffers(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    kept = set(module.state_dict())
    return ((name, buffer) for name, buffer in module.named_buffers() if name in kept)


def _flat(arrays: Mapping[str, torch.Tensor]) -> Tree:
    layout = Layout.of((name, tuple(a.shape), dtype_name(a)) for name, a in arrays.items())
    device = next(iter(arrays.values())).device if arrays else None
    tree = Tree(layout, {dtype: _empty(size, dtype, device) for dtype, size in layout.sizes.items()})
    for name, array in arrays.items():
        tree[name].copy_(array)
        if device is None or device.type == "cpu":
            past(tree[name].numpy())
    return tree


def _empty(size: int, dtype: str, device: torch.device | None) -> torch.Tensor:
    if device is not None and device.type != "cpu":
        return torch.empty(size, dtype=getattr(torch, dtype), device=device)
    return torch.from_numpy(room.empty(size, dtype))


def _rehome(module: nn.Module, tree: Tree) -> None:
    for name in tree:
        _attach(module, name, tree[name])


def _attach(module: nn.Module, name: str, value: torch.Tensor) -> None:
    path, _, attribute = name.rpartition(".")
    owner = module.get_submodule(path)
    if attribute in owner._parameters:
        owner._parameters[attribute].data = value  # type: ignore[union-attr]
    else:
        owner._buffers[attribute] = value
