"""The task of population.py: a network of one hidden layer on embeddings that a client's name makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed import seeds
from isofed.tasks.task import Batch, DataLayout, Samples, Task, Training


@dataclass(frozen=True)
class Options:
    """Of the task."""

    classes: int = 8
    inputs: int = 512
    hidden: int = 128
    examples: int = 50
    batch: int = 10
    rate: float = 0.1


def data(site: str, options: Options) -> Samples:
    """Return a client's (examples, inputs) float32 and labels, a function of its name."""
    draw = seeds.public(0, 0, site, "data")
    labels = draw.integers(0, options.classes, options.examples)
    inputs = draw.standard_normal((options.examples, options.inputs), np.float32)
    inputs[np.arange(options.examples), labels] += 3.0
    return Samples(inputs, labels)


class Net(nn.Module):
    """Two linear layers with a ReLU between them."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.body = nn.Linear(options.inputs, options.hidden)
        self.head = nn.Linear(options.hidden, options.classes)

    def forward(self, inputs: Tensor) -> Any:
        """Return logits."""
        return self.head(torch.relu(self.body(inputs)))


def model(options: Options, generator: torch.Generator) -> Net:
    """Return the network with weights from ``generator``."""
    net = Net(options)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.05, generator=generator)
    return net


def sample(samples: Samples, options: Options, rng: np.random.Generator) -> np.ndarray:
    """Return one pass over a client's examples."""
    steps = len(samples) // options.batch
    return rng.permutation(len(samples))[: steps * options.batch].reshape(steps, options.batch)


def batch(samples: Samples, rows: Any, options: Options, rng: Any, device: str) -> Batch:
    """Return examples as they are."""
    return Batch(torch.from_numpy(samples.inputs[rows]), torch.from_numpy(samples.labels[rows]))


def evaluate(net: Net, test: Samples, options: Options) -> Mapping[str, float]:
    """Count what the network gets right."""
    with torch.no_grad():
        right = net(torch.from_numpy(test.inputs)).argmax(1) == torch.from_numpy(test.labels)
    return {"right": float(right.sum()), "n": float(len(right))}


def result(statistics: Mapping[str, float]) -> Mapping[str, Mapping[str, float]]:
    """Return the accuracy."""
    return {"mean": {"accuracy": statistics["right"] / statistics["n"]}, "spread": {"accuracy": 0.0}}


MADE = DataLayout(
    name="made",
    summary="made from a client's name",
    options=Options,
    make=lambda *a: None,
    check=lambda *a: [],
    resolve=lambda root, options: {},
    sites=lambda root, level: (),
    open_train=lambda root, site, cache, options: data(site, options),
    open_test=lambda root, cache, options: data("evaluator", options),
)
TASK = Task(
    name="population",
    summary="a network on embeddings",
    options=Options,
    levels=("entity",),
    layouts={MADE.name: MADE},
    model=model,
    width=lambda options: options.hidden,
    evaluate=evaluate,
    result=result,
    training=Training(
        sample=sample,
        transform=batch,
        loss=lambda output, labels, options: F.cross_entropy(output, labels),
        loss_unit="example",
        optimiser=lambda net, o: torch.optim.SGD(net.parameters(), o.rate),
        rate=lambda done, rounds, options: 1.0,
        keeps_optimiser=lambda options: False,
        plain=lambda options: True,
    ),
)
