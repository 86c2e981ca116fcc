"""Which units are in which step: each by a secret chance of its own, as the accounting assumes."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np

from isofed.errors import DataError


@dataclass(frozen=True)
class Draws:
    """A site's steps of one round.

    Args:
        unit: the task's word for what is hidden.
        count: U, units at the site.
        expected: B, units of a step on average, at most U.
        steps: of a round.
        most: samples of one unit in a step, at most; 0 where a unit is a sample.
        rows: by unit, the rows of its samples; empty where a unit is a sample.
    """

    unit: str
    count: int
    expected: int
    steps: int
    most: int = 0
    rows: tuple[np.ndarray, ...] = field(default=(), repr=False)

    @property
    def rate(self) -> float:
        """q = B / U, the chance of each unit to be in a step."""
        return self.expected / self.count

    def step(self, secret: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of one step's samples, (n,) int64, and the place of each one's unit in it, (n,).

        Args:
            secret: keyed by the site's secrets.
        """
        units = np.flatnonzero(secret.random(self.count) < self.rate)
        if not self.rows:
            return units, np.arange(len(units))
        chosen = [_some(self.rows[unit], self.most, secret) for unit in units]
        whose = np.repeat(np.arange(len(units)), [len(rows) for rows in chosen])
        return np.concatenate([np.empty(0, np.int64), *chosen]), whose


def draws(task: Any, options: Any, unit: str, samples: Any, epochs: int = 1) -> Draws:
    """Return how a round's steps are drawn: epochs · ceil(1 / q) of them, q = B / U.

    Each of U units is in a step with probability q, whatever else is; of a person not more than K samples
    are, drawn without replacement. Steps may be empty.

    Args:
        task: with ``training.private``.
        options: of the task.
        unit: ``example`` or ``subject``.
        samples: the site's.
        epochs: of the strategy, for each of the task's own.

    Raises:
        DataError: the site has nothing that could be hidden.

    Source: Abadi et al., Deep Learning with Differential Privacy, 2016, algorithm 1.
    """
    private = task.training.private
    whole, rows = len(samples), tuple[np.ndarray, ...]()
    word, expected, most = private.example, private.batch(options), 0
    if unit == "subject":
        rows = _by_subject(np.asarray(private.of(samples)))
        whole, word = len(rows), private.subject
        expected, most = private.subjects(options), private.most(options)
    if not whole:
        raise DataError(f"this site has no {word} to train on; leave it out")
    expected = min(expected, whole)
    steps = epochs * private.epochs(options) * ceil(whole / expected)
    return Draws(word, whole, expected, steps, most, rows)


def _by_subject(of: np.ndarray) -> tuple[np.ndarray, ...]:
    order = np.argsort(of, kind="stable")
    _, starts = np.unique(of[order], return_index=True)
    return tuple(np.split(order, starts[1:])) if len(of) else ()


def _some(rows: np.ndarray, most: int, secret: np.random.Generator) -> np.ndarray:
    return rows if len(rows) <= most else rows[np.sort(secret.permutation(len(rows))[:most])]
