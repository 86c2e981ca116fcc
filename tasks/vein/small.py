"""A small backbone for a CPU: residual stages, and an embedding that knows where on the finger it looks."""

from torch import Tensor, nn

WIDTHS = (16, 32, 64, 128)  # channels of the stem and of the three stages, each of stride 2
POOLED = (4, 12)  # rows and columns that the maps are averaged to, whatever the picture's size
SQUEEZED = 16  # channels before the embedding


class Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, PReLU last: (B, I, H, W) to (B, O, H/2, W/2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))
        self.last = nn.PReLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the maps."""
        found: Tensor = self.last(self.layers(x) + self.shortcut(x))
        return found


class Small(nn.Module):
    """Grey pictures, (B, 1, H, W), to embeddings (B, D) that are not normalised.

    The maps are averaged to 4 x 12 places, not to one: an average over all would forget where a vein runs.
    """

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        first, *rest = WIDTHS
        stages: list[nn.Module] = [
            nn.Conv2d(1, first, 5, 2, 2, bias=False),
            nn.BatchNorm2d(first),
            nn.PReLU(first),
        ]
        for inputs, outputs in zip(WIDTHS, rest, strict=False):
            stages.append(Residual(inputs, outputs))
        self.stages = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(POOLED)
        self.squeeze = nn.Sequential(
            nn.Conv2d(WIDTHS[-1], SQUEEZED, 1, bias=False), nn.BatchNorm2d(SQUEEZED), nn.PReLU(SQUEEZED)
        )
        self.embed = nn.Linear(SQUEEZED * POOLED[0] * POOLED[1], dimensions, bias=False)
        self.norm = nn.BatchNorm1d(dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings."""
        squeezed = self.squeeze(self.pool(self.stages(x)))
        embedded: Tensor = self.norm(self.embed(squeezed.flatten(1)))
        return embedded
