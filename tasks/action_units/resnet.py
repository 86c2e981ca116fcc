"""ResNet-18 without its classifier, under the parameter names of torchvision's public files."""

from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((1, 1), (2, 2), (4, 2), (8, 2))  # width over the first stage's, stride


class BasicBlock(nn.Module):
    """Two convolutions of 3 x 3 beside a shortcut, ReLU last: (B, I, H, W) to (B, O, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(branch(x) + shortcut(x))."""
        y = F.relu(self.bn1(self.conv1(x)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn2(self.conv2(y)) + shortcut)


class ResNet18(nn.Module):
    """Stem and four stages: 11,176,512 parameters at width 64, 9,536 of them in the stem.

    Args:
        width: channels of the first stage; 64 in the paper.
        stem: whether there is one; a branch that is fed something else than pictures has its own.

    Source: He et al., "Deep residual learning for image recognition", CVPR 2016.
    """

    def __init__(self, width: int = 64, stem: bool = True) -> None:
        super().__init__()
        if stem:
            self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
        inputs = width
        for number, (factor, stride) in enumerate(STAGES, 1):
            outputs = factor * width
            blocks = BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1)
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            inputs = outputs
        self.outputs = inputs

    @property
    def layers(self) -> tuple[nn.Module, ...]:
        """The stages in their order."""
        return tuple(self.get_submodule(f"layer{number}") for number in range(1, len(STAGES) + 1))

    def stem(self, x: Tensor) -> Tensor:
        """Return what the first stage is fed: (B, 3, H, W) to (B, width, H/4, W/4)."""
        return F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
