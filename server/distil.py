"""The server's lesson: what the clients' models say of public data, learnt by their mean.

Of the clients' models one at a time is in memory, beside a sum as long as the public data and as wide as
the outputs. Private data cannot come here: the server opens its own folder and nobody else's.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from isofed import seeds
from isofed.errors import CompositionError, DataError, RoundError
from isofed.records import Channel, Delta, Report
from isofed.server.asks import Ask
from isofed.setting import Setting
from isofed.strategies.distillation import Distillation
from isofed.strategies.share import TRAVELLING, flatten
from isofed.tasks.task import Samples, names
from isofed.trees import Tree

CHUNK = 256  # public samples in one forward pass of a client's model
PURPOSE = "distillation"


@dataclass(frozen=True)
class Classroom:
    """The server's one model and its public data, made when they are first asked for.

    Args:
        setting: what runs; its recipe distils.
        root: folder of the public data, in the layout of the run.
        cache: folder for what is decoded.
        build: () to the module with the run's initial weights, as the sites build it.
        device: where to compute.
        threads: of torch; as many as a client's, so that the bits do not depend on the engine.
    """

    setting: Setting
    root: Path
    cache: Path
    build: Callable[[], Any] = field(repr=False)
    device: str = "cpu"
    threads: int = 1

    @property
    def plan(self) -> Distillation:
        """What is learnt, and how."""
        plan: Distillation = self.setting.recipe.server.distil
        return plan

    @cached_property
    def model(self) -> Any:
        """The module: what never travels stays as it was built."""
        return self.build().to(self.device)

    @cached_property
    def trees(self) -> dict[str, Tree]:
        """The travelling part of the module, laid over flat storage."""
        return flatten(self.model, self.setting.recipe.share, TRAVELLING)

    @cached_property
    def samples(self) -> Samples:
        """The public data: all that the layout would train on if one trainer held everything.

        Raises:
            DataError: there are not two of them.
        """
        layout = self.setting.task.layouts[self.setting.layout]
        site = names(layout.sites(self.root, "sharing"))[0]
        samples: Samples = layout.open_train(self.root, site, self.cache, self.setting.options)
        if len(samples) < 2:
            raise DataError(f"the public data are {len(samples)} samples, but a lesson takes at least 2")
        return samples

    def outputs(self, model: Tree, buffers: Tree) -> torch.Tensor:
        """Return what a client's model says of all public data: (N, width) float64, on the CPU."""
        self.load({"model": model, "buffers": buffers})
        self.model.eval()
        rows = np.arange(len(self.samples))
        with torch.no_grad():
            parts = [self._said(rows[at : at + CHUNK]) for at in range(0, len(rows), CHUNK)]
        return torch.cat(parts)

    def _said(self, rows: np.ndarray) -> torch.Tensor:
        said: torch.Tensor = self.say(rows).double()
        return (F.normalize(said, dim=1) if self.plan.unit else said).cpu()

    def say(self, rows: np.ndarray) -> torch.Tensor:
        """Return what the model, as it is, says of some public samples."""
        said: torch.Tensor = getattr(self.model(self._inputs(rows)), self.plan.of)
        return said

    def load(self, trees: Mapping[str, Tree]) -> None:
        """Give the model another travelling part."""
        for group in TRAVELLING:
            self.trees[group].copy_from(trees[group])

    @contextmanager
    def quiet(self, round: int) -> Iterator[None]:
        """Compute with the run's threads, torch's random state a function of the round and left as it was."""
        threads, devices = torch.get_num_threads(), [] if self.device == "cpu" else [self.device]
        seed = seeds.public_key(self.setting.seed, round, "", f"{PURPOSE} layers")
        torch.set_num_threads(self.threads)
        try:
            with torch.random.fork_rng(devices=devices):
                torch.manual_seed(seed % 2**63)
                yield
        finally:
            torch.set_num_threads(threads)

    def _inputs(self, rows: np.ndarray) -> Any:
        training, options = self.setting.task.training, self.setting.options
        if training.still:
            return training.still(self.samples, rows, options, self.device).inputs
        rng = seeds.public(self.setting.seed, 0, "", f"{PURPOSE} inputs")
        return training.transform(self.samples, rows, options, rng, self.device).inputs


