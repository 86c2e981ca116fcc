"""Non-local blocks in a ResNet-50, as AGW has them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.tasks.reid.resnet import ResNet50

PLACES = ("layer2.2", "layer2.3", "layer3.3", "layer3.4", "layer3.5")  # behind these blocks
CHANNELS = {"layer2": 512, "layer3": 1024}
INNER = 1  # channels between the two convolutions


class NonLocal(nn.Module):
    """Every place of a map sees all others: z = x + BN(W y), y_i = sum_j θ(x_i) · φ(x_j) g(x_j) / N.

    (B, C, H, W) to the same, N = H W; nothing but x at the beginning, because BN starts with scale 0.

    Reference: Wang et al., "Non-local neural networks", CVPR 2018, with a dot product; one inner channel as
    in AGW's released code.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g, self.theta, self.phi = (nn.Conv2d(channels, INNER, 1) for _ in range(3))
        self.out = nn.Conv2d(INNER, channels, 1)
        self.bn = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.bn.weight)
        for name, parameter in self.named_parameters():
            if name.endswith(".bias"):
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Return z."""
        g, theta, phi = (layer(x).flatten(2) for layer in (self.g, self.theta, self.phi))
        # N x N weights are never needed: (θᵀ φ) gᵀ = θᵀ (φ gᵀ)
        y = (g @ phi.transpose(1, 2)) @ theta / theta.shape[2]
        z: Tensor = x + self.bn(self.out(y.unflatten(2, x.shape[2:])))
        return z


class Attentive(nn.Module):
    """A ResNet-50 with a non-local block behind each of PLACES, 28,687 parameters more."""

    def __init__(self, shared: ResNet50) -> None:
        super().__init__()
        self.shared = shared
        channels = {place: CHANNELS[place.partition(".")[0]] for place in PLACES}
        self.blocks = nn.ModuleDict({_key(place): NonLocal(n) for place, n in channels.items()})

    def forward(self, x: Tensor) -> Tensor:
        """Return the last stage's maps."""
        convolution, normalisation = self.stem()
        return self.later(F.relu(normalisation(convolution(x)), inplace=True))

    def stem(self) -> tuple[nn.Module, nn.Module]:
        """Return the first convolution and its normalisation."""
        return self.shared.stem()

    def later(self, x: Tensor) -> Tensor:
        """Return the last stage's maps from the stem's."""
        y = F.max_pool2d(x, 3, 2, 1)
        for layer in ("layer1", "layer2", "layer3", "layer4"):
            for name, block in self.shared.get_submodule(layer).named_children():
                y = block(y)
                if f"{layer}.{name}" in PLACES:
                    y = self.blocks[_key(f"{layer}.{name}")](y)
        return y


def _key(place: str) -> str:
    return place.replace(".", "_")


def draw(model: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of all non-local blocks, N(0, 1 / (3 inputs)); larger ones overflow half precision."""
    for block in model.modules():
        if isinstance(block, NonLocal):
            for layer in (block.g, block.theta, block.phi, block.out):
                nn.init.normal_(layer.weight, 0.0, (3 * layer.in_channels) ** -0.5, generator=generator)
