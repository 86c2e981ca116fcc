import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.layouts.joined import Joined

SIZES = st.lists(st.integers(0, 5), min_size=1, max_size=5).filter(sum)


def parts(sizes: list[int]) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(len(sizes))
    return tuple(rng.integers(0, 256, (size, 2, 3, 3), np.uint8) for size in sizes)


@given(SIZES, st.data())
def test_rows_are_those_of_the_arrays_one_after_the_other(sizes: list[int], data: st.DataObject) -> None:
    made = parts(sizes)
    whole = np.concatenate(made)
    rows = np.array(data.draw(st.lists(st.integers(0, sum(sizes) - 1), max_size=12)), np.int64)
    joined = Joined(made)
    found = joined[rows]
    assert len(joined) == len(whole)
    assert np.array_equal(found, whole[rows]) and found.dtype == whole.dtype
    assert found.shape == (len(rows), 2, 3, 3)


@pytest.mark.parametrize("rows", [[5], [0, 5], [-1], [100]])
def test_a_row_that_is_not_there_is_an_error_and_no_noise(rows: list[int]) -> None:
    with pytest.raises(IndexError):
        Joined(parts([2, 3]))[np.array(rows)]


def test_a_batch_is_a_copy_and_the_parts_are_not() -> None:
    made = parts([2, 3])
    joined = Joined(made)
    assert all(a is b for a, b in zip(joined.parts, made, strict=True))
    before = made[1].copy()
    joined[np.array([3])][...] = 0
    assert np.array_equal(made[1], before)


def test_only_the_arrays_that_are_asked_are_read() -> None:
    class Read:
        """An array that counts how many of its rows were read."""

        def __init__(self, array: np.ndarray) -> None:
            self.array, self.shape, self.dtype, self.rows = array, array.shape, array.dtype, 0

        def __len__(self) -> int:
            return len(self.array)

        def __getitem__(self, rows: np.ndarray) -> np.ndarray:
            self.rows += len(rows)
            return self.array[rows]

    one, other = (Read(array) for array in parts([2, 3]))
    Joined((one, other))[np.array([1, 0, 1])]
    assert (one.rows, other.rows) == (3, 0)
