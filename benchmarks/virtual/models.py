"""The models of the workloads, with weights from a generator."""

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from workloads import SEED, Workload

from isofed import seeds

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks, stride
WIDER, GROUPS, TENSORS, MILLION = 4, 32, 50, 1_000_000


@dataclass(frozen=True)
class Output:
    """What isofed's tasks put out."""

    logits: Tensor


def cnn(classes: int) -> nn.Module:
    """Two convolutions and two linear layers on 3x32x32: 1,626,442 parameters with ten classes."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 14 * 14, 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )


def head(classes: int) -> nn.Module:
    """512-128-classes: 66,696 parameters with eight classes."""
    return nn.Sequential(nn.Linear(512, 128), nn.ReLU(), nn.Linear(128, classes))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut, with group norm."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = WIDER * width
        self.body = nn.Sequential(
            *(nn.Conv2d(inputs, width, 1, bias=False), nn.GroupNorm(GROUPS, width), nn.ReLU()),
            *(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.GroupNorm(GROUPS, width), nn.ReLU()),
            *(nn.Conv2d(width, outputs, 1, bias=False), nn.GroupNorm(GROUPS, outputs)),
        )
        convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        shortcut = nn.Sequential(convolution, nn.GroupNorm(GROUPS, outputs))
        self.shortcut = shortcut if inputs != outputs or stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        return torch.relu(self.body(x) + self.shortcut(x))


def bottleneck(classes: int) -> nn.Module:
    """Fifty layers in bottlenecks of 3, 4, 6 and 3: 23.7 million parameters with a hundred classes."""
    stem = (nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.GroupNorm(GROUPS, 64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    blocks, inputs = [], 64
    for width, count, stride in STAGES:
        for number in range(count):
            blocks.append(Bottleneck(inputs, width, stride if number == 0 else 1))
            inputs = WIDER * width
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


class Freight(nn.Module):
    """Parameters that travel and one that the loss reaches; the step, :class:`AddOne`, moves them all."""

    def __init__(self, floats: int) -> None:
        super().__init__()
        parts = TENSORS if floats >= MILLION else 1
        self.parts = nn.ParameterList(nn.Parameter(torch.zeros(floats // parts)) for _ in range(parts))
        self.reached = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits that depend on one parameter alone."""
        return x * self.reached


class AddOne(torch.optim.Optimizer):
    """The trivial step: w <- w + 1."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__(model.parameters(), {"lr": 1.0})

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        """Add one to every parameter."""
        torch._foreach_add_(self.param_groups[0]["params"], 1.0)


BUILDERS = {"cnn": cnn, "head": head, "bottleneck": bottleneck}


def network(workload: Workload) -> nn.Module:
    """Return the workload's module without weights worth the name, inputs to logits."""
    if workload.floats:
        return Freight(workload.floats)
    return BUILDERS[workload.name](workload.classes)


def fill(model: nn.Module, generator: torch.Generator) -> nn.Module:
    """Draw the weights: matrices uniform within 1/sqrt(fan-in), biases zero, norms one."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            bound = prod(parameter.shape[1:]) ** -0.5
            parameter.data.uniform_(-bound, bound, generator=generator)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear) and layer.bias is not None:
            layer.bias.data.zero_()
    return model


def initial(workload: Workload) -> nn.Module:
    """Return the model with the weights that isofed's workshop gives it."""
    key = seeds.public_key(SEED, 0, "", "model") % 2**63
    return fill(network(workload), torch.Generator().manual_seed(key))


def optimiser(workload: Workload, model: nn.Module) -> torch.optim.Optimizer:
    """Return plain SGD in fused calls over all tensors, or the trivial step."""
    if workload.floats:
        return AddOne(model)
    return torch.optim.SGD(model.parameters(), workload.rate, foreach=True)
