"""The re-identification network: a backbone, GeM pooling, BN neck, linear head."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.tasks.private import grouped
from isofed.tasks.reid.attention import Attentive, draw
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.resnet import ResNet50
from isofed.tasks.reid.stems import TwoStems, Views, frames, shared, start_alike

HEAD_PREFIXES = ("head.",)  # private under strict camera isolation
FAST_PREFIXES = ("neck.", "head.")  # trained with the head's learning rate
GEM_EPSILON = 1e-12
TRACKLETS = 5  # axes of a batch of tracklets
HEAD_SPREAD = 0.001


@dataclass(frozen=True)
class Output:
    """What the network says about a batch, in training and in evaluation alike.

    features: (B, D) after the BN neck, not normalised; the reported embedding once normalised.
    pooled: (B, D) before the neck.
    logits: (B, C) over the training identities.
    """

    features: Tensor
    pooled: Tensor
    logits: Tensor


def gem(maps: Tensor) -> Tensor:
    """Return the generalised mean with exponent 3, (mean x^3 + 1e-12)^(1/3): (B, D, H, W) to (B, D).

    Args:
        maps: non-negative floats; halves are widened to float32, in which a cube does not overflow.

    Reference: Radenović et al., "Fine-tuning CNN image retrieval with no human annotation", TPAMI
    2019, eq. 3.
    """
    wide = maps.float() if maps.dtype in (torch.float16, torch.bfloat16) else maps
    return ((wide * wide * wide).mean((2, 3)) + GEM_EPSILON).pow(1 / 3)


class Residual(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, ReLU last: (B, I, H, W) to (B, O, H/stride, W/stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(bn(conv(relu(bn(conv(x))))) + shortcut(x))."""
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)).add_(self.shortcut(x)), inplace=True)


class SmallBackbone(nn.Module):
    """Stem of stride 2 and four residual stages: (B, 3, H, W) to non-negative (B, D, H/8, W/8)."""

    def __init__(self, stem: int, stage2: int, stage3: int, dimensions: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(stem)
        self.stages = nn.Sequential(
            Residual(stem, stem, 1),
            Residual(stem, stage2, 2),
            Residual(stage2, stage3, 2),
            Residual(stage3, dimensions, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the last stage's maps."""
        return self.later(F.relu(self.bn(self.conv(x)), inplace=True))

    def stem(self) -> tuple[nn.Module, nn.Module]:
        """Return the first convolution and its normalisation."""
        return self.conv, self.bn

    def later(self, x: Tensor) -> Tensor:
        """Return the last stage's maps from the stem's."""
        maps: Tensor = self.stages(x)
        return maps


class ReidNet(nn.Module):
    """Backbone, GeM pooling, BN neck and a head without bias; always returns an `Output`."""

    def __init__(self, backbone: nn.Module, dimensions: int, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = nn.BatchNorm1d(dimensions)
        self.head = nn.Linear(dimensions, classes, bias=False)

    def forward(self, inputs: Tensor | Views) -> Output:
        """Return features, pooled maps and logits of normalised images, (B, 3, H, W).

        Tracklets, (B, T, 3, H, W), are pooled frame by frame and averaged over T before the neck. All of
        the output is float32, also under autocast. With two stems the inputs tell each one's modality.
        """
        images = inputs.images if isinstance(inputs, Views) else inputs
        pooled = gem(self.backbone(frames(inputs)))
        if images.dim() == TRACKLETS:
            pooled = pooled.unflatten(0, images.shape[:2]).mean(1)
        features = self.neck(pooled)
        return Output(features, pooled, self.head(features).float())


@torch.no_grad()
def _share_colours(stem: nn.Conv2d) -> None:
    """Give the three colour channels the same filters, spread as they were drawn.

    Channel augmentation feeds three equal channels, so their filters all get the same gradient: filters
    that began different would stay so by chance and speak up only when a coloured picture is tested.
    """
    mean = stem.weight.mean(1, keepdim=True)
    stem.weight.copy_((mean * stem.in_channels**0.5).expand_as(stem.weight))


def _initialise(model: ReidNet, generator: torch.Generator) -> None:
    """Draw all weights again: convolutions He-normal, neck scale N(1, 0.01), head N(0, 0.001)."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", generator=generator)
    draw(model, generator)
    backbone = shared(model.backbone)
    if isinstance(backbone, SmallBackbone):
        _share_colours(backbone.conv)
    start_alike(model.backbone)
    nn.init.normal_(model.neck.weight, 1.0, 0.01, generator=generator)
    nn.init.normal_(model.head.weight, 0.0, HEAD_SPREAD, generator=generator)


def _backbone(options: ReidOptions) -> nn.Module:
    if options.backbone == "resnet50":
        one: nn.Module = Attentive(ResNet50()) if options.attention else ResNet50()
    else:
        one = SmallBackbone(options.stem, options.stage2, options.stage3, options.dimensions)
    return TwoStems(one) if options.stems == 2 else one


def build(options: ReidOptions, classes: int, generator: torch.Generator) -> ReidNet:
    """Return the network with weights that follow from ``generator`` alone.

    The small one is below a million parameters with the default widths, the ResNet-50 has 23,512,128 and
    its head; all are trainable.

    Args:
        options: which backbone, and the widths of the small one's stages.
        classes: C, rows of the head, >= 1.
        generator: source of all weights; torch's global generator is left as it was.

    Reference: Jiang et al., CVPR 2025, section 4.2, which has the ResNet-50.
    """
    with torch.random.fork_rng(devices=[]):
        model = ReidNet(_backbone(options), options.dimensions, classes)
    _initialise(model, generator)
    if options.norm == "group":
        grouped(model)
    return model


def refit(model: ReidNet, classes: int, generator: torch.Generator) -> None:
    """Give ``model`` a head of ``classes`` rows, N(0, 0.001), and leave everything else as it is.

    Args:
        model: changed in place; a flat storage or an optimiser made before still has the old head.
        classes: C, >= 1.
        generator: source of the weights, on the CPU.
    """
    old = model.head
    head = nn.utils.skip_init(nn.Linear, old.in_features, classes, bias=False)
    nn.init.normal_(head.weight, 0.0, HEAD_SPREAD, generator=generator)
    model.head = head.to(old.weight.device, old.weight.dtype)


def rate_groups(model: ReidNet, options: ReidOptions) -> list[dict[str, object]]:
    """Return the optimiser's two parameter groups, each with its peak rate in ``lr`` and ``peak``."""
    groups: list[dict[str, object]] = []
    for fast, rate in ((False, options.backbone_rate), (True, options.head_rate)):
        chosen = [p for name, p in model.named_parameters() if name.startswith(FAST_PREFIXES) == fast]
        groups.append({"params": chosen, "lr": rate, "peak": rate})
    return groups
