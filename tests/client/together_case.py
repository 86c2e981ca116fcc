"""Small sites in memory, trained one after another and together."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.client.memory import Sections
from isofed.client.place import Place
from isofed.client.together import train_together
from isofed.client.train import Trained, train
from isofed.client.workshop import Workshop
from isofed.records import Delta, Order, Table, Value
from isofed.seeds import public
from isofed.tasks.task import Batch, DataLayout, Samples, Site, Task, Training
from isofed.trees import Tree

SIDE, CLASSES, SEED = 6, 3, 7
NAME = "stacks"


@dataclass(frozen=True)
class Options:
    """Of the task."""

    model: str = "head"
    optimiser: str = "sgd"
    keeps: bool = False
    precision: str = "float32"
    ragged: bool = False
    classes: int = CLASSES


@dataclass(frozen=True)
class Out:
    """What the models say."""

    logits: Tensor


class Net(nn.Module):
    """Layers with the output that a task has."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Out:
        """Return logits."""
        return Out(self.layers(inputs))


class Branchy(Net):
    """Looks at a value to decide what to do."""

    def forward(self, inputs: Tensor) -> Out:
        """Return logits."""
        logits = super().forward(inputs).logits
        return Out(logits if logits.sum() > 0 else -logits)


class Told(Net):
    """Asks for a number."""

    def forward(self, inputs: Tensor) -> Out:
        """Return logits."""
        return Out(super().forward(inputs).logits * inputs.mean().item())


class Counting(Net):
    """Keeps a running sum where no state dict sees it, and uses it."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def forward(self, inputs: Tensor) -> Out:
        """Return logits."""
        self.seen += inputs.mean()
        return Out(super().forward(inputs).logits + self.seen)


class Hidden(Net):
    """Keeps a number outside of its buffers, and uses it."""

    def forward(self, inputs: Tensor) -> Out:
        """Return logits, larger with each call."""
        self.calls = getattr(self, "calls", 0) + 1
        return Out(super().forward(inputs).logits * self.calls)


class Chosen(Net):
    """Draws whom to look at, with a probability of each sample's own."""

    def forward(self, inputs: Tensor) -> Out:
        """Return logits."""
        chance = torch.sigmoid(inputs)
        return Out(super().forward(inputs * torch.empty_like(inputs).bernoulli_(chance)).logits)


class Blurred(Net):
    """Adds noise, drawn in two ways."""

    def forward(self, inputs: Tensor) -> Out:
        """Return logits."""
        noise = torch.randn_like(inputs) + torch.rand(inputs.shape)
        return Out(super().forward(inputs + 0.1 * noise).logits)


class Odd(nn.Module):
    """A scale without dimensions, two parameters with one gradient, and one that nothing reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.left, self.right = nn.Parameter(torch.zeros(SIDE)), nn.Parameter(torch.ones(SIDE))
        self.idle = nn.Parameter(torch.ones(3))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs, scaled and moved."""
        return inputs * self.scale + (self.left + self.right)


def _small(*between: nn.Module) -> list[nn.Module]:
    return [nn.Flatten(), nn.Linear(2 * SIDE * SIDE, 9), nn.ReLU(), *between, nn.Linear(9, CLASSES)]


def _cnn(*between: nn.Module) -> list[nn.Module]:
    first = [nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)]
    rest = [nn.Conv2d(4, 5, 3, bias=False), nn.BatchNorm2d(5), nn.MaxPool2d(2), nn.Flatten()]
    return [*first, *between, *rest, nn.Linear(5, CLASSES)]


MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "head": lambda: Net(*_small()),
    "cnn": lambda: Net(*_cnn()),
    "dropout": lambda: Net(*_small(nn.Dropout(0.4))),
    "cnn_dropout": lambda: Net(*_cnn(nn.Dropout2d(0.3), nn.Dropout(0.2))),
    "blurred": lambda: Blurred(*_small()),
    "odd": lambda: Net(Odd(), *_small(nn.LayerNorm(9))),
    "branchy": lambda: Branchy(*_small()),
    "told": lambda: Told(*_small()),
    "counting": lambda: Counting(*_small()),
    "alpha_dropout": lambda: Net(*_small(nn.AlphaDropout(0.2))),
    "rrelu": lambda: Net(*_small(nn.RReLU())),
    "drawn_choice": lambda: Chosen(*_small()),
    "hidden": lambda: Hidden(*_small()),
}
OPTIMISERS: Mapping[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1),
    "momentum": lambda p: torch.optim.SGD(
        p, 0.05, momentum=0.9, nesterov=True, weight_decay=1e-2, foreach=True
    ),
    "adam": lambda p: torch.optim.Adam(p, 0.01),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, amsgrad=True),
    "lbfgs": lambda p: torch.optim.LBFGS(p, 0.01),
}


def _model(options: Options, generator: torch.Generator) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        return MODELS[options.model]()


def _sample(samples: Samples, options: Options, rng: np.random.Generator) -> np.ndarray:
    steps = len(samples) // 5
    return rng.permutation(len(samples))[: steps * 5].reshape(steps, 5)


