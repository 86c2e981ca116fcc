"""Virtual clients to time engines with: how many there are, what each holds, how a round trains them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from isofed import seeds

SEED = 0
CHUNK = 1000
INPUTS, LABELS = "inputs.npy", "labels.npy"


@dataclass(frozen=True)
class Workload:
    """One workload; every engine trains the same users on the same batches in the same order.

    Args:
        name: as written in ``--workload``.
        users: the population.
        examples: of each user.
        shape: of one input, float32.
        classes: labels are 0 to ``classes`` - 1.
        cohort: users trained in a round.
        batch: examples of one step.
        rate: of plain SGD.
        floats: parameters of the model that only travels, 0 for a model that is trained.
    """

    name: str
    users: int
    examples: int
    shape: tuple[int, ...]
    classes: int
    cohort: int
    batch: int
    rate: float
    floats: int = 0

    def draw(self, round: int) -> list[str]:
        """Return the users of a round, in the order of their names.

        The seam for cohorts: isofed asks all sites of a federation each round, so the draw of the first round
        holds for all of them, and its federation is made of these users alone.
        """
        drawn = seeds.public(SEED, 1, "", "cohort").choice(self.users, self.cohort, replace=False)
        return [user_name(number) for number in sorted(drawn)]


WORKLOADS = {
    each.name: each
    for each in (
        Workload("cnn", 1000, 50, (3, 32, 32), 10, 50, 10, 0.1),
        Workload("head", 1000, 50, (512,), 8, 50, 10, 0.1),
        Workload("bottleneck", 100, 16, (3, 64, 64), 100, 8, 8, 0.01),
        Workload("bytes", 10, 1, (1,), 2, 10, 1, 1.0, floats=25_000_000),
        Workload("messages", 1000, 1, (1,), 2, 1000, 1, 1.0, floats=256),
    )
}


def user_name(number: int) -> str:
    """Return the name of a user; names sort as numbers do."""
    return f"u{number:07d}"


def rows(workload: Workload, examples: int, generator: np.random.Generator) -> np.ndarray:
    """Return (steps, batch) int64, the examples of one pass; a rest that fills no batch is dropped."""
    steps = examples // workload.batch
    return generator.permutation(examples)[: steps * workload.batch].reshape(steps, workload.batch)


@dataclass(frozen=True)
class Users:
    """The data of all users, decoded, in two memory-mapped files; a user is a slice."""

    workload: Workload
    inputs: np.ndarray
    labels: np.ndarray

    @classmethod
    def make(cls, folder: Path, workload: Workload) -> None:
        """Write random inputs and labels into ``folder``."""
        count, rng = workload.users * workload.examples, np.random.default_rng(SEED)
        inputs = open_memmap(folder / INPUTS, "w+", np.float32, (count, *workload.shape))
        for at in range(0, count, CHUNK):
            inputs[at : at + CHUNK] = rng.random(inputs[at : at + CHUNK].shape, np.float32)
        np.save(folder / LABELS, rng.integers(0, workload.classes, count))

    @classmethod
    def open(cls, folder: Path, workload: Workload) -> "Users":
        """Map the files; copied on write, so that torch takes slices without a warning."""
        return cls(workload, np.load(folder / INPUTS, "c"), np.load(folder / LABELS, "c"))

    def of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a user's inputs and labels."""
        start = int(name[1:]) * self.workload.examples
        part = slice(start, start + self.workload.examples)
        return self.inputs[part], self.labels[part]

    def batches(self, name: str, round: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the batches that a user trains on in a round, the same in every engine."""
        inputs, labels = self.of(name)
        draw = seeds.public(SEED, round, name, "batches")
        for chosen in rows(self.workload, len(labels), draw):
            yield inputs[chosen], labels[chosen]