def lesson(setting: Setting, room: Classroom | None, round: int, asks: Iterable[Ask] = ()) -> "Lesson | None":
    """Return the lesson of a round, or None where the recipe does not distil.

    Args:
        setting: what runs.
        room: where it takes place.
        round: counted from 1.
        asks: the round's orders, with the models that the sites begin from.

    Raises:
        CompositionError: it does, and the server has no public data.
    """
    if setting.recipe.server.distil is None:
        return None
    if room is None:
        raise CompositionError(
            f"strategy '{setting.recipe.call}' teaches the server's model on public data, and the server has "
            "none; name their folder with public.root=DIR"
        )
    return Lesson(room, round, {ask.site: ask.order.channels for ask in asks})


@dataclass
class Lesson:
    """One round's: clients' models are heard one by one, in the order of names, then the mean is taught."""

    room: Classroom
    round: int
    starts: Mapping[str, Mapping[str, Channel]] = field(default_factory=dict)
    total: Any = None
    heard: int = 0

    def hear(self, site: str, report: Report) -> None:
        """Add what a client's model says of the public data."""
        start = self.starts[site]
        model, buffers = (_whole(report.channels[group], start[group]) for group in TRAVELLING)
        with self.room.quiet(self.round):
            said = self.room.outputs(model, buffers)
        self.total = said if self.total is None else self.total + said
        self.heard += 1

    def taught(self, trees: Mapping[str, Tree]) -> dict[str, Tree]:
        """Return ``trees`` with model and statistics as they are after the lesson.

        Raises:
            RoundError: the model is not finite any more.
        """
        if not self.heard:
            return dict(trees)
        with self.room.quiet(self.round):
            _teach(self.room, trees, self.total / self.heard, self.round)
        learnt = {group: self.room.trees[group].numpy() for group in TRAVELLING}
        if not all(tree.finite for tree in learnt.values()):
            raise RoundError(
                f"the distillation of round {self.round} left NaN or infinite weights; lower strategy.lr"
            )
        return {**trees, **learnt}


def batches(samples: int, plan: Distillation, rng: np.random.Generator) -> np.ndarray:
    """Return the samples of every step, (steps, B): pass after pass in a new order, cut into batches."""
    size = min(plan.batch, samples)
    passes = math.ceil(plan.steps * size / samples)
    order = np.concatenate([rng.permutation(samples) for _ in range(passes)])
    return order[: plan.steps * size].reshape(plan.steps, size)


def rate(plan: Distillation, step: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    if plan.by == "sgd":
        return plan.lr
    return plan.lr * 0.5 * (1.0 + math.cos(math.pi * step / plan.steps))


def loss(plan: Distillation, said: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return how far the student's outputs (B, width) are from the teachers' mean, a scalar."""
    if plan.of == "features":
        return F.mse_loss(said, wanted)
    student, teacher = (F.log_softmax(z / plan.temperature, dim=1) for z in (said, wanted))
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True)


def _teach(room: Classroom, trees: Mapping[str, Tree], wanted: torch.Tensor, round: int) -> None:
    plan, rng = room.plan, seeds.public(room.setting.seed, round, "", PURPOSE)
    room.load(trees)
    optimiser = _optimiser(room)
    room.model.train(plan.statistics == "public")
    for step, rows in enumerate(batches(len(room.samples), plan, rng)):
        for group in optimiser.param_groups:
            group["lr"] = rate(plan, step)
        said = room.say(rows).float()
        optimiser.zero_grad(set_to_none=True)
        loss(plan, said, wanted[rows].to(said)).backward()
        optimiser.step()
    optimiser.zero_grad(set_to_none=True)


def _optimiser(room: Classroom) -> torch.optim.Optimizer:
    """Return a fresh optimiser of what travels; nothing else learns."""
    travelling = room.trees["model"].layout.by_name
    for name, parameter in room.model.named_parameters():
        parameter.requires_grad_(name in travelling)
    learning = [parameter for parameter in room.model.parameters() if parameter.requires_grad]
    if room.plan.by == "sgd":
        return torch.optim.SGD(learning, room.plan.lr, momentum=0.9, nesterov=True)
    return torch.optim.Adam(learning, room.plan.lr)


def _whole(channel: Any, start: Any) -> Tree:
    """Return a client's tree, also where it sent how it differs from the one that it was sent."""
    tree: Tree = channel.tree
    if not isinstance(channel, Delta):
        return tree
    return tree.wide().map(lambda change, old: old + change, start.tree).narrow()
