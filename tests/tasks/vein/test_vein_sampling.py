"""Steps that show a few pictures of each of a few fingers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.passes import passes
from isofed.tasks.task import Samples
from isofed.tasks.vein import sampling, training
from isofed.tasks.vein.options import VeinOptions

COUNTS = st.lists(st.integers(1, 11), min_size=1, max_size=9)


@given(COUNTS, st.integers(1, 4), st.integers(2, 5), st.integers(1, 3), st.integers(0, 99))
def test_every_step_has_k_pictures_of_p_fingers(
    counts: list[int], fingers: int, each: int, epochs: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    rows = sampling.by_finger(labels, fingers * each, each, epochs, np.random.default_rng(seed))
    width = min(fingers, len(counts))
    groups = sum(-(-count // each) for count in counts)
    assert rows.dtype == np.int64 and rows.shape == (epochs * -(-groups // width), width * each)
    shown = labels[rows].reshape(len(rows), width, each)
    assert (shown == shown[:, :, :1]).all()
    for one in np.split(rows, epochs):
        assert np.bincount(one.ravel(), minlength=len(labels)).min() >= 1


@given(st.integers(1, 6), st.integers(0, 99))
def test_equal_fingers_are_shown_equally_and_never_twice_in_a_step(fingers: int, seed: int) -> None:
    labels = np.repeat(np.arange(12), 8)
    batch = 4 * fingers
    rows = sampling.by_finger(labels, batch, 4, 1, np.random.default_rng(seed))
    if 12 % fingers == 0:
        assert np.bincount(rows.ravel()).tolist() == [1] * len(labels)
        assert all(len(set(labels[step])) == fingers for step in rows)


def test_the_options_choose() -> None:
    held = Samples(np.zeros((20, 2, 2), np.uint8), np.repeat([3, 5, 8, 9], 5))
    by_finger = VeinOptions(batch=8, per_finger=4)
    found = training.sample(held, by_finger, np.random.default_rng(1))
    assert np.array_equal(found, sampling.by_finger(held.labels, 8, 4, 1, np.random.default_rng(1)))
    plain = training.sample(held, VeinOptions(batch=8), np.random.default_rng(1))
    assert np.array_equal(plain, passes(20, 8, 1, np.random.default_rng(1)))


@pytest.mark.parametrize("seed", [0, 1])
def test_passes_differ_and_a_seed_repeats_them(seed: int) -> None:
    labels = np.repeat(np.arange(6), 6)
    one, same = (sampling.by_finger(labels, 6, 2, 2, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(one, same) and not np.array_equal(*np.split(one, 2))
