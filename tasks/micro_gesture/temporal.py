"""Multiscale temporal convolution, and how a decoder doubles the number of frames."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KERNEL, DILATIONS, BRANCHES = 5, (1, 2), 4


class LinearUpsampler(nn.Module):
    """A dense layer from all frames and joints to twice the frames, shared by the channels."""

    def __init__(self, frames: int, joints: int) -> None:
        super().__init__()
        self.dense = nn.Linear(frames * joints, 2 * frames * joints)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, D, 2T, V) of (N, D, T, V)."""
        out: Tensor = self.dense(x.flatten(2)).unflatten(2, (-1, x.shape[3]))
        return out


class Interpolation(nn.Module):
    """Bilinear interpolation along the frames; without parameters, so for any number of joints."""

    def __init__(self, frames: int, joints: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, D, 2T, V) of (N, D, T, V)."""
        return F.interpolate(x, (2 * x.shape[2], x.shape[3]), mode="bilinear", align_corners=False)


class FrameUpsampler(nn.Module):
    """A dense layer from T frames to 2T, shared by joints and channels."""

    def __init__(self, frames: int, joints: int) -> None:
        super().__init__()
        self.dense = nn.Conv2d(frames, 2 * frames, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, D, 2T, V) of (N, D, T, V)."""
        out: Tensor = self.dense(x.transpose(1, 2)).transpose(1, 2)
        return out


UPSAMPLERS = {"linear": LinearUpsampler, "interpolate": Interpolation, "conv": FrameUpsampler}


def upsampler(name: str, frames: int, joints: int) -> nn.Module:
    """Return one that turns ``frames`` into twice as many, or the identity where ``name`` is empty."""
    return UPSAMPLERS[name](frames, joints) if name else nn.Identity()


def conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a convolution along the frames that keeps their number at stride 1, ceil(T / 2) at stride 2."""
    padding = (kernel - 1) * dilation // 2
    return nn.Conv2d(inputs, outputs, (kernel, 1), (stride, 1), (padding, 0), (dilation, 1))


class TemporalConvolution(nn.Module):
    """Four views of the frames side by side: kernel 5 at dilations 1 and 2, a maximum, and the frame alone.

    Args:
        width: D, a multiple of 4; each branch has a quarter.
        stride: 1, or 2 to halve the frames.
        up: name of the upsampler that doubles them, or ``""``.
        frames: T of what comes in, for the upsampler.
        joints: V.

    Source: Xia et al., 2025, and its released code; Chen et al., "Channel-wise Topology Refinement Graph
    Convolution", ICCV 2021, for the branches.
    """

    def __init__(self, width: int, stride: int = 1, up: str = "", frames: int = 0, joints: int = 0) -> None:
        super().__init__()
        part = width // BRANCHES
        grown = lambda: upsampler(up, frames, joints)  # noqa: E731
        first = lambda: (conv(width, part), nn.BatchNorm2d(part), nn.ReLU())  # noqa: E731
        views = [
            nn.Sequential(*first(), grown(), conv(part, part, KERNEL, stride, d), nn.BatchNorm2d(part))
            for d in DILATIONS
        ]
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        views.append(nn.Sequential(grown(), *first(), pool, nn.BatchNorm2d(part)))
        views.append(nn.Sequential(grown(), conv(width, part, 1, stride), nn.BatchNorm2d(part)))
        self.branches = nn.ModuleList(views)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, D, T', V) of (N, D, T, V)."""
        return torch.cat([branch(x) for branch in self.branches], 1)
