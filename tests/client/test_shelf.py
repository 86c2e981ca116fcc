from pathlib import Path
from typing import Any

import numpy as np

from isofed.client.shelf import OBJECT, Shelf, weight
from isofed.tasks.task import Samples


def samples(count: int) -> Samples:
    return Samples(np.zeros((count, 4), np.float32), np.zeros(count, np.int64))


def opened(shelf: Shelf, keys: str, bound: int | None) -> str:
    """Ask for one after another and return those that had to be opened."""
    made: list[str] = []

    def make(key: str) -> Any:
        made.append(key)
        return samples(10)

    for key in keys:
        shelf.get(key, lambda key=key: make(key), bound)  # type: ignore[misc]
    return "".join(made)


def test_a_weight_is_that_of_the_arrays_in_memory(tmp_path: Path) -> None:
    assert weight(samples(10)) == OBJECT + 10 * (16 + 8)
    one = samples(10)
    assert weight((one, samples(0))) == weight((one, one)) == OBJECT + 240
    assert (
        weight(samples(10).take(np.arange(3))) == OBJECT + 160 + 24 + 24
    )  # all rows are held, and three labels
    np.save(tmp_path / "inputs.npy", np.zeros((10, 4)))
    mapped = np.load(tmp_path / "inputs.npy", mmap_mode="r")
    assert weight(Samples(mapped, None)) == weight(Samples(np.asarray(mapped[2:4]), None)) == OBJECT


def test_what_was_used_last_stays() -> None:
    shelf, bound = Shelf(), 3 * (OBJECT + 240)
    asked = [opened(shelf, keys, bound) for keys in ("abcabc", "ad", "acdb", "a")]
    assert asked == ["abc", "d", "b", "a"]


def test_one_that_is_larger_than_the_bound_is_kept_until_the_next() -> None:
    assert opened(Shelf(), "aabba", 10) == "aba"


def test_without_a_bound_everything_stays() -> None:
    assert opened(Shelf(), "abcabc" * 20, None) == "abc"
