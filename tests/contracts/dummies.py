"""Tasks of a few lines, each odd in one way that the framework must bear: see decision 5 of the design.

``two_outputs``   no features, no logits: a class and a value from one body, two labels a sample.
``no_labels``     an autoencoder.
``batch_loss``    a loss over pairs, with features and without a head.
``no_training``   a benchmark.

Their data are points in a layout of one small file a site.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.seeds import public
from isofed.tasks.task import Batch, DataLayout, Finding, OwnBenchmark, Samples, Site, Task, Training

SITES = ("left", "right")
INPUTS, CLASSES = 4, 3


@dataclass(frozen=True)
class PointOptions:
    """How many points a site gets."""

    points: int = 30


@dataclass(frozen=True)
class DummyOptions:
    """All numbers of a dummy task."""

    classes: int = 0
    dimensions: int = 6
    batch: int = 6
    rate: float = 0.2


@dataclass(frozen=True)
class TestPoints:
    """What the evaluator of a dummy task holds."""

    __test__ = False
    inputs: np.ndarray
    labels: np.ndarray
    subjects: np.ndarray


def make(root: Path, seed: int, options: PointOptions, map: Any = map, progress: Any = None) -> None:
    """Draw points around the corners of a box; a corner is a class, a subject is a point."""
    root.mkdir(parents=True, exist_ok=True)
    for number, site in enumerate((*SITES, "test")):
        rng = public(seed, 0, site, "points")
        labels = rng.permutation(np.arange(options.points) % CLASSES)
        inputs = np.eye(CLASSES, INPUTS)[labels] * 2 + 0.3 * rng.standard_normal((options.points, INPUTS))
        subjects = number * options.points + np.arange(options.points)
        np.savez(root / f"{site}.npz", inputs=inputs.astype(np.float32), labels=labels, subjects=subjects)


def open_train(root: Path, site: str, cache: Path, options: DummyOptions) -> Samples:
    """Open one site's points."""
    file = np.load(root / f"{site}.npz")
    return Samples(file["inputs"], file["labels"])


def open_test(root: Path, cache: Path, options: DummyOptions) -> TestPoints:
    """Open the evaluator's points."""
    file = np.load(root / "test.npz")
    return TestPoints(file["inputs"], file["labels"], file["subjects"])


POINTS = DataLayout(
    name="points",
    summary="points around the corners of a box",
    options=PointOptions,
    make=make,
    check=lambda root: [Finding("sites", "2", "2", True)],
    resolve=lambda root, options: {"classes": CLASSES},
    sites=lambda root, level: tuple(Site(site) for site in SITES),
    open_train=open_train,
    open_test=open_test,
)


@dataclass(frozen=True)
class Two:
    """Output of ``two_outputs``."""

    kind: Tensor
    value: Tensor


@dataclass(frozen=True)
class Rebuilt:
    """Output of ``no_labels``: what went in and what came out."""

    inputs: Tensor
    rebuilt: Tensor


@dataclass(frozen=True)
class Placed:
    """Output of ``batch_loss``."""

    features: Tensor


class Net(nn.Module):
    """A body with BatchNorm, further layers by name, and what they make of an input."""

    def __init__(self, width: int, layers: dict[str, int], output: Callable[..., Any]) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(INPUTS, width), nn.BatchNorm1d(width), nn.ReLU())
        self.layers = nn.ModuleDict({name: nn.Linear(width, size) for name, size in layers.items()})
        self.output = output

    def forward(self, inputs: Tensor) -> Any:
        """Return the task's own output."""
        hidden = self.body(inputs)
        return self.output(inputs, {name: layer(hidden) for name, layer in self.layers.items()})


def net(
    sizes: Callable[[DummyOptions], dict[str, int]], output: Callable[..., Any]
) -> Callable[[DummyOptions, torch.Generator], Net]:
    """Return a builder whose weights come from the generator it is given."""

    def build(options: DummyOptions, generator: torch.Generator) -> Net:
        with torch.random.fork_rng(devices=[]):
            model = Net(options.dimensions, sizes(options), output)
        for parameter in model.parameters():
            parameter.data.uniform_(-0.5, 0.5, generator=generator)
        return model

    return build


def sample(samples: Samples, options: DummyOptions, rng: np.random.Generator) -> np.ndarray:
    """Return one epoch of batches; the rest that fills none is dropped."""
    steps = len(samples) // options.batch
    return rng.permutation(len(samples))[: steps * options.batch].reshape(steps, options.batch)


