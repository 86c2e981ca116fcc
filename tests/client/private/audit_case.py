"""Canaries in the real private step, and the three mistakes that an audit must find.

A site holds U units, and U further canaries are left out. Each of the 2U has a direction of its own, in
which its gradient lies and no other's, ten times as long as C: the gradients that an attacker would choose
(Nasr et al., 2021, "Dirac canaries"). Draws, clips and noise are those of client/private; the attacker sees
every step's noisy sum. Each canary is a trial: its score hangs on its own draws and on its own direction's
noise, and on no other canary, as long as a step treats units apart, which test_private_step.py holds. So
trials are independent where the step is right, and a bound from them is too high in at most 5 % of runs.
(Steinke, Nasr, Jagielski, Privacy Auditing with One (1) Training Run, 2023, has many canaries in one run,
too; its bound needs no independence, and is weaker for that.)
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isofed.client.epoch import Step
from isofed.client.private import step as private_step
from isofed.client.private.draws import Draws
from isofed.client.private.step import Private
from isofed.protocols.accounts.epsilon import epsilon
from isofed.protocols.local_privacy import LocalPrivacy
from isofed.seeds import Secrets
from isofed.simulations.audit import lower_bound
from isofed.strategies.recipe import Phase
from isofed.tasks.task import Batch

C, NOISE, DELTA, LONG = 0.5, 0.7, 0.05, 10.0
UNITS, EXPECTED, STEPS = 2000, 200, 10
Scores = np.ndarray


def private(seed: int) -> Private:
    """Return one round's private steps at a site of its own secret."""
    choice = LocalPrivacy("example", norm=C, noise=NOISE, delta=DELTA)
    secrets = Secrets(np.random.default_rng([8, seed]).bytes(32))
    return Private(choice, Draws("canary", UNITS, EXPECTED, STEPS), NOISE, secrets, 1, 1, {})


def claimed() -> float:
    """Return ε that the site is charged for the round."""
    return epsilon([private(0).spend], DELTA)


def sums(round: Private) -> np.ndarray:
    """Return the noisy sums, (steps, 2U), each along one canary's direction, in units of C.

    The model is a dense layer without bias whose output is to grow: a unit's gradient is its input, negated.
    """
    model = nn.Linear(2 * UNITS, 1, bias=False)
    draw, trained, found = round.chance("units"), list(model.parameters()), []
    for taken in range(round.draws.steps):
        rows, whose = round.draws.step(draw)
        there = torch.from_numpy(rows)
        inputs = torch.zeros(len(rows), 2 * UNITS)
        inputs[torch.arange(len(rows)), there] = LONG * C
        batch = Batch(inputs, there) if len(rows) else None
        phase = Phase()
        round.step(model, Step(phase, taken / STEPS, rows, batch, whose), _loss, trained)
        found.append(-trained[0].grad[0].numpy().astype(np.float64) * EXPECTED / C)  # type: ignore[index]
    return np.stack(found)


def _loss(output: Tensor, labels: Any, inputs: Any) -> Tensor:
    return -output.mean()


def scores(found: np.ndarray) -> tuple[Scores, Scores]:
    """Return each canary's two scores, (U, 2), of those that were there and of those that were not.

    The first is the logarithm of the likelihood ratio Σ_t ln(1 - q + q exp((2 y_t - 1) / 2z²)) under what
    the site claims to do; the second is y in the step in which a canary's turn would come if units were
    taken in their order.
    """
    q = EXPECTED / UNITS
    exponents = np.clip((2 * found - 1) / (2 * NOISE**2), -50, 50)
    likely = np.log1p(q * np.expm1(exponents)).sum(0)
    turn = np.tile(np.arange(UNITS) // EXPECTED % STEPS, 2)
    both = np.stack([likely, found[turn, np.arange(2 * UNITS)]], axis=1)
    return both[:UNITS], both[UNITS:]


def audited(seed: int) -> float:
    """Return the lower bound on ε of one run."""
    present, absent = scores(sums(private(seed)))
    order = np.random.default_rng([9, seed]).permutation(UNITS)
    return lower_bound(present[order], absent[order], DELTA)[0]


def _halved(patch: pytest.MonkeyPatch) -> None:
    normals = private_step.normals
    patch.setattr(private_step, "normals", lambda key, count: normals(key, count) / 2)


def _unclipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(private_step, "SHORTER", 1e12)


def _in_order(patch: pytest.MonkeyPatch) -> None:
    turns = count()

    def step(draws: Draws, secret: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        rows = (next(turns) * draws.expected + np.arange(draws.expected)) % draws.count
        return rows, np.arange(len(rows))

    patch.setattr(Draws, "step", step)


@dataclass(frozen=True)
class Case:
    """The step as it is, or with one mistake in it."""

    what: str
    plant: Callable[[pytest.MonkeyPatch], None] | None = None

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Make the mistake."""
        with pytest.MonkeyPatch.context() as patch:
            if self.plant:
                self.plant(patch)
            yield

    def bounds(self, seeds: range) -> list[float]:
        """Return the lower bound of each seed's run."""
        found = []
        for seed in seeds:
            with self.planted():
                found.append(audited(seed))
        return found


RIGHT = "as it is"
CASES: Mapping[str, Case] = {
    RIGHT: Case("the step as it is"),
    "noise": Case("noise halved", _halved),
    "clip": Case("clipping off", _unclipped),
    "order": Case("units in order instead of by chance", _in_order),
}


def alarms(bounds: list[float]) -> int:
    """Return how often a bound lies above the ε that is claimed."""
    return sum(each > claimed() for each in bounds)
