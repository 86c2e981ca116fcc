"""The workloads as tasks of isofed, made by the process that measures and registered before it forks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import models
import torch
from torch import nn
from torch.nn import functional as F
from workloads import SEED, Users, Workload, rows, user_name

from isofed.tasks import TASKS
from isofed.tasks.task import Batch, DataLayout, Samples, Site, Task, Training


@dataclass(frozen=True)
class VirtualOptions:
    """Of a workload as a task."""

    classes: int


class Wrapped(nn.Module):
    """A workload's network with the output that a task has; names and weights are the network's own."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: torch.Tensor) -> models.Output:
        """Return the logits in their own dataclass."""
        return models.Output(self.network(inputs))


def configuration(workload: Workload, rounds: int) -> dict[str, Any]:
    """Return what both halves of a federation read: FedAvg, no evaluation between rounds."""
    return {
        "run": "benchmark",
        "seed": SEED,
        "rounds": rounds,
        "evaluate_every": 0,
        "layout": workload.name,
        "task": {"name": workload.name, "classes": workload.classes},
        "protocol": {"name": "entity"},
        "strategy": {"name": "fedavg"},
    }


def register(workload: Workload, folder: Path) -> None:
    """Put the workload's task into isofed's table; workers that are forked later have it, too."""
    users = Users.open(folder, workload)
    TASKS[workload.name] = _task(workload, users)


def _batch(samples: Samples, chosen: Any, options: Any, generator: Any, device: Any) -> Batch:
    return Batch(torch.from_numpy(samples.inputs[chosen]), torch.from_numpy(samples.labels[chosen]))


def _training(workload: Workload) -> Training:
    return Training(
        sample=lambda samples, options, rng: rows(workload, len(samples), rng),
        transform=_batch,
        loss=lambda output, labels, options: F.cross_entropy(output.logits, labels),
        loss_unit="example",
        optimiser=lambda model, options: models.optimiser(workload, model),
        rate=lambda done, rounds, options: 1.0,
        capabilities=("logits",),
        keeps_optimiser=lambda options: False,
        plain=lambda options: True,
    )


def _task(workload: Workload, users: Users) -> Task:
    layout = DataLayout(
        name=workload.name,
        summary="random inputs in two files",
        options=VirtualOptions,
        make=lambda *a: None,
        check=lambda *a: [],
        resolve=lambda root, options: {"classes": workload.classes},
        sites=lambda root, level: tuple(Site(user_name(number)) for number in range(workload.users)),
        open_train=lambda root, site, cache, options: Samples(*users.of(site)),
        open_test=lambda root, cache, options: None,
        folders=lambda root, site: (),
    )
    return Task(
        name=workload.name,
        summary="virtual clients to time engines with",
        options=VirtualOptions,
        levels=("entity",),
        layouts={workload.name: layout},
        model=lambda options, generator: Wrapped(models.fill(models.network(workload), generator)),
        width=lambda options: workload.classes,
        evaluate=lambda model, test, options: {"n": 1.0},
        result=lambda statistics: {"mean": {"n": 1.0}, "spread": {"n": 0.0}},
        statistics=lambda options: False,
        training=_training(workload),
    )
