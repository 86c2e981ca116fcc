"""Work on large arrays by PyTorch, where it is there: its threads do not wait for the interpreter.

NumPy's operations end after some microseconds each, and threads that take turns with them hand each other the
interpreter as often, which costs what the second one brings. What is done here has NumPy's bits: every
operation rounds each entry once, as IEEE 754 says.
"""

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

BLOCK = 3 << 15  # entries of a scratch array, of which each of a few threads has its part in its cache
COUNT = 1 << 20  # a factor whose product with 32 bits float64 holds


def exact(factor: float, size: int) -> bool:
    """Whether a factor's product with every number of so many bytes is exact in float64, so that to multiply
    and to add may be one operation."""
    return size <= 4 and abs(factor) <= COUNT and factor == int(factor)


def threaded() -> bool:
    """Whether PyTorch is there, and may use several threads."""
    torch = sys.modules.get("torch")
    return torch is not None and torch.get_num_threads() > 1


def tensor(array: np.ndarray) -> Any:
    """Return a tensor over the memory of an array, to be read only where the array is.

    PyTorch warns that one could write through it; a message's arrays would otherwise be copied.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writ")
        return sys.modules["torch"].from_numpy(array)


def sum_of(array: np.ndarray) -> float:
    """Return the sum of all entries, in their dtype."""
    return float(tensor(array).sum())


def divide(array: np.ndarray, by: float) -> None:
    """Divide every entry in place."""
    tensor(array).div_(by)


class Adding:
    """into += factor * (source - start) for some parts, in their order, block by block.

    Args:
        into: (size,) float64.
        parts: factor, source and start, each array (size,), the start None for nothing to be subtracted.
        begin: add to zeros, whatever ``into`` holds.
    """

    def __init__(self, into: np.ndarray, parts: Sequence[tuple[float, Any, Any]], begin: bool) -> None:
        self._into, self._begin = tensor(into), begin
        self._parts = [(f, tensor(s), old if old is None else tensor(old)) for f, s, old in parts]
        self._held = sys.modules["torch"].empty(min(BLOCK, len(into)), dtype=self._into.dtype)

    def block(self, part: slice) -> None:
        """Add to one block, of at most :data:`BLOCK` entries."""
        sums = self._into[part]
        held = self._held[: len(sums)]
        if self._begin:
            sums.zero_()
        for factor, source, old in self._parts:
            held.copy_(source[part])
            if old is None and exact(factor, source.itemsize):
                sums.add_(held, alpha=factor)
                continue
            if old is not None:
                held.sub_(old[part].to(held.dtype))
            if factor != 1.0:
                held.mul_(factor)
            sums.add_(held)
