import gc
import os

import numpy as np
import pytest

from isofed import room
from isofed.room import LARGE, empty, lent, lent_by


@pytest.fixture(autouse=True)
def _nothing_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_free", [])


def place(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def test_what_one_array_leaves_the_next_of_that_size_is_given() -> None:
    first = empty(LARGE // 4, "float32")
    where, view = place(first), first[5:9].reshape(2, 2)
    del first
    gc.collect()
    other = empty(LARGE // 4, "float32")
    assert place(other) != where  # somebody still looks at it
    del view
    gc.collect()
    assert place(empty(LARGE // 8, "float64")) == where


def test_another_size_is_another_piece() -> None:
    lent(LARGE)[:] = 1
    gc.collect()
    assert len(room._free) == 1
    other = lent(2 * LARGE)
    assert len(other) == 2 * LARGE and len(room._free) == 1


def test_few_pieces_are_kept_for_nobody() -> None:
    arrays = [lent(LARGE) for _ in range(room.KEPT + 3)]
    arrays.clear()
    gc.collect()
    assert len(room._free) == room.KEPT


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("size", [0, 3, LARGE])
def test_arrays_are_what_was_asked_for(size: int, dtype: str) -> None:
    array = empty(size, dtype)
    assert (array.shape, str(array.dtype)) == ((size,), dtype)
    array[:] = 1
    assert int(array.sum()) == size


def test_large_arrays_may_come_from_elsewhere() -> None:
    elsewhere = np.zeros(2 * LARGE, np.uint8)
    with lent_by(lambda count: elsewhere):
        array, small = empty(LARGE // 4, "float32"), empty(3, "float32")
        array[:] = 1.0
        small[:] = 2.0
    assert place(array) == place(elsewhere) and elsewhere.view(np.float32)[: LARGE // 4].all()
    assert place(empty(LARGE // 4, "float32")) != place(elsewhere)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process_writes_into_its_own() -> None:
    array = empty(LARGE, "uint8")
    array[:] = 1
    child = os.fork()
    if child == 0:
        array[:] = 2
        os._exit(0)
    os.waitpid(child, 0)
    assert (array == 1).all()