def labelled(
    samples: Samples, images: Any, options: DummyOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return points with their labels."""
    return Batch(torch.from_numpy(samples.inputs[images]), torch.from_numpy(samples.labels[images]))


def unlabelled(
    samples: Samples, images: Any, options: DummyOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return points alone."""
    return Batch(torch.from_numpy(samples.inputs[images]), None)


def doubly_labelled(
    samples: Samples, images: Any, options: DummyOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return points with a class and a value each, (B, 2)."""
    batch = labelled(samples, images, options, rng, device)
    return Batch(batch.inputs, torch.stack([batch.labels, batch.inputs.sum(1)], dim=1))


def two_losses(output: Two, labels: Tensor, options: DummyOptions) -> Tensor:
    """Cross-entropy of the class plus squared error of the value."""
    return F.cross_entropy(output.kind, labels[:, 0].long()) + F.mse_loss(output.value, labels[:, 1])


def pair_loss(output: Placed, labels: Tensor, options: DummyOptions) -> Tensor:
    """Pull points of one class together and push others apart: no mean over examples."""
    distances = (output.features[:, None] - output.features[None]).square().mean(2)
    return torch.where(labels[:, None] == labels[None], distances, F.relu(1 - distances)).mean()


def training(transform: Any, loss: Any, unit: str, capabilities: tuple[str, ...] = ()) -> Training:
    """Return plain SGD at a constant rate around a loss."""
    return Training(
        sample=sample,
        transform=transform,
        loss=loss,
        loss_unit=unit,
        optimiser=lambda model, options: torch.optim.SGD(model.parameters(), options.rate, momentum=0.5),
        rate=lambda done, rounds, options: 1.0,
        capabilities=capabilities,
    )


def evaluate(model: Any, test: TestPoints, options: DummyOptions) -> dict[str, float]:
    """Return the count of points and the sum of the last tensor that the model makes of them."""
    with torch.inference_mode():
        *_, last = vars(model(torch.from_numpy(test.inputs))).values()
    return {"points": float(len(test.inputs)), "score": float(last.double().sum())}


def result(statistics: Any) -> dict[str, dict[str, float]]:
    """Return the mean score."""
    return {"mean": {"score": statistics["score"] / statistics["points"]}, "spread": {"score": 0.0}}


def own(name: str, right: Callable[[Any, Samples, Samples], Tensor]) -> OwnBenchmark:
    """Return what a site measures: the mean over held-out points of (output, all, held) to a (M,) share."""

    def measure(model: Any, trained: Samples, held: Samples, options: DummyOptions, device: str) -> Any:
        with torch.inference_mode():
            rows = np.arange(len(held))
            shares = right(model, trained, Samples(held.inputs[rows], held.labels)) if len(held) else rows
        return {"points": float(len(held)), "right": float(shares.sum())}

    def shown(sums: Any) -> dict[str, dict[str, float]]:
        mean = {name: sums["right"] / sums["points"]} if sums["points"] else {}
        return {"mean": mean, "spread": dict.fromkeys(mean, 0.0)}

    return OwnBenchmark("own points", lambda options: ("points", "right"), measure, shown)


def named(model: Any, trained: Samples, held: Samples) -> Tensor:
    """Say whose class the head names."""
    return model(torch.from_numpy(held.inputs)).kind.argmax(1) == torch.from_numpy(held.labels)


def like(model: Any, trained: Samples, held: Samples) -> Tensor:
    """Return how like itself each point comes back, 1 for the same."""
    output = model(torch.from_numpy(held.inputs))
    return 1 / (1 + (output.rebuilt - output.inputs).square().mean(1))


def beside(model: Any, trained: Samples, held: Samples) -> Tensor:
    """Say beside whom a training point of the same class lies nearest."""
    inputs = (held.inputs, trained.inputs[np.arange(len(trained))])
    points, around = (model(torch.from_numpy(each)).features for each in inputs)
    return torch.from_numpy(trained.labels[torch.cdist(points, around).argmin(1)] == held.labels)


def dummy(
    name: str,
    model: Any,
    learn: Training | None,
    head: tuple[str, ...] = (),
    alone: OwnBenchmark | None = None,
) -> Task:
    """Return a task over points."""
    return Task(
        name=name,
        summary=name.replace("_", " "),
        options=DummyOptions,
        levels=("camera", "sharing"),
        layouts={"points": POINTS},
        model=model,
        width=lambda options: options.dimensions,
        evaluate=evaluate,
        result=result,
        head=head,
        own=alone,
        training=learn,
    )


DUMMIES = {
    task.name: task
    for task in (
        dummy(
            "two_outputs",
            net(
                lambda options: {"kind": options.classes, "value": 1},
                lambda x, made: Two(made["kind"], made["value"][:, 0]),
            ),
            training(doubly_labelled, two_losses, "example"),
            ("layers.kind.", "layers.value."),
            own("own_accuracy", named),
        ),
        dummy(
            "no_labels",
            net(lambda options: {"back": INPUTS}, lambda x, made: Rebuilt(x, made["back"])),
            training(unlabelled, lambda output, _, o: F.mse_loss(output.rebuilt, output.inputs), "example"),
            alone=own("own_likeness", like),
        ),
        dummy(
            "batch_loss",
            net(lambda options: {"place": options.dimensions}, lambda x, made: Placed(made["place"])),
            training(labelled, pair_loss, "batch", ("features",)),
            alone=own("own_nearest", beside),
        ),
        dummy(
            "no_training",
            net(lambda options: {"place": options.dimensions}, lambda x, made: Placed(made["place"])),
            None,
        ),
    )
}
