"""The vein recogniser: a backbone that embeds grey pictures of 100 x 300, and a head of class centres.

Each row of the head is the centre of an enrolled finger, a template of it: a head never leaves its site.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.suggest import pick
from isofed.tasks.vein.convnext import ConvNeXtSmall
from isofed.tasks.vein.iresnet import IResNet100
from isofed.tasks.vein.mobilefacenet import LARGE, SMALL, MobileFaceNet
from isofed.tasks.vein.small import Small

BACKBONE = "backbone."
HEAD_PREFIXES = ("head.",)  # private under every level
HEIGHT, WIDTH = 100, 300  # of a picture of the finger that the network is fed, pixels
HEAD_SPREAD = 0.01
TINY = (16, 32, 64, 128)  # channels of the tiny backbone's stages


@dataclass(frozen=True)
class Output:
    """What the network says about a batch, in training and in evaluation alike.

    features: (B, D) the embedding, not normalised; the score of two is the cosine.
    cosines: (B, C) float32 of embeddings and class centres.
    logits: (B, C) float32, the cosines times the scale s, without any margin.
    """

    features: Tensor
    cosines: Tensor
    logits: Tensor


class Tiny(nn.Module):
    """Four 3 x 3 convolutions of stride 2 and an average over the maps: for tests and demonstrations."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        layers, inputs = [], 1
        for outputs in TINY:
            convolution = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.PReLU(outputs)]
            inputs = outputs
        self.stages = nn.Sequential(*layers)
        self.embed = nn.Linear(inputs, dimensions, bias=False)
        self.norm = nn.BatchNorm1d(dimensions)

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings: (B, 1, H, W) to (B, D)."""
        embedded: Tensor = self.norm(self.embed(self.stages(x).mean((2, 3))))
        return embedded


@dataclass(frozen=True)
class Backbone:
    """A named backbone.

    Attributes:
        dimensions: D of its published form.
        make: D to the module.
        first: prefixes of the names of its first stage, the stem included.
    """

    dimensions: int
    make: Callable[[int], nn.Module]
    first: tuple[str, ...]


def _stages(count: int) -> tuple[str, ...]:
    return tuple(f"stages.{number}." for number in range(count))


MOBILE = ("stages.stem.", "stages.stage1.")
BACKBONES: dict[str, Backbone] = {
    "mobilefacenet_large": Backbone(512, lambda dimensions: MobileFaceNet(LARGE, dimensions), MOBILE),
    "mobilefacenet_small": Backbone(512, lambda dimensions: MobileFaceNet(SMALL, dimensions), MOBILE),
    "iresnet100": Backbone(512, IResNet100, ("stem.", *_stages(3))),
    "convnext_small": Backbone(512, ConvNeXtSmall, _stages(5)),  # two layers of the stem, three blocks
    "small": Backbone(128, Small, _stages(4)),  # three of the stem, one block
    "tiny": Backbone(64, Tiny, _stages(3)),
}


class Centres(nn.Module):
    """A centre for each class; its answer is the cosine, (B, D) to (B, C), in float32 also under autocast."""

    def __init__(self, dimensions: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dimensions))

    def forward(self, features: Tensor) -> Tensor:
        """Return the cosines."""
        with torch.autocast(features.device.type, enabled=False):
            return F.linear(F.normalize(features.float()), F.normalize(self.weight.float()))


class VeinNet(nn.Module):
    """Backbone and head; always returns an `Output`."""

    def __init__(self, backbone: nn.Module, dimensions: int, classes: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.backbone = backbone
        self.head = Centres(dimensions, classes)

    def forward(self, inputs: Tensor) -> Output:
        """Return embeddings and cosines of pictures, (B, 1, 100, 300) floats from -1 to 1."""
        features = self.backbone(inputs)
        cosines = self.head(features)
        return Output(features, cosines, self.scale * cosines)


def build(
    backbone: str, classes: int, generator: torch.Generator, dimensions: int = 0, scale: float = 32.0
) -> VeinNet:
    """Return the network with weights that follow from ``generator`` alone.

    Trainable numbers of the backbones: mobilefacenet_large 6,310,272, mobilefacenet_small 2,057,216,
    iresnet100 78,000,064, convnext_small 49,845,856, small 403,952, tiny 105,952; the head adds C D.

    Args:
        backbone: its name, of ``BACKBONES``.
        classes: C, rows of the head, >= 1.
        generator: source of all weights; torch's global generator is left as it was.
        dimensions: D; 0 for the backbone's published one.
        scale: s of the logits, > 0.

    Raises:
        ConfigError: there is no such backbone.
    """
    chosen = pick("backbone", backbone, BACKBONES)
    width = dimensions or chosen.dimensions
    with torch.random.fork_rng(devices=[]):
        model = VeinNet(chosen.make(width), width, classes, scale)
    _initialise(model, generator)
    return model


def refit(model: VeinNet, classes: int, generator: torch.Generator) -> None:
    """Give ``model`` a head of ``classes`` rows, N(0, 0.01), and leave everything else as it is.

    Args:
        model: changed in place; a flat storage or an optimiser made before still has the old head.
        classes: C, >= 1.
        generator: source of the weights, on the CPU.
    """
    old = model.head.weight
    head = Centres(old.shape[1], classes)
    nn.init.normal_(head.weight, 0.0, HEAD_SPREAD, generator=generator)
    model.head = head.to(old.device, old.dtype)


def prepared(pictures: Tensor) -> Tensor:
    """Return what the network is fed, x / 127.5 - 1: (B, 100, 300) uint8 to (B, 1, 100, 300) float32."""
    return (pictures.float() / 127.5 - 1)[:, None]


def _initialise(model: VeinNet, generator: torch.Generator) -> None:
    """Draw all weights again: convolutions and linear layers He-normal, biases 0, the head N(0, 0.01)."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", generator=generator)
        elif isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear", generator=generator)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    nn.init.normal_(model.head.weight, 0.0, HEAD_SPREAD, generator=generator)
