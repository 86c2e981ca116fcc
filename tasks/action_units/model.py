"""InfuseNet: a branch that sees optical flow, one that sees magnified motion, and the first in the second."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.tasks.action_units.infusion import infused
from isofed.tasks.action_units.magnifier import CHANNELS, Magnifier
from isofed.tasks.action_units.resnet import ResNet18

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17)  # the action units of CD6ME
HEAD_PREFIXES = ("head.",)
AMPLIFICATION = 10.0
COLOURS = 3  # channels of a flow picture


@dataclass(frozen=True)
class Output:
    """What the network says about a batch.

    features: (B, 8 width) the pooled magnified branch, infused.
    flow: (B, 12) logits of the flow branch.
    magnified: (B, 12) logits of the magnified branch.
    logits: (B, 12) their mean; an action unit is said to be there where it is above 0.
    """

    features: Tensor
    flow: Tensor
    magnified: Tensor
    logits: Tensor


def pooled(latents: Tensor) -> Tensor:
    """Return what the magnified branch's first stage is fed: (B, 64, H/2, W/2) to (B, 64, H/4, W/4).

    With a frozen magnifier this is all that a sample needs to be remembered by.
    """
    return F.max_pool2d(F.relu(latents), 3, 2, 1)


def latents(
    magnifier: Magnifier, onset: Tensor, apex: Tensor, near: Tensor, amplification: float | Tensor
) -> Tensor:
    """Return D(onset, apex) and D(onset, near) side by side, (B, 64, H/2, W/2), each frame encoded once."""
    first, at, beside = (magnifier.latent(frames) for frames in (onset, apex, near))
    return torch.cat(
        [magnifier.moved(first, at, amplification), magnifier.moved(first, beside, amplification)], 1
    )


def joined(flow: Tensor, latents: Tensor) -> Tensor:
    """Return a batch as one tensor, (B, 7, H, W): flow pictures, and behind them the latents' numbers.

    Args:
        flow: (B, 3, H, W).
        latents: (B, 64, H/4, W/4), pooled; their numbers keep their order, and are no picture there.
    """
    batch, _, height, width = flow.shape
    return torch.cat([flow, latents.reshape(batch, -1, height, width)], 1)


def parted(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two that :func:`joined` put together, neither of them copied."""
    batch, _, height, width = inputs.shape
    return inputs[:, :COLOURS], inputs[:, COLOURS:].view(batch, 2 * CHANNELS, height // 4, width // 4)


class InfuseNet(nn.Module):
    """Flow and pooled latents to action units; always returns an `Output`.

    With f_i the maps of the flow branch and n of infusion.py::

        m_1 = layer1(pooled latents) n(f_1);  m_i = layer_i(m_(i-1)) n(f_i);  m_5 = mean(m_4) n(mean(f_4))

    and one linear layer for both mean(f_4) and m_5. 22,349,644 parameters at width 64, all of them trained;
    the magnifier is another module, public and frozen.

    Args:
        width: channels of the first stages; 64 in the paper, and then the two latents fit as they are, else
            a 1 x 1 convolution without bias stands before them.
        scope: of the infusion, ``"sample"`` or ``"batch"``.
        infuse: whether anything is infused; without it the branches only share the head.

    Source: Khor et al., 2025, and its released code; differs from the released code in that the second
    branch has no first convolution, which was never used.
    """

    def __init__(self, width: int = 64, scope: str = "sample", infuse: bool = True) -> None:
        super().__init__()
        self.scope, self.infuse = scope, infuse
        self.flow, self.magnified = ResNet18(width), ResNet18(width, stem=False)
        same = width == 2 * CHANNELS
        self.entrance = nn.Identity() if same else nn.Conv2d(2 * CHANNELS, width, 1, bias=False)
        self.head = nn.Linear(self.flow.outputs, len(UNITS))

    def forward(self, inputs: Tensor) -> Output:
        """Return the logits of flow pictures in 0 to 1 and pooled latents, see :func:`joined`."""
        flow, moved = parted(inputs)
        f, m = self.flow.stem(flow), self.entrance(moved)
        for flows, motions in zip(self.flow.layers, self.magnified.layers, strict=True):
            f = flows(f)
            m = self._infused(motions(m), f)
        f, m = f.mean((2, 3)), m.mean((2, 3))
        m = self._infused(m, f)
        of_flow, of_motion = self.head(f), self.head(m)
        return Output(m, of_flow, of_motion, (of_flow + of_motion) / 2)

    def _infused(self, magnified: Tensor, flow: Tensor) -> Tensor:
        return infused(magnified, flow, self.scope) if self.infuse else magnified


def build(
    generator: torch.Generator, width: int = 64, scope: str = "sample", infuse: bool = True
) -> InfuseNet:
    """Return the network with weights that follow from ``generator`` alone; He-normal convolutions."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        model = InfuseNet(width, scope, infuse)
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
    return model
