"""Small sites that train under differential privacy, and models of every build."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.client.place import SECRET, Place
from isofed.client.workshop import Workshop
from isofed.records import Delta, Order, Value
from isofed.seeds import public
from isofed.tasks import TASKS
from isofed.tasks.private import PrivateTraining, batch_norm, grouped
from isofed.tasks.task import Batch, DataLayout, Samples, Site, Task, Training

SIDE, CLASSES, FRAMES, NAME = 6, 3, 3, "hides"


@dataclass(frozen=True)
class Options:
    """Of the task."""

    model: str = "chain"
    norm: str = "group"
    batch: int = 8
    subjects: int = 2
    most: int = 3
    local_epochs: int = 1
    rate: float = 0.1
    momentum: float = 0.0
    keeps: bool = False
    precision: str = "float32"
    jitter: float = 0.0
    classes: int = CLASSES


@dataclass(frozen=True)
class Out:
    """What the models say."""

    features: Tensor
    logits: Tensor


class Net(nn.Module):
    """A body, and a head of classes."""

    def __init__(self, width: int, *layers: nn.Module) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(*layers), nn.Linear(width, CLASSES)

    def forward(self, inputs: Tensor) -> Out:
        """Return features and logits."""
        features = self.body(inputs)
        return Out(features, self.head(features))


class Films(Net):
    """Looks at every frame by itself: a layer sees more rows than there are examples."""

    def forward(self, inputs: Tensor) -> Out:
        """Return features and logits."""
        frames = inputs[:, None].expand(-1, FRAMES, -1, -1, -1) * torch.arange(1.0, FRAMES + 1).view(
            1, -1, 1, 1, 1
        )
        features = self.body(frames.flatten(0, 1)).unflatten(0, (-1, FRAMES)).mean(1)
        return Out(features, self.head(features))


class Scaled(nn.Module):
    """Parameters of its own beside a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.inner = nn.Parameter(torch.full((4,), 0.5)), nn.Linear(4, 4)
        self.idle = nn.Parameter(torch.ones(2))

    def forward(self, x: Tensor) -> Tensor:
        """Return x, scaled and mixed."""
        return x + self.scale * self.inner(x)


class Twice(nn.Module):
    """One layer, used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, mixed twice."""
        return self.inner(torch.tanh(self.inner(x)))


class Tokens(nn.Module):
    """A dense layer on many places of an example, as in attention."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(SIDE, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean over places: (n, 2, 6, 6) to (n, 4)."""
        return torch.tanh(self.inner(x)).mean((1, 2))


def _maps() -> list[nn.Module]:
    return [
        nn.Conv2d(2, 4, 3, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 4, 3),
        nn.PReLU(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.BatchNorm1d(4),
    ]


MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "chain": lambda: Net(4, *_maps()),
    "dense": lambda: Net(5, nn.Flatten(), nn.Linear(2 * SIDE * SIDE, 5), nn.Tanh()),
    "tokens": lambda: Net(4, Tokens(), nn.LayerNorm(4)),
    "twice": lambda: Net(4, *_maps(), Twice()),
    "scaled": lambda: Net(4, *_maps(), Scaled()),
    "films": lambda: Films(4, *_maps()),
    "dropout": lambda: Net(4, *_maps(), nn.Dropout(0.5)),
}


def _model(options: Options, generator: torch.Generator) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        model = MODELS[options.model]()
    if options.norm == "group":
        grouped(model)
    return model


def _sample(samples: Samples, options: Options, rng: np.random.Generator) -> np.ndarray:
    return np.stack([rng.permutation(len(samples)) for _ in range(options.local_epochs)])


def _transform(samples: Samples, rows: Any, options: Options, rng: np.random.Generator, device: str) -> Batch:
    noise = options.jitter * rng.standard_normal((len(rows), 1, 1, 1), np.float32)
    return Batch(torch.from_numpy(samples.inputs[rows] + noise), torch.from_numpy(samples.labels[rows]))


def _open(root: Path, site: str, cache: Path, options: Options) -> Samples:
    rng, count = public(7, 0, site, "data"), int(site.split("_")[1])
    labels = rng.integers(0, CLASSES, count)
    inputs = rng.standard_normal((count, 2, SIDE, SIDE), np.float32) + labels[:, None, None, None]
    return Samples(inputs.astype(np.float32), labels)


TASK = Task(
    name=NAME,
    summary="sites of noise",
    options=Options,
    levels=("entity",),
    layouts={
        "noise": DataLayout(
            name="noise",
            summary="noise",
            options=Options,
            make=lambda *a: None,
            check=lambda root: [],
            resolve=lambda root, options: {},
            sites=lambda root, level: (Site("s0_20"),),
            open_train=_open,
            open_test=lambda *a: None,
            folders=lambda root, site: (),
        )
    },
    model=_model,
    width=lambda options: 4,
    evaluate=lambda *a: {},
    result=lambda statistics: {"mean": {}, "spread": {}},
    head=("head.",),
    training=Training(
        sample=_sample,
        transform=_transform,
        loss=lambda output, labels, options: F.cross_entropy(output.logits, labels),
        loss_unit="example",
        optimiser=lambda model, o: torch.optim.SGD(model.parameters(), o.rate, momentum=o.momentum),
        rate=lambda done, rounds, options: 1.0,
        capabilities=("features", "logits"),
        precision=lambda options: options.precision,
        keeps_optimiser=lambda options: options.keeps,
        plain=lambda options: options.momentum == 0.0,
        private=PrivateTraining(
            example="clip",
            batch=lambda options: options.batch,
            refuses=lambda options: batch_norm(options.norm) if options.norm == "batch" else None,
            subject="identity",
            subjects=lambda options: options.subjects,
            most=lambda options: options.most,
        ),
    ),
)


@contextmanager
def known() -> Iterator[None]:
    """Let the task be found by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        yield


def shop_of(
    dp: Mapping[str, Any] | None = None,
    strategy: Mapping[str, Any] | None = None,
    seed: int = 7,
    rounds: int = 3,
    **options: Any,
) -> Workshop:
    """Return a workshop of the task."""
    cfg = {
        "run": "test",
        "seed": seed,
        "rounds": rounds,
        "evaluate_every": 0,
        "layout": "noise",
        "task": {"name": NAME, **options},
        "protocol": {"name": "entity"},
        "strategy": dict(strategy or {"name": "fedavg"}),
        "dp": dict(dp or {"name": "none"}),
    }
    return Workshop.of(json.dumps(cfg))


def place_of(folder: Path, count: int = 20, secret: bytes = bytes(32), name: str = "s0") -> Place:
    """Return a real site with so many samples, and its secret."""
    site, home = f"{name}_{count}", folder / f"{name}-{secret.hex()}"
    home.mkdir(exist_ok=True)
    (home / SECRET).write_bytes(secret)
    return Place(site, folder, home, home / "memory", "entity", 2)


def order_of(shop: Workshop, round: int = 1, attempt: int = 1) -> Order:
    """Return an order with the model as it was built, and zeros in every further tree."""
    # asked for before anybody trained
    trees = vars(shop).setdefault("first", {group: tree.numpy() for group, tree in shop.trees.items()})
    channels: dict[str, Any] = {group: Value(trees[group]) for group in ("model", "buffers")}
    for name in shop.setting.recipe.trees:
        channels[name] = Delta(trees["model"].map(np.zeros_like))
    return Order("test", round, attempt, "", shop.setting.digest, channels)
