"""A small problem in memory on which every algorithm is played beside its paper's text, written out slowly.

Sites hold points of three classes. The model is z = tanh(W x + b), logits = H z, in float64; the loss is the
mean cross-entropy, the optimiser SGD at a constant rate, and a round one pass in batches, so that sites of
different sizes take different numbers of steps. :func:`play` runs the real client and the real server,
without files and without Flower; the rest is what an oracle needs: the same batches, the model as a formula.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from isofed.client.place import Place
from isofed.client.train import train
from isofed.client.workshop import Workshop
from isofed.records import Order, Report
from isofed.seeds import public
from isofed.server.rounds import training_round
from isofed.server.state import ServerState
from isofed.simulations.federation import first_state
from isofed.tasks import TASKS
from isofed.tasks.task import Batch, DataLayout, Samples, Site, Task, Training

INPUTS, WIDTH, CLASSES, SEED = 3, 4, 3, 5
Weights = dict[str, Tensor]


@dataclass(frozen=True)
class ArenaOptions:
    """Of the arena's task; ``problem`` names the problem being played."""

    classes: int = CLASSES
    batch: int = 2
    rate: float = 0.2
    momentum: float = 0.0
    norm: bool = False
    dropout: float = 0.0
    problem: str = ""


@dataclass(frozen=True)
class Seen:
    """The arena model's output."""

    features: Tensor
    logits: Tensor


class ArenaNet(nn.Module):
    """tanh of a linear layer, with BatchNorm and dropout on request, and a head without bias."""

    def __init__(self, norm: bool, dropout: float) -> None:
        super().__init__()
        self.body = nn.Linear(INPUTS, WIDTH)
        self.norm = nn.BatchNorm1d(WIDTH) if norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTH, CLASSES, bias=False)
        self.double()

    def forward(self, inputs: Tensor) -> Seen:
        """Return features and logits."""
        features = self.dropout(torch.tanh(self.norm(self.body(inputs))))
        return Seen(features, self.head(features))


def build(options: ArenaOptions, generator: torch.Generator) -> ArenaNet:
    """Return the model with weights from ``generator``."""
    with torch.random.fork_rng(devices=[]):
        model = ArenaNet(options.norm, options.dropout)
    for parameter in model.parameters():
        parameter.data.uniform_(-0.7, 0.7, generator=generator)
    return model


def forward(w: Weights, x: Tensor) -> Seen:
    """The model (without BatchNorm and dropout) as a formula."""
    z = torch.tanh(x @ w["body.weight"].T + w["body.bias"])
    return Seen(z, z @ w["head.weight"].T)


def loss(w: Weights, x: Tensor, y: Tensor) -> Tensor:
    """The task's loss as a formula."""
    return F.cross_entropy(forward(w, x).logits, y)


def gradient(w: Weights, of: Callable[[Weights], Tensor]) -> Weights:
    """Return d of(w) / d w."""
    leaves = {name: value.detach().clone().requires_grad_() for name, value in w.items()}
    found = torch.autograd.grad(of(leaves), list(leaves.values()), allow_unused=True)
    return {
        name: torch.zeros_like(value) if grad is None else grad
        for (name, value), grad in zip(leaves.items(), found, strict=True)
    }


def sample(samples: Samples, options: ArenaOptions, rng: np.random.Generator) -> np.ndarray:
    """Return one pass over the site's points; the rest that fills no batch is dropped."""
    steps = len(samples) // options.batch
    return rng.permutation(len(samples))[: steps * options.batch].reshape(steps, options.batch)


TRAINING = Training(
    sample=sample,
    transform=lambda samples, rows, options, rng, device: Batch(
        torch.from_numpy(samples.inputs[rows]), torch.from_numpy(samples.labels[rows])
    ),
    loss=lambda output, labels, options: F.cross_entropy(output.logits, labels),
    loss_unit="example",
    optimiser=lambda model, o: torch.optim.SGD(model.parameters(), o.rate, momentum=o.momentum),
    rate=lambda done, rounds, options: 1.0,
    capabilities=("features", "logits"),
    keeps_optimiser=lambda options: False,
    plain=lambda options: options.momentum == 0.0,
)


