"""MobileFaceNet-Large, the recognition backbone published with the data set, and a small one.

Source: Chen et al., "MobileFaceNets: efficient CNNs for accurate real-time face verification", 2018; the
widths and numbers of blocks are those of the recogniser that the generator's authors released.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn

POOLED = 7  # rows and columns that the maps are averaged to, whatever the picture's size
FEATURES = 512  # channels before the embedding


@dataclass(frozen=True)
class Widths:
    """How wide and how deep.

    Args:
        scale: times 64 channels at the stem and in stage 1, times 128 later.
        blocks: in stages 1 to 4; one block in the first stage is a convolution by groups of 64.
    """

    scale: int
    blocks: tuple[int, int, int, int]


LARGE = Widths(4, (2, 8, 12, 4))
SMALL = Widths(2, (1, 4, 6, 2))


def convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Return a convolution without bias and its BatchNorm: (B, I, H, W) to (B, O, H/stride, W/stride)."""
    edge = kernel // 2 if padding is None else padding
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, edge, groups=groups, bias=False), nn.BatchNorm2d(outputs)
    )


def activated(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return :func:`convolution` and a PReLU with a slope for each channel."""
    return nn.Sequential(*convolution(inputs, outputs, kernel, stride, groups), nn.PReLU(outputs))


class Bottleneck(nn.Module):
    """1 x 1 to ``inner`` channels, 3 x 3 on each by itself, 1 x 1 back without activation; maybe residual."""

    def __init__(self, inputs: int, outputs: int, inner: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        self.layers = nn.Sequential(
            activated(inputs, inner, 1),
            activated(inner, inner, 3, stride, groups=inner),
            convolution(inner, outputs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps, (B, I, H, W) to (B, O, H/stride, W/stride)."""
        found: Tensor = self.layers(x)
        return x + found if self.residual else found


class MobileFaceNet(nn.Module):
    """Grey pictures, (B, 1, H, W), to embeddings (B, D) that are not normalised."""

    def __init__(self, widths: Widths, dimensions: int = FEATURES) -> None:
        super().__init__()
        self.stages = nn.Sequential(OrderedDict(_stages(widths)))
        self.reduce = activated(128 * widths.scale, FEATURES, 1)
        self.pool = nn.AdaptiveAvgPool2d(POOLED)
        self.spread = convolution(FEATURES, FEATURES, POOLED, groups=FEATURES, padding=0)
        self.embed = nn.Linear(FEATURES, dimensions, bias=False)
        self.norm = nn.BatchNorm1d(dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings."""
        pooled = self.spread(self.pool(self.reduce(self.stages(x)))).flatten(1)
        embedded: Tensor = self.norm(self.embed(pooled))
        return embedded


def _stages(widths: Widths) -> Iterator[tuple[str, nn.Module]]:
    """Yield stem and stages: (inner channels of the block that halves, of those that follow)."""
    narrow, wide = 64 * widths.scale, 128 * widths.scale
    yield "stem", activated(1, narrow, 3, 2)
    if widths.blocks[0] == 1:
        yield "stage1", activated(narrow, narrow, 3, groups=64)
    else:
        yield "stage1", _row(narrow, 128, widths.blocks[0])
    plan = ((narrow, narrow, 128, 128), (narrow, wide, 256, 256), (wide, wide, 512, 256))
    for number, (inputs, outputs, down, inner) in enumerate(plan):
        yield f"down{number + 2}", Bottleneck(inputs, outputs, down, 2)
        yield f"stage{number + 2}", _row(outputs, inner, widths.blocks[number + 1])


def _row(channels: int, inner: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Bottleneck(channels, channels, inner) for _ in range(count)))
