"""Which units are in a step: each by a chance of its own, of persons no more than K samples."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from private_case import TASK, Options, known
from scipy import stats

from isofed.client.private.draws import Draws, draws
from isofed.errors import DataError
from isofed.tasks.task import Samples


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with known():
        yield


def _samples(labels: Any) -> Samples:
    return Samples(np.zeros((len(labels), 2, 6, 6), np.float32), np.asarray(labels))


@given(st.integers(1, 200), st.integers(1, 50), st.integers(1, 3), st.integers(1, 2))
def test_rate_and_steps(count: int, batch: int, local: int, epochs: int) -> None:
    options = Options(batch=batch, local_epochs=local)
    found = draws(TASK, options, "example", _samples([0] * count), epochs)
    assert (found.unit, found.count, found.expected) == ("clip", count, min(batch, count))
    assert found.rate == found.expected / count
    assert found.steps == epochs * local * -(-count // found.expected)


def test_every_unit_comes_by_a_chance_of_its_own() -> None:
    found, rng, steps = Draws("clip", 12, 3, 1), np.random.default_rng(5), 8000
    there = np.zeros((steps, 12), bool)
    for row in there:
        rows, whose = found.step(rng)
        row[rows] = True
        assert np.array_equal(whose, np.arange(len(rows)))
    # exact binomial intervals at 1e-6 each: one of 12 + 66 fails by chance in about 13,000 runs
    assert all(_likely(int(n), steps, 0.25) for n in there.sum(0))
    pairs = [(a, b) for a in range(12) for b in range(a)]
    assert all(_likely(int((there[:, a] & there[:, b]).sum()), steps, 0.0625) for a, b in pairs)
    sizes = np.bincount(there.sum(1), minlength=13)
    expected = stats.binom.pmf(np.arange(13), 12, 0.25) * steps
    assert sizes[0] > 0  # empty steps are taken, too
    kept = expected > 5
    observed, wanted = sizes[kept], expected[kept] * sizes[kept].sum() / expected[kept].sum()
    assert stats.chisquare(observed, wanted).pvalue > 1e-6


def _likely(count: int, of: int, chance: float) -> bool:
    return bool(stats.binomtest(count, of, chance).pvalue > 1e-6)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_persons_come_whole_or_not_at_all(labels: list[int], most: int, seed: int) -> None:
    found = draws(TASK, Options(subjects=3, most=most), "subject", _samples(labels))
    persons = sorted(set(labels))
    assert (found.unit, found.count, found.expected) == ("identity", len(persons), min(3, len(persons)))
    rows, whose = found.step(np.random.default_rng(seed))
    of = np.asarray(labels)[rows]
    assert len(set(rows.tolist())) == len(rows)
    groups = [of[whose == unit] for unit in np.unique(whose)]
    assert all(len(set(group.tolist())) == 1 for group in groups)
    assert [len(group) for group in groups] == [min(most, labels.count(int(group[0]))) for group in groups]
    assert len({int(group[0]) for group in groups}) == len(groups)


def test_a_site_of_nobody_is_told() -> None:
    with pytest.raises(DataError, match="has no identity to train on"):
        draws(TASK, Options(), "subject", _samples(np.zeros(0, np.int64)))
