"""ResNet-50 without its classifier, under the parameter names of torchvision's public files."""

from torch import Tensor, nn
from torch.nn import functional as F

EXPANSION = 4  # output channels of a block to its width
LAST_STRIDE = 1  # a classifier's is 2; re-identification keeps the finer map


class Bottleneck(nn.Module):
    """Convolutions of 1 x 1, 3 x 3 (which has the stride) and 1 x 1 beside a shortcut, ReLU last.

    (B, I, H, W) to (B, 4 width, H/stride, W/stride).
    """

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(branch(x) + shortcut(x))."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(self.bn3(self.conv3(y)).add_(shortcut), inplace=True)


class ResNet50(nn.Module):
    """(B, 3, H, W) to non-negative (B, 2048, H/16, W/16): 288 x 144 pixels give 18 x 9.

    23,508,032 parameters; 23,512,128 together with the BN neck behind it, which is what L2RW counts.

    Reference: He et al., "Deep residual learning for image recognition", CVPR 2016. Differs from it, as
    torchvision does, in the stride of a block, which its 3 x 3 convolution has; and in the last stage's
    stride, which is 1 (Luo et al., "Bag of tricks and a strong baseline for deep person
    re-identification", CVPR workshops 2019).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = _layer(64, 64, 1, 3)
        self.layer2 = _layer(256, 128, 2, 4)
        self.layer3 = _layer(512, 256, 2, 6)
        self.layer4 = _layer(1024, 512, LAST_STRIDE, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last stage's maps."""
        return self.later(F.relu(self.bn1(self.conv1(x)), inplace=True))

    def stem(self) -> tuple[nn.Module, nn.Module]:
        """Return the first convolution and its normalisation."""
        return self.conv1, self.bn1

    def later(self, x: Tensor) -> Tensor:
        """Return the last stage's maps from the stem's."""
        y = self.layer2(self.layer1(F.max_pool2d(x, 3, 2, 1)))
        maps: Tensor = self.layer4(self.layer3(y))
        return maps


def _layer(inputs: int, width: int, stride: int, blocks: int) -> nn.Sequential:
    later = (Bottleneck(width * EXPANSION, width, 1) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(inputs, width, stride), *later)
