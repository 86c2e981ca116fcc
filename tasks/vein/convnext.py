"""ConvNeXt-Small, the third backbone of the published recipe: stages of large depthwise convolutions.

Source: Liu et al., "A ConvNet for the 2020s", CVPR 2022, fig. 4 and table 9 (Small). The published count,
49,846,881 numbers with BatchNorm's buffers, is that of one input channel, and of a linear layer without bias
and a BatchNorm after the averaged maps.

Differs from the paper in: grey pictures, an embedding instead of classes, and weights drawn as all backbones
here draw theirs. Pictures of 100 x 300 are brought to 224 x 224 inside, since that is what it was published
with.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = (224, 224)  # rows and columns that a picture is resized to
STAGES = ((96, 3), (192, 3), (384, 27), (768, 3))  # channels and blocks
DROP_PATH = 0.1  # of the last block in training; 0 of the first, and linear between
SCALE = 1e-6  # of a block's branch before training
EPSILON = 1e-6


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of maps, (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps, each place's channels of mean 0 and variance 1 before scale and shift."""
        normed = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return normed.permute(0, 3, 1, 2)


class Block(nn.Module):
    """``x + g * L2(GELU(L1(LN(D(x)))))``: D is 7 x 7 on each channel, L1 widens four times, g is learnt."""

    def __init__(self, channels: int, drop: float) -> None:
        super().__init__()
        self.drop = drop
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, EPSILON)
        self.widen = nn.Linear(channels, 4 * channels)
        self.narrow = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps, (B, C, H, W) as before."""
        inner = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        branch = (self.scale * self.narrow(F.gelu(self.widen(inner)))).permute(0, 3, 1, 2)
        return x + (dropped(branch, self.drop) if self.training and self.drop else branch)


def dropped(branch: Tensor, drop: float) -> Tensor:
    """Return a residual branch, (B, ...), left out for a share ``drop`` of the examples, its mean kept.

    Source: Huang et al., "Deep networks with stochastic depth", ECCV 2016, eq. 2, scaled in training.
    """
    kept = torch.rand(len(branch), *[1] * (branch.ndim - 1), device=branch.device) >= drop
    return branch * kept / (1 - drop)


class ConvNeXtSmall(nn.Module):
    """Grey pictures, (B, 1, H, W), to embeddings (B, D) that are not normalised."""

    def __init__(self, dimensions: int = 512) -> None:
        super().__init__()
        self.stages = nn.Sequential(*_layers())
        last = STAGES[-1][0]
        self.last = nn.LayerNorm(last, EPSILON)
        self.embed = nn.Linear(last, dimensions, bias=False)
        self.norm = nn.BatchNorm1d(dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings."""
        resized = F.interpolate(x, SIZE, mode="bilinear", align_corners=False)
        embedded: Tensor = self.norm(self.embed(self.last(self.stages(resized).mean((2, 3)))))
        return embedded


def _layers() -> Iterator[nn.Module]:
    """Yield the stem, and every stage's reduction and blocks."""
    total, before, inputs = sum(blocks for _, blocks in STAGES), 0, 1
    for outputs, blocks in STAGES:
        if inputs == 1:
            yield from (nn.Conv2d(1, outputs, 4, 4), ChannelNorm(outputs, EPSILON))
        else:
            yield from (ChannelNorm(inputs, EPSILON), nn.Conv2d(inputs, outputs, 2, 2))
        for number in range(before, before + blocks):
            yield Block(outputs, DROP_PATH * number / (total - 1))
        before, inputs = before + blocks, outputs
