"""The task of population.py: a network of one hidden layer on embeddings.

In the layout ``made`` a client's embeddings are made from its name when it is asked, in ``mapped`` they are a
slice of a file, which many clients share, so that nothing is made, read or decoded while a round lasts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed import seeds
from isofed.tasks.task import Batch, DataLayout, Samples, Task, Training

INPUTS, LABELS = "inputs.npy", "labels.npy"
PARTS = 256  # slices of the file; clients a multiple of that apart share one


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


def store(folder: Path) -> None:
    """Write what the clients of the layout ``mapped`` have slices of."""
    parts = [data(str(number), Options()) for number in range(PARTS)]
    np.save(folder / INPUTS, np.concatenate([part.inputs for part in parts]))
    np.save(folder / LABELS, np.concatenate([part.labels for part in parts]))


@cache
def _stored(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    return np.load(folder / INPUTS, "r"), np.load(folder / LABELS, "r")


def _slice(root: Path, site: str, options: Options) -> Samples:
    start = int(site.removeprefix("client")) % PARTS * options.examples
    inputs, labels = _stored(root)
    return Samples(inputs[start : start + options.examples], labels[start : start + options.examples])


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


def _layout(name: str, summary: str, opened: Callable[[Path, str, Options], Samples]) -> DataLayout:
    return DataLayout(
        name=name,
        summary=summary,
        options=Options,
        make=lambda *a: None,
        check=lambda *a: [],
        resolve=lambda root, options: {},
        sites=lambda root, level: (),
        open_train=lambda root, site, cache, options: opened(root, site, options),
        open_test=lambda root, cache, options: data("evaluator", options),
    )


LAYOUTS = (
    _layout("made", "made from a client's name", lambda root, site, options: data(site, options)),
    _layout("mapped", "slices of a file", _slice),
)
TASK = Task(
    name="population",
    summary="a network on embeddings",
    options=Options,
    levels=("entity",),
    layouts={layout.name: layout for layout in LAYOUTS},
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
