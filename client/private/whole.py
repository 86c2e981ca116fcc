"""Every example's gradient of a model as a whole, where it cannot be told layer by layer."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from isofed.client.stacked_batch import parts, refilled

CHUNK = 32  # examples at a time, whose gradients and activations are held at once


def samples_of_model(
    model: nn.Module, batch: Any, trained: list[nn.Parameter], loss: Callable[[Any, Any, Any], Tensor]
) -> tuple[dict[nn.Parameter, Tensor], Tensor]:
    """Return each example's gradients, (n, ...) by parameter, and losses, (n,).

    Args:
        model: in training mode.
        batch: of n examples.
        trained: parameters.
        loss: (output, labels, inputs) to the loss of one example, given as a batch of one.
    """
    names = {id(p): name for name, p in model.named_parameters()}
    chosen = {names[id(parameter)]: parameter.detach() for parameter in trained}

    def one(values: dict[str, Tensor], leaves: list[Tensor]) -> Tensor:
        alone = refilled(batch, iter([leaf[None] for leaf in leaves]))
        return loss(functional_call(model, values, (alone.inputs,)), alone.labels, alone.inputs)

    leaves = [part for part in parts(batch) if isinstance(part, Tensor)]
    each = vmap(grad_and_value(one), (None, 0), randomness="different", chunk_size=CHUNK)
    with sdpa_kernel(SDPBackend.MATH):  # the one whose examples can be told apart
        found, losses = each(chosen, leaves)
    return {parameter: found[names[id(parameter)]] for parameter in trained}, losses
