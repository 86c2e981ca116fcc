"""Blocked scoring against all pairs one by one, and rank-1 with its ties."""

import tracemalloc
from itertools import combinations

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks import pairs
from isofed.tasks.vein.benchmarks.tally import tally


def drawn(count: int, fingers: int, width: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw unit vectors that lie near their finger's."""
    rng = np.random.default_rng(seed)
    ids = np.arange(count) % fingers
    return pairs.unit(rng.normal(size=(fingers, width))[ids] + 0.4 * rng.normal(size=(count, width))), ids


@pytest.mark.parametrize("block", [1, 7, 16, 100])
def test_every_pair_counts_once(block: int) -> None:
    features, ids = drawn(23, 5)
    scores = [float(features[a] @ features[b]) for a, b in combinations(range(23), 2)]
    same = [bool(ids[a] == ids[b]) for a, b in combinations(range(23), 2)]
    expected = tally(np.array(scores), np.array(same))
    found = pairs.within(features, ids, block)
    assert found.counts.sum() == 23 * 22 // 2
    assert found.counts.sum(1).tolist() == expected.counts.sum(1).tolist()
    assert np.abs(np.cumsum(found.counts - expected.counts, axis=1)).max() <= 1  # the last bit of a product
    assert found.sums == pytest.approx(expected.sums, abs=1e-4)


def test_counts_of_a_published_database_by_formula() -> None:
    fingers, images = 20, 6
    features, ids = drawn(fingers * images, fingers)
    impostors, genuine = pairs.within(features, ids, 32).counts.sum(1).tolist()
    assert genuine == fingers * images * (images - 1) // 2
    assert impostors == fingers * (fingers - 1) // 2 * images**2


def test_probes_against_enrolled() -> None:
    features, ids = drawn(30, 6)
    found = pairs.across(features[:12], ids[:12], features[12:], ids[12:], block=5)
    assert found.counts.sum(1).tolist() == [12 * 18 - 36, 36]


def test_lists_hold_what_the_tally_counts() -> None:
    features, ids = drawn(40, 8)
    genuine, impostor = pairs.listed(features, ids, 16)
    assert pairs.within(features, ids).counts.sum(1).tolist() == [len(impostor), len(genuine)]


@pytest.mark.parametrize("block", [1, 3, 50])
def test_rank_one(block: int) -> None:
    gallery = pairs.unit(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    probes = pairs.unit(np.array([[1.0, 0.1], [1.0, 0.2], [0.5, 1.0], [1.0, 0.0]]))
    # the third lies nearest to finger 2, the fourth is of nobody enrolled
    found = pairs.identified(gallery, np.array([0, 1, 2]), probes, np.array([0, 0, 1, 9]), block)
    assert (found.hits, found.probes) == (2, 4)


def test_a_tie_is_a_miss() -> None:
    same = pairs.unit(np.ones((2, 3)))
    found = pairs.identified(same, np.array([0, 1]), same, np.array([0, 1]))
    assert (found.hits, found.probes) == (0, 2)


def test_memory_is_bounded_by_the_block() -> None:
    features, ids = drawn(3000, 500, width=16)
    tracemalloc.start()
    pairs.within(features, ids, block=256)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000 * 3000 * 4 / 4  # a quarter of what the scores alone would take


def test_rows_of_zeros_stay_and_nan_is_refused() -> None:
    assert pairs.unit(np.zeros((2, 3))).tolist() == [[0.0] * 3] * 2
    with pytest.raises(DataError, match="not finite"):
        pairs.unit(np.array([[np.inf, 1.0]]))
