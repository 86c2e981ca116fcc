"""The 100-layer improved residual network, the largest backbone published with the data set.

Source: Duta et al., "Improved residual networks for image and video recognition", ICPR 2020, in the form of
Deng et al., CVPR 2019. The published count, 78,069,850 numbers with BatchNorm's buffers, is that of one input
channel and a last layer over 512 x 7 x 14 maps.

Differs from the released network in: pictures of 100 x 300 give 7 x 19 maps, which are averaged to 7 x 14
here; how the released code comes to 7 x 14 is not known.
"""

from torch import Tensor, nn

POOLED = (7, 14)  # rows and columns before the embedding
STAGES = ((64, 3), (128, 13), (256, 30), (512, 3))  # channels and blocks


class Residual(nn.Module):
    """BN, 3 x 3, BN, PReLU, 3 x 3 of some stride, BN, and a shortcut; nothing after the sum."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps, (B, I, H, W) to (B, O, H/stride, W/stride)."""
        found: Tensor = self.layers(x) + self.shortcut(x)
        return found


class IResNet100(nn.Module):
    """Grey pictures, (B, 1, H, W), to embeddings (B, D) that are not normalised."""

    def __init__(self, dimensions: int = 512) -> None:
        super().__init__()
        first, last = STAGES[0][0], STAGES[-1][0]
        self.stem = nn.Sequential(
            nn.Conv2d(1, first, 3, 1, 1, bias=False), nn.BatchNorm2d(first), nn.PReLU(first)
        )
        rows, inputs = [], first
        for outputs, blocks in STAGES:
            rows += [
                Residual(inputs, outputs, 2),
                *(Residual(outputs, outputs, 1) for _ in range(blocks - 1)),
            ]
            inputs = outputs
        self.stages = nn.Sequential(*rows)
        self.last = nn.BatchNorm2d(last)
        self.pool = nn.AdaptiveAvgPool2d(POOLED)
        self.embed = nn.Linear(last * POOLED[0] * POOLED[1], dimensions)
        self.norm = nn.BatchNorm1d(dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings."""
        embedded: Tensor = self.norm(self.embed(self.last(self.pool(self.stages(self.stem(x)))).flatten(1)))
        return embedded
