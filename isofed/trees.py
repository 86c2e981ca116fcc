"""Named arrays over flat storage: what a model is to everybody but PyTorch.

A tree is an ordered set of named leaves. All leaves of one dtype lie one behind the other in one flat
buffer, so that copying, averaging and sending a model are single calls whatever its depth. Buffers are
NumPy arrays or torch tensors; the kernel itself imports NumPy alone.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np

from isofed.beside import tensor
from isofed.ranges import finite
from isofed.room import LARGE, empty
from isofed.scratch import in_steps, past

Buffer = Any  # numpy.ndarray or torch.Tensor, one-dimensional


def dtype_name(array: Any) -> str:
    """Return ``"float32"`` for NumPy and torch alike."""
    return _named(array.dtype)


@lru_cache(maxsize=64)
def _named(dtype: Any) -> str:
    # NumPy puts a name together each time that it is asked for
    return str(dtype).removeprefix("torch.")


@dataclass(frozen=True)
class Leaf:
    """One named array: its place in the flat buffer of its dtype, counted in elements."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int

    @property
    def size(self) -> int:
        """Number of elements; 1 for a 0-d array."""
        return prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """Names, shapes and dtypes of a tree, in order, without the values."""

    leaves: tuple[Leaf, ...]

    @classmethod
    def of(cls, shapes: Iterable[tuple[str, tuple[int, ...], str]]) -> "Layout":
        """Build a layout from (name, shape, dtype) triples; names must be distinct."""
        leaves: list[Leaf] = []
        ends: dict[str, int] = {}
        for name, shape, dtype in shapes:
            leaf = Leaf(name, tuple(int(s) for s in shape), dtype, ends.get(dtype, 0))
            ends[dtype] = leaf.offset + leaf.size
            leaves.append(leaf)
        if len({leaf.name for leaf in leaves}) != len(leaves):
            raise ValueError("two leaves of one tree have the same name")
        return cls(tuple(leaves))

    @cached_property
    def by_name(self) -> Mapping[str, Leaf]:
        """The leaves by name, in order."""
        return {leaf.name: leaf for leaf in self.leaves}

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Number of elements of each dtype's buffer."""
        sizes: dict[str, int] = {}
        for leaf in self.leaves:
            sizes[leaf.dtype] = leaf.offset + leaf.size
        return sizes

    @cached_property
    def nbytes(self) -> int:
        """Bytes of all buffers together."""
        return sum(size * np.dtype(dtype).itemsize for dtype, size in self.sizes.items())

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, shapes and dtypes in order, 16 hexadecimal digits."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    @cached_property
    def _text(self) -> str:
        return json.dumps(self.to_json())

    def __reduce__(self) -> Any:
        return _known, (self._text,)

    def to_json(self) -> list[list[Any]]:
        """Return the triples that :meth:`of` takes, as JSON values."""
        return [[leaf.name, list(leaf.shape), leaf.dtype] for leaf in self.leaves]


@lru_cache(maxsize=64)
def _known(text: str) -> Layout:
    # messages between processes carry the same few layouts again and again
    return Layout.of((name, tuple(shape), dtype) for name, shape, dtype in json.loads(text))


@dataclass(frozen=True, eq=False)
class Tree:
    """Values for a layout: one flat buffer for each dtype.

    A buffer may be held in a wider dtype than its key says (sums are float64 under the key
    ``"float32"``); :meth:`narrow` brings it back.
    """

    layout: Layout
    buffers: Mapping[str, Buffer]

    def __getitem__(self, name: str) -> Any:
        leaf = self.layout.by_name[name]
        return self.buffers[leaf.dtype][leaf.offset : leaf.offset + leaf.size].reshape(leaf.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self.layout.by_name)

    def __len__(self) -> int:
        return len(self.layout.leaves)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, view) in the layout's order."""
        return ((name, self[name]) for name in self)

    def map(self, change: Callable[..., Buffer], *others: "Tree") -> "Tree":
        """Apply ``change`` to whole buffers, dtype by dtype, together with those of other trees."""
        return Tree(
            self.layout, {d: change(b, *(o.buffers[d] for o in others)) for d, b in self.buffers.items()}
        )

    def wide(self) -> "Tree":
        """Copy into float64, the dtype in which sums are taken."""
        return self.map(_widen)

    def narrow(self) -> "Tree":
        """Cast every buffer to the dtype of its key; integers and bools are rounded, never truncated."""
        return Tree(self.layout, {d: _cast(b, d) for d, b in self.buffers.items()})

    def numpy(self) -> "Tree":
        """Copy into NumPy, also from a GPU."""
        return Tree(self.layout, {dtype: _copied(array) for dtype, array in self._arrays().items()})

    def as_numpy(self) -> "Tree":
        """Show as NumPy arrays over the same memory; what lies on a GPU is copied."""
        return Tree(self.layout, dict(self._arrays()))

    def _arrays(self) -> Mapping[str, np.ndarray]:
        return self._host if self._here else {d: b.detach().cpu().numpy() for d, b in self.buffers.items()}

    @cached_property
    def _here(self) -> bool:
        return all(isinstance(b, np.ndarray) or b.device.type == "cpu" for b in self.buffers.values())

    @cached_property
    def _host(self) -> Mapping[str, np.ndarray]:
        return {d: b if isinstance(b, np.ndarray) else b.detach().numpy() for d, b in self.buffers.items()}

    def locked(self) -> "Tree":
        """Show as NumPy arrays over the same memory that nobody can write through."""
        buffers = {dtype: locked(array) for dtype, array in self._arrays().items()}
        return _again(self.layout, buffers, self.__dict__.get("finite"))

    def __reduce__(self) -> Any:
        return _again, (self.layout, self.buffers, self.__dict__.get("finite"))

    def copy_from(self, other: "Tree") -> None:
        """Overwrite the values in place: one copy for each dtype. Layouts must be the same."""
        if other.layout.digest != self.layout.digest:
            raise ValueError(f"layouts differ: {self.layout.digest} is not {other.layout.digest}")
        for dtype, buffer in self.buffers.items():
            if isinstance(buffer, np.ndarray):
                buffer[...] = other.buffers[dtype]
            else:
                buffer.copy_(other.tensors[dtype])

    @cached_property
    def tensors(self) -> Mapping[str, Any]:
        """The buffers as torch tensors over the same memory, to be read only."""
        return {dtype: _as_tensor(buffer) for dtype, buffer in self.buffers.items()}

    @cached_property
    def form(self) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        """Dtype and shape of each buffer, by key."""
        return {key: (dtype_name(buffer), tuple(buffer.shape)) for key, buffer in self.buffers.items()}

    @cached_property
    def finite(self) -> bool:
        """Whether no value is NaN or infinite."""
        return all(_all_finite(buffer) for buffer in self.buffers.values())


