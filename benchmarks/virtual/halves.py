"""The floor for two workers: two bare loops of one thread, each with half of a round's users.

What an engine with two workers is far from is the machine's fault up to here, and its own from here on. This
process trains the first, third, fifth user and so on, a copy of it the others. The copy reads the weights and
writes its sum in memory that both have; this process adds it to its own and divides.
"""

import mmap
from dataclasses import dataclass
from math import prod
from multiprocessing.connection import Connection

import numpy as np
import torch
from bare import Bare
from forked import fork
from torch import Tensor
from turns import Job, Turns
from workloads import Users


@dataclass(frozen=True)
class Shared:
    """What both processes see: the round's weights and the copy's sum."""

    weights: list[Tensor]
    total: list[Tensor]

    @classmethod
    def like(cls, tensors: list[Tensor]) -> "Shared":
        """Make room for both; call before the fork."""
        return cls(_room(tensors, np.float32), _room(tensors, np.float64))


def _room(tensors: list[Tensor], kind: type) -> list[Tensor]:
    count = sum(tensor.numel() for tensor in tensors)
    # nameless, so that nothing is left behind whatever happens
    flat = torch.from_numpy(np.frombuffer(mmap.mmap(-1, count * np.dtype(kind).itemsize), kind))
    parts = flat.split([prod(tensor.shape) for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def simulate(job: Job, turns: Turns) -> list[np.ndarray]:
    """Run both loops, a round at each turn, and return the final arrays."""
    loop = Bare.of(Users.open(job.folder, job.workload))
    shared = Shared.like(loop.held)
    other = fork(lambda line: _serve(loop, shared, line))
    total = [torch.zeros_like(tensor) for tensor in shared.total]
    while turns.take():
        torch._foreach_copy_(shared.weights, loop.held)
        loop.round += 1
        other.send(loop.round)
        torch._foreach_zero_(total)
        count = loop.add(job.workload.draw(loop.round)[0::2], total)
        count += other.recv()
        torch._foreach_add_(total, shared.total)
        loop.become(total, count)
        turns.done()
    return [tensor.numpy() for tensor in loop.held]


def _serve(loop: Bare, shared: Shared, line: Connection) -> None:
    """Train the other half whenever told to; ends with the other process."""
    while True:
        loop.round = line.recv()
        torch._foreach_copy_(loop.held, shared.weights)
        torch._foreach_zero_(shared.total)
        line.send(loop.add(loop.users.workload.draw(loop.round)[1::2], shared.total))
