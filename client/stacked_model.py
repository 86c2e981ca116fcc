"""K sites' models as stacked parameters and buffers, and the gradients of all of them at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap

from isofed.client.stacked_batch import refilled
from isofed.client.stacked_rows import Rows, gathered, stacked
from isofed.client.workshop import Workshop
from isofed.spans import FORWARD, span
from isofed.strategies.share import FIXED
from isofed.trees import Tree

Named = dict[str, Tensor]
Slopes = Callable[[Named, Named, Sequence[Tensor]], tuple[Named, tuple[Tensor, Named]]]


@dataclass(frozen=True, eq=False)
class Stack:
    """K sites' models, changed in place.

    Args:
        count: K.
        parameters: (K, *shape) by name, views of ``rows``.
        buffers: (K, *shape) by name, each by itself: batch normalisation under vmap updates running
            statistics only where all sites' lie one behind the other.
        rows: of the groups that hold parameters.
        layouts: of the groups that hold buffers.
    """

    count: int
    parameters: Named
    buffers: Named
    rows: Mapping[str, Rows]
    layouts: Mapping[str, Any]

    @classmethod
    def of(cls, shop: Workshop, sources: Mapping[str, Sequence[Tree]]) -> "Stack":
        """Copy the sites' trees, by group, into fresh storage; what is never trained stays the model's own.

        Args:
            shop: whose model has these groups.
            sources: K NumPy trees of each group but the fixed one.
        """
        rows = {g: stacked(trees, shop.trees[g].layout, shop.device) for g, trees in sources.items()}
        still = {g for g in rows if g.endswith("buffers")}
        parameters = {n: leaf for g in rows if g not in still for n, leaf in rows[g].leaves().items()}
        buffers = {n: leaf.contiguous() for g in still for n, leaf in rows[g].leaves().items()}
        return cls(
            len(next(iter(sources.values()))),
            parameters,
            buffers,
            {g: rows[g] for g in rows if g not in still},
            {g: rows[g].layout for g in sorted(still)},
        )

    def trees(self) -> dict[str, list[Tree]]:
        """Return the sites' NumPy trees by group; parameters are not copied on a CPU."""
        found = {group: rows.trees(self.count) for group, rows in self.rows.items()}
        return found | {
            group: gathered(self.buffers, layout).trees(self.count) for group, layout in self.layouts.items()
        }

    def settle(self, after: Mapping[str, Tensor]) -> None:
        """Take over what a step made of the buffers."""
        for name, value in after.items():
            if value.data_ptr() != self.buffers[name].data_ptr():
                self.buffers[name].copy_(value)


def groups_of(shop: Workshop) -> tuple[str, ...]:
    """Return the groups of names that are stacked."""
    return tuple(group for group in shop.trees if group not in FIXED)


def slopes_of(shop: Workshop, example: Any, buffers: Sequence[str]) -> Slopes:
    """Return the function to K sites' gradients, losses and buffers after a step, each site's of its own.

    vmap over sites of d loss(model(w_k, b_k; x_k), y_k) / d w_k: from (parameters to differentiate,
    everything else that is stacked, the batch's tensors) to (gradients, (losses (K,), buffers)).

    Args:
        shop: model, in training mode, and task.
        example: a site's batch; its tensors are not used.
        buffers: names of the stacked buffers.
    """
    training, options, model = shop.setting.task.training, shop.setting.options, shop.model

    def loss(trained: Named, rest: Named, leaves: Sequence[Tensor]) -> tuple[Tensor, Named]:
        state = trained | rest
        with span(FORWARD):
            batch = refilled(example, iter(leaves))
            output = functional_call(model, state, (batch.inputs,))
            # where a module put another tensor in a buffer's place, functional_call has put it in here
            return training.loss(output, batch.labels, options), {name: state[name] for name in buffers}

    found: Slopes = vmap(grad_and_value(loss, has_aux=True), randomness="different")
    return found


def owned(gradients: Mapping[str, Tensor], others: Sequence[Tensor]) -> Named:
    """Return gradients that may be changed in place: each in memory of its own, apart from ``others``.

    Two parameters that are added up have one and the same gradient, and that of a sum is one number shown
    many times; optimisers and terms write to them.
    """
    taken = {other.untyped_storage().data_ptr() for other in others}
    found: Named = {}
    for name, slope in gradients.items():
        place = slope.untyped_storage().data_ptr()
        shown = any(step == 0 for step, size in zip(slope.stride(), slope.shape, strict=True) if size > 1)
        found[name] = slope.clone() if shown or place in taken else slope
        taken.add(place)
    return found
