"""A first convolution for each modality before a network that both share."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Views:
    """Pictures and their modality: what a network with two stems is fed.

    images: (B, 3, H, W), or tracklets (B, T, 3, H, W).
    infrared: (B,) bool, on the same device.
    """

    images: Tensor
    infrared: Tensor


def frames(inputs: Tensor | Views) -> Tensor | Views:
    """Return tracklets (B, T, 3, H, W) as single pictures (B T, 3, H, W); pictures stay as they are."""
    if isinstance(inputs, Tensor):
        return inputs.flatten(0, -4)
    flat = inputs.images.flatten(0, -4)
    return Views(flat, inputs.infrared.repeat_interleave(len(flat) // len(inputs.images)))


class TwoStems(nn.Module):
    """A backbone whose stem, convolution and normalisation, sees visible pictures alone, beside a second one.

    The second has the same shapes, sees infrared pictures alone, and leads into the same later layers.

    Reference: the two-stream network of Ye et al., TPAMI 2022, of which the released entity-sharing
    baselines of L2RW share everything behind the first normalisation.
    """

    def __init__(self, shared: Any) -> None:
        super().__init__()
        self.shared = shared
        self.infrared = nn.Sequential(*copy.deepcopy(shared.stem()))

    def forward(self, views: Views) -> Tensor:
        """Return the last stage's maps, in the order of the pictures."""
        infrared = views.infrared
        rows = [torch.nonzero(~infrared)[:, 0], torch.nonzero(infrared)[:, 0]]
        stems = [nn.Sequential(*self.shared.stem()), self.infrared]
        # normalisation in training refuses a batch of nothing
        parts = [stem(views.images[r]) for stem, r in zip(stems, rows, strict=True) if len(r)]
        # indexing keeps the channels last, which index_select does not
        together = torch.cat(parts)[torch.cat(rows).argsort()]
        maps: Tensor = self.shared.later(F.relu(together, inplace=True))
        return maps


def shared(backbone: nn.Module) -> nn.Module:
    """Return the backbone itself, without a second stem or what else is built around it."""
    while isinstance(inner := getattr(backbone, "shared", None), nn.Module):
        backbone = inner
    return backbone


@torch.no_grad()
def start_alike(backbone: nn.Module) -> None:
    """Give the second stem, where there is one, the values of the first."""
    if isinstance(backbone, TwoStems):
        for target, source in zip(backbone.infrared, backbone.shared.stem(), strict=True):
            target.load_state_dict(source.state_dict())