def _again(layout: Layout, buffers: Mapping[str, Buffer], finite: bool | None) -> Tree:
    tree = Tree(layout, buffers)
    if finite is not None:
        tree.__dict__["finite"] = finite  # of the same values, which need not be looked at again
    return tree


def locked(array: np.ndarray) -> np.ndarray:
    """Return a view that nobody can write through."""
    view = array.view()
    view.flags.writeable = False
    return view


def hash_arrays(arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """SHA-256 over (name, dtype, shape, bytes) of named NumPy arrays, sorted by name."""
    return hash_in_order(sorted(arrays, key=lambda item: item[0]))


def hash_in_order(arrays: Iterable[tuple[str, np.ndarray]]) -> str:
    """Return :func:`hash_arrays` of what comes sorted by name, holding one array at a time."""
    digest = hashlib.sha256()
    for name, array in arrays:
        digest.update(json.dumps([name, str(array.dtype), list(array.shape)]).encode())
        for part in in_steps(np.ascontiguousarray(array)):
            digest.update(part)
    return digest.hexdigest()


def _copied(buffer: np.ndarray) -> np.ndarray:
    if buffer.nbytes < LARGE:
        return buffer.copy()
    copy = empty(len(buffer), str(buffer.dtype))
    for at in range(0, len(buffer), LARGE):
        part, of = copy[at : at + LARGE], buffer[at : at + LARGE]
        np.copyto(part, of)
        past(part)
        past(of)
    return copy


def _widen(buffer: Buffer) -> Buffer:
    if isinstance(buffer, np.ndarray):
        return buffer.astype(np.float64)
    return buffer.to(sys.modules["torch"].float64, copy=True)


def _cast(buffer: Buffer, dtype: str) -> Buffer:
    if dtype_name(buffer) == dtype:
        return buffer
    if "int" in dtype or dtype == "bool":
        buffer = buffer.round()
    if isinstance(buffer, np.ndarray):
        return buffer.astype(dtype)
    return buffer.to(getattr(sys.modules["torch"], dtype))


def _as_tensor(buffer: Buffer) -> Any:
    return tensor(buffer) if isinstance(buffer, np.ndarray) else buffer


def _all_finite(buffer: Buffer) -> bool:
    if not isinstance(buffer, np.ndarray):
        return bool(sys.modules["torch"].isfinite(buffer).all())
    return finite(buffer)


def from_arrays(arrays: Mapping[str, Any]) -> Tree:
    """Copy named NumPy arrays into a tree of their order.

    Example:
        >>> tree = from_arrays({"w": np.ones((2, 2), "float32"), "n": np.array(3)})
        >>> tree["w"].shape, int(tree["n"])
        ((2, 2), 3)
    """
    layout = Layout.of((name, np.shape(a), dtype_name(np.asarray(a))) for name, a in arrays.items())
    tree = zeros(layout)
    for name, array in arrays.items():
        tree[name][...] = array
    return tree


def zeros(layout: Layout) -> Tree:
    """Return a NumPy tree of zeros."""
    return Tree(layout, {dtype: np.zeros(size, dtype) for dtype, size in layout.sizes.items()})


def wide_zeros(layout: Layout) -> Tree:
    """Return a NumPy tree of float64 zeros, in which sums are taken."""
    return Tree(layout, {dtype: np.zeros(size) for dtype, size in layout.sizes.items()})
