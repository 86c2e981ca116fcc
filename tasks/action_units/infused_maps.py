"""What the magnified branch is left with after each infusion, and where in a frame its energy lies."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from isofed.tasks.action_units.model import InfuseNet, Output

Floats = NDArray[np.float32]


def watched(model: InfuseNet, inputs: Tensor) -> tuple[Output, list[Tensor]]:
    """Return what the network says of a batch, and the infused maps m_1 to m_3, (B, C, H, W) each.

    Args:
        model: in any mode; computed where it lies.
        inputs: see model.py.
    """
    seen: list[Tensor] = []

    def look(layer: Any, given: tuple[Tensor, ...]) -> None:
        seen.append(given[0].detach())

    # what one stage leaves is what the next one is fed
    hooks = [layer.register_forward_pre_hook(look) for layer in model.magnified.layers[1:]]
    try:
        return model(inputs), seen
    finally:
        for hook in hooks:
            hook.remove()


def energy(maps: Tensor, side: int) -> Floats:
    """Return the sum over channels of squares, (B, C, H, W) to (B, side, side); bilinear between places."""
    found = maps.float().square().sum(1, keepdim=True)
    whole = F.interpolate(found, (side, side), mode="bilinear", align_corners=False)
    shown: Floats = whole[:, 0].cpu().numpy()
    return shown


def concentration(maps: Tensor, region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return mean energy inside a region over mean energy outside, (B,); 1 says that nothing is preferred.

    Args:
        maps: (B, C, H, W).
        region: (B, side, side), neither empty nor whole.

    Returns:
        not finite where there is no energy outside.
    """
    found = energy(maps, region.shape[-1]).astype(np.float64)
    inside, outside = (
        (found * where).sum((1, 2)) / where.sum((1, 2)) for where in (region, np.logical_not(region))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(inside / outside)


def saliency(model: InfuseNet, inputs: Tensor) -> tuple[Floats, NDArray[np.bool_]]:
    """Return which places of the flow pictures the flow branch's answer hangs on, and that answer.

    s(p) = sum over channels of |d/dx(p) sum over a in A of logit_a|, A the units that the branch finds, or
    the likeliest one where it finds none.

    Args:
        model: in evaluation mode.
        inputs: see model.py.

    Returns:
        (B, H, W), and A as (B, 12).

    Source: Simonyan et al., "Deep Inside Convolutional Networks", 2014, for the gradient's absolute value.
    """
    with torch.enable_grad():
        given = inputs.detach().clone().requires_grad_()
        logits = model(given).flow
        asked = (logits > 0) | (logits == logits.amax(1, keepdim=True))
        (slope,) = torch.autograd.grad((logits * asked).sum(), given)
    found: Floats = slope[:, :3].abs().sum(1).cpu().numpy()
    return found, asked.cpu().numpy()
