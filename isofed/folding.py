"""Sums over trees at the speed of memory: in blocks that stay in the processor's cache, on all its cores.

The same bits as with whole arrays, whatever the blocks and the cores: an entry's own arithmetic is the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any

import numpy as np

from isofed import beside
from isofed.beside import Adding, threaded
from isofed.ranges import LARGE
from isofed.ranges import cores as _cores
from isofed.room import empty
from isofed.scratch import lies_in_file, past
from isofed.trees import Layout, Tree

BLOCK = 1 << 16  # entries of a scratch array; threads hand each other the interpreter with each

Work = Callable[[slice, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class Term:
    """factor * (tree - start).

    Args:
        factor: of the difference.
        tree: NumPy.
        start: NumPy, of the same layout; None for nothing to be subtracted.
    """

    factor: float
    tree: Tree
    start: Tree | None = None


def no_sum(layout: Layout) -> Tree:
    """Return a NumPy tree of float64 whose values are not said: for a first :func:`fold` to begin with."""
    return Tree(layout, {dtype: empty(size, "float64") for dtype, size in layout.sizes.items()})


def fold(total: Tree, *terms: Term, begin: bool = False) -> None:
    """Add terms to ``total`` in place, in their order, in float64 whatever the dtypes.

    Args:
        total: NumPy, float64.
        terms: of the same layout; several at once are read once each, and the total once for all.
        begin: add to zeros, whatever ``total`` holds; without terms it becomes zeros.
    """
    for dtype, into in total.buffers.items():
        parts = [
            (term.factor, term.tree.buffers[dtype], term.start and term.start.buffers[dtype])
            for term in terms
        ]
        sources = [array for _, *arrays in parts for array in arrays if array is not None]
        if parts and len(into) >= LARGE and threaded():
            _blocks(0, len(into), beside.BLOCK, Adding(into, parts, begin).block, _filed(into, *sources))
        else:
            _in_blocks(len(into), _adding(into, parts, begin), into, *sources)


def _adding(into: Any, parts: Sequence[tuple[float, Any, Any]], begin: bool) -> Work:
    def work(part: slice, held: np.ndarray, beside: np.ndarray) -> None:
        sums, widened, before = into[part], None, 0.0 if begin else into[part]
        for factor, source, old in parts:
            # widened by a copy: an operation between dtypes goes through small buffers, one by one
            np.copyto(held, source[part])
            if old is not None and len(parts) == 1:
                np.subtract(held, old[part], out=held)
            elif old is not None:
                if old is not widened:
                    np.copyto(beside, old[part])
                    widened = old
                np.subtract(held, beside, out=held)
            if factor != 1.0:
                np.multiply(held, factor, out=held)
            np.add(before, held, out=sums)
            before = sums
        if not parts and begin:
            sums.fill(0.0)

    return work


def moved(tree: Tree, step: Tree) -> Tree:
    """Return tree + step in the dtypes of ``tree``, integers and bools rounded.

    Args:
        tree: NumPy.
        step: NumPy, of the same layout, float64.
    """
    buffers = {dtype: empty(len(buffer), str(buffer.dtype)) for dtype, buffer in tree.buffers.items()}
    for dtype, into in buffers.items():
        old, by = tree.buffers[dtype], step.buffers[dtype]
        _in_blocks(len(into), _moving(into, old, by), into, old, by)
    return Tree(tree.layout, buffers)


def _moving(into: Any, old: Any, step: Any) -> Work:
    whole = into.dtype.kind in "iub"

    def work(part: slice, held: np.ndarray, beside: np.ndarray) -> None:
        np.copyto(held, old[part])
        np.add(held, step[part], out=held)
        if whole:
            np.rint(held, out=held)
        np.copyto(into[part], held, casting="unsafe")

    return work


def divided(tree: Tree, by: float) -> Tree:
    """Divide a NumPy tree of float64 in place, and return it."""
    for buffer in tree.buffers.values():
        if len(buffer) >= LARGE and threaded() and not lies_in_file(buffer):
            beside.divide(buffer, by)
        else:
            _in_blocks(len(buffer), _dividing(buffer, by), buffer)
    return tree


def _dividing(buffer: Any, by: float) -> Work:
    def work(part: slice, held: np.ndarray, beside: np.ndarray) -> None:
        np.divide(buffer[part], by, out=buffer[part])

    return work


def _in_blocks(size: int, work: Work, *arrays: Any) -> None:
    """Do ``work`` on every block of ``size`` entries, with two scratch arrays of the block's size.

    Those of ``arrays`` that lie in files take no more memory than a block of each.
    """
    filed = _filed(*arrays)
    if size < LARGE or (cores := _cores()) == 1:
        _range(0, size, work, filed)
        return
    share = -(-size // cores)
    ranges = [(at, min(at + share, size)) for at in range(0, size, share)]
    # started anew each time: threads that wait for work would not survive a fork
    threads = [Thread(target=_range, args=(*each, work, filed)) for each in ranges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _range(start: int, stop: int, work: Work, filed: Sequence[Any]) -> None:
    held, more = np.empty(min(BLOCK, stop - start)), np.empty(min(BLOCK, stop - start))

    def one(part: slice) -> None:
        count = part.stop - part.start
        work(part, held[:count], more[:count])

    _blocks(start, stop, BLOCK, one, filed)


def _blocks(start: int, stop: int, size: int, work: Callable[[slice], None], filed: Sequence[Any]) -> None:
    for begin in range(start, stop, size):
        part = slice(begin, min(begin + size, stop))
        work(part)
        for array in filed:
            past(array[part])


def _filed(*arrays: Any) -> list[Any]:
    return [array for array in arrays if lies_in_file(array)]