def _transform(samples: Samples, rows: Any, options: Options, rng: np.random.Generator, device: str) -> Batch:
    if options.ragged and 0 in rows:
        rows = rows[:-1]
    noise = 0.1 * rng.standard_normal((len(rows), 1, 1, 1), np.float32)
    return Batch(torch.from_numpy(samples.inputs[rows] + noise), torch.from_numpy(samples.labels[rows]))


def _open(root: Path, site: str, cache: Path, options: Options) -> Samples:
    rng, count = public(SEED, 0, site, "data"), int(site.split("_")[1])
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
    width=lambda options: 9,
    evaluate=lambda *a: {},
    result=lambda statistics: {"mean": {}, "spread": {}},
    head=("layers.4.",),
    training=Training(
        sample=_sample,
        transform=_transform,
        loss=lambda output, labels, options: F.cross_entropy(output.logits, labels),
        loss_unit="example",
        optimiser=lambda model, options: OPTIMISERS[options.optimiser](model.parameters()),
        rate=lambda done, rounds, options: 1.0 - 0.5 * done / rounds,
        capabilities=("logits",),
        precision=lambda options: options.precision,
        keeps_optimiser=lambda options: options.keeps,
        plain=lambda options: options.optimiser == "sgd",
    ),
)


def shop_of(strategy: Mapping[str, Any] | None = None, rounds: int = 3, **options: Any) -> Workshop:
    """Return a workshop of the task."""
    return Workshop.of(
        json.dumps(
            {
                "run": "test",
                "seed": SEED,
                "rounds": rounds,
                "evaluate_every": 0,
                "layout": "noise",
                "task": {"name": NAME, **options},
                "protocol": {"name": "entity"},
                "strategy": dict(strategy or {"name": "fedavg"}),
            }
        )
    )


def places_of(sizes: Sequence[int], folder: Path = Path("nowhere")) -> list[Place]:
    """Return sites with so many samples each."""
    return [
        Place(f"s{k}_{size}", folder, folder / f"{k}", folder / f"m{k}", "entity", 2)
        for k, size in enumerate(sizes)
    ]


def first_order(shop: Workshop, round: int = 1, **config: Any) -> Order:
    """Return an order with the model as it was built, and zeros in every further tree."""
    trees = {group: tree.numpy() for group, tree in shop.trees.items()}
    channels: dict[str, Any] = {group: Value(trees[group]) for group in ("model", "buffers")}
    for name in shop.setting.recipe.trees:
        channels[name] = Delta(trees["model"].map(np.zeros_like))
    return Order("test", round, 1, "", shop.setting.digest, channels, config)


def both(
    shop: Workshop, places: Sequence[Place], rounds: int = 1, **config: Any
) -> tuple[list[Trained], list[Trained]]:
    """Return what the sites' last of ``rounds`` came to one after another, and together.

    The orders are the same each round, so that only what sites remember differs between rounds.
    """
    order = first_order(shop, **config)
    alone: list[Trained] = []
    beside: list[Trained] = []
    for number in range(1, rounds + 1):
        now = Order("test", number, 1, "", order.digest, order.channels, config)
        held: list[Sections] = [t.sections for t in alone] or [{} for _ in places]
        alone = [train(shop, p, now, m, f"{number}.1") for p, m in zip(places, held, strict=True)]
        held = [t.sections for t in beside] or [{} for _ in places]
        beside = train_together(shop, places, [now] * len(places), held, [f"{number}.1"] * len(places))
    return alone, beside


def arrays(trained: Trained) -> dict[str, np.ndarray]:
    """Return every array that leaves or stays, by name."""
    found: dict[str, np.ndarray] = {}
    for name, channel in trained.report.channels.items():
        tree = {"values": channel.values} if isinstance(channel, Table) else channel.tree
        found |= {f"{name}/{leaf}": array for leaf, array in tree.items()}
    for name, section in trained.sections.items():
        items = section.items() if isinstance(section, Tree) else [("", section)]
        found |= {f"memory/{name}/{leaf}": array for leaf, array in items}
    return found


def apart(one: Trained, other: Trained) -> float:
    """Return the largest difference of a leaf, beside that leaf's largest entry; and check all the rest."""
    assert one.report.scalars.keys() == other.report.scalars.keys()
    for name, value in one.report.scalars.items():
        same = value == other.report.scalars[name]
        assert same if isinstance(value, int) else np.isclose(value, other.report.scalars[name], rtol=1e-5)
    ours, theirs = arrays(one), arrays(other)
    assert list(ours) == list(theirs)
    assert (one.report.round, one.report.attempt, one.report.version) == (
        other.report.round,
        other.report.attempt,
        other.report.version,
    )
    worst = 0.0
    for name, array in ours.items():
        assert (array.dtype, array.shape) == (theirs[name].dtype, theirs[name].shape), name
        if array.dtype.kind == "f":
            gap = float(np.abs(array.astype(float) - theirs[name]).max(initial=0.0))
            worst = max(worst, gap / (float(np.abs(array).max(initial=0.0)) + 1e-3))
        else:
            assert np.array_equal(array, theirs[name]), name
    return worst