@dataclass(frozen=True)
class Problem:
    """Who holds what, and how it is trained.

    Args:
        data: by site, (inputs (N, 3) float64, labels (N,) int64).
        rounds: to play.
        options: of the task.
    """

    data: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(repr=False)
    rounds: int
    options: ArenaOptions = ArenaOptions()

    @property
    def sites(self) -> tuple[str, ...]:
        """Names, in order."""
        return tuple(sorted(self.data))

    def batches(self, site: str, round: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (x, y) of every step that a site takes in a round of one pass."""
        return next(self.passes(site, round, 1))

    def passes(self, site: str, round: int, count: int) -> Iterator[Iterator[tuple[Tensor, Tensor]]]:
        """Yield the batches of each pass of a round of several."""
        inputs, labels = self.data[site]
        draw = public(SEED, round, site, "batches")
        for rows in [sample(Samples(inputs, labels), self.options, draw) for _ in range(count)]:
            yield ((torch.from_numpy(inputs[r]), torch.from_numpy(labels[r])) for r in rows)

    def examples(self, site: str) -> int:
        """n of a site."""
        return len(self.data[site][1])


@st.composite
def problems(draw: Any, sites: int = 3, rounds: int = 3, **options: Any) -> Problem:
    """Draw up to so many sites of 2 to 9 points, rounds, batch size and rate."""
    batch = draw(st.integers(1, 2))
    options = {"batch": batch, "rate": draw(st.sampled_from([0.05, 0.2, 0.5])), **options}
    sizes = draw(st.lists(st.integers(2, 9), min_size=2, max_size=sites))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    data = {
        f"s{n}": (rng.normal(n, 1.0, (size, INPUTS)), rng.integers(0, CLASSES, size))
        for n, size in enumerate(sizes)
    }
    return Problem(data, draw(st.integers(1, rounds)), ArenaOptions(**options))


@dataclass(frozen=True)
class Played:
    """What came of it: the server after every round, reports and site memories of every round."""

    states: list[ServerState]
    reports: list[dict[str, Report]]
    memories: list[dict[str, Any]]
    shop: Workshop

    def model(self, round: int = -1) -> Weights:
        """Return the global model after a round as float64 tensors; 0 is the first one."""
        return tensors(self.states[round].trees["model"])


def tensors(tree: Any) -> Weights:
    """Return a tree's leaves as tensors of their own."""
    return {name: torch.from_numpy(np.array(array)) for name, array in tree.items()}


def play(strategy: Mapping[str, Any], problem: Problem, level: str = "camera") -> Played:
    """Run the real client and server over a problem."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, "arena", _task(problem))
        shop = Workshop.of(json.dumps(_cfg(strategy, problem, level)))
        state = first_state(shop)
        played = Played([state], [], [{site: {} for site in problem.sites}], shop)
        for _ in range(problem.rounds):
            _round(played, problem, level)
        return played


def _round(played: Played, problem: Problem, level: str) -> None:
    shop, remembered, reports = played.shop, dict(played.memories[-1]), {}
    round = training_round(played.states[-1], shop.setting, list(problem.sites), 1, 1)

    def answer(site: str, order: Order) -> Report:
        place = Place(site, Path("."), Path(site), Path("."), level, 1, simulated=SEED)
        trained = train(shop, place, order, remembered[site], f"{order.round}.1")
        shop.contract(shop.classes(place)).check(trained.report)
        remembered[site] = trained.sections
        reports[site] = trained.report
        return trained.report

    asks = next(round)
    try:
        round.send([(ask.site, answer(ask.site, ask.order))] for ask in asks)
    except StopIteration as end:
        played.states.append(end.value.state)
    played.reports.append(reports)
    played.memories.append(remembered)


def _cfg(strategy: Mapping[str, Any], problem: Problem, level: str) -> dict[str, Any]:
    return {
        "run": "arena",
        "seed": SEED,
        "rounds": problem.rounds,
        "evaluate_every": 0,
        "layout": "arena",
        "task": {"name": "arena", **vars(problem.options)},
        "protocol": {"name": level, "min_images": 1},
        "strategy": dict(strategy),
    }


def _task(problem: Problem) -> Task:
    layout = DataLayout(
        name="arena",
        summary="points in memory",
        options=ArenaOptions,
        make=lambda *a: None,
        check=lambda *a: [],
        resolve=lambda root, options: {"classes": CLASSES},
        sites=lambda root, level: tuple(Site(site) for site in problem.sites),
        open_train=lambda root, site, cache, options: Samples(*problem.data[site]),
        open_test=lambda root, cache, options: None,
    )
    return Task(
        name="arena",
        summary="points in memory",
        options=ArenaOptions,
        levels=("camera",),
        layouts={"arena": layout},
        model=build,
        width=lambda options: WIDTH,
        evaluate=lambda model, test, options: {"n": 1.0},
        result=lambda statistics: {"mean": {"n": 1.0}, "spread": {"n": 0.0}},
        head=("head.",),
        training=TRAINING,
    )


def close(one: Mapping[str, Tensor], other: Mapping[str, Tensor], tolerance: float = 1e-9) -> bool:
    """Return whether two models agree in every entry, and in their names."""
    return set(one) == set(other) and all(
        torch.allclose(one[name], other[name], rtol=tolerance, atol=tolerance) for name in one
    )


__all__ = ["Problem", "close", "forward", "gradient", "loss", "play", "problems", "replace", "tensors"]
