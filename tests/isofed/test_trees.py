from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed.trees import Layout, Tree, from_arrays, hash_arrays, zeros

DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool")
ARRAYS = st.dictionaries(
    st.text(min_size=1, max_size=6),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    ),
    max_size=6,
)


def as_torch(tree: Tree) -> Tree:
    return Tree(tree.layout, {dtype: torch.from_numpy(b.copy()) for dtype, b in tree.buffers.items()})


def same(tree: Tree, arrays: dict[str, np.ndarray]) -> None:
    assert list(tree) == list(arrays)
    for name, array in arrays.items():
        got = np.asarray(tree[name])
        assert (got.dtype, got.shape) == (array.dtype, array.shape)
        assert got.tobytes() == array.tobytes()


@given(ARRAYS)
def test_arrays_come_back_bit_for_bit(arrays: dict[str, np.ndarray]) -> None:
    tree = from_arrays(arrays)
    same(tree, arrays)
    same(as_torch(tree).numpy(), arrays)
    assert tree.layout.nbytes == sum(array.nbytes for array in arrays.values())
    assert len(tree) == len(arrays)


@given(ARRAYS)
def test_a_layout_survives_json(arrays: dict[str, np.ndarray]) -> None:
    layout = from_arrays(arrays).layout
    again = Layout.of((name, tuple(shape), dtype) for name, shape, dtype in layout.to_json())
    assert again == layout and again.digest == layout.digest


@pytest.mark.parametrize("change", [lambda tree: tree, as_torch], ids=["numpy", "torch"])
def test_leaves_are_views(change: Any) -> None:
    tree = change(
        from_arrays({"a": np.zeros((2, 2), np.float32), "n": np.array(3), "b": np.zeros(2, np.float32)})
    )
    tree["b"][1] = 5
    tree["n"][...] = 4
    assert tree.buffers["float32"].tolist() == [0, 0, 0, 0, 0, 5]
    assert tree.buffers["int64"].tolist() == [4]
    assert set(tree.buffers) == {"float32", "int64"}


@pytest.mark.parametrize("change", [lambda tree: tree, as_torch], ids=["numpy", "torch"])
def test_sums_are_wide_and_counters_are_rounded(change: Any) -> None:
    tree = change(
        from_arrays({"w": np.ones(2, np.float32), "n": np.array([2, -3]), "on": np.array([True, False])})
    )
    wide = tree.wide()
    assert {str(b.dtype).removeprefix("torch.") for b in wide.buffers.values()} == {"float64"}
    moved = wide.map(lambda b: b + 0.9)
    assert moved.narrow()["n"].tolist() == [3, -2]
    assert wide.map(lambda b: b * 0.4).narrow()["on"].tolist() == [False, False]
    assert [str(moved.narrow()[name].dtype).removeprefix("torch.") for name in tree] == [
        str(tree[name].dtype).removeprefix("torch.") for name in tree
    ]


@pytest.mark.parametrize("change", [lambda tree: tree, as_torch], ids=["numpy", "torch"])
def test_wide_copies_even_what_is_wide_already(change: Any) -> None:
    tree = change(from_arrays({"w": np.ones(2)}))
    tree.wide()["w"][0] = 7
    tree.numpy()["w"][1] = 7
    assert tree["w"].tolist() == [1, 1]


@pytest.mark.parametrize("target", [lambda tree: tree, as_torch], ids=["to numpy", "to torch"])
@pytest.mark.parametrize("source", [lambda tree: tree, as_torch], ids=["from numpy", "from torch"])
def test_copying_overwrites_in_place(target: Any, source: Any) -> None:
    arrays = {"w": np.arange(4, dtype=np.float32).reshape(2, 2), "n": np.array(9)}
    other = from_arrays(arrays)
    here = target(zeros(other.layout))
    view = here["w"]
    here.copy_from(source(other))
    assert view.tolist() == arrays["w"].tolist() and int(here["n"]) == 9


@pytest.fixture
def every_warning() -> Iterator[None]:
    """Let torch repeat warnings that it otherwise gives once in a process."""
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("every_warning")
def test_a_read_only_array_is_read_where_it_lies_and_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    other = from_arrays({"w": np.ones(3, np.float32)})
    buffer = other.buffers["float32"]
    buffer.flags.writeable = False
    here = as_torch(zeros(other.layout))
    read: list[int] = []
    plain = torch.from_numpy
    monkeypatch.setattr(torch, "from_numpy", lambda array: read.append(array.ctypes.data) or plain(array))
    here.copy_from(other)
    assert read == [buffer.ctypes.data]
    here["w"][0] = 5
    assert here["w"].tolist() == [5, 1, 1] and buffer.tolist() == [1, 1, 1]


@pytest.mark.usefixtures("every_warning")
def test_torch_warns_of_read_only_arrays_where_nobody_asks_it_not_to() -> None:
    array = np.ones(3, np.float32)
    array.flags.writeable = False
    with pytest.warns(UserWarning, match="^The given NumPy array is not writ"):
        torch.from_numpy(array)


@pytest.mark.parametrize(
    "arrays",
    [
        {"v": np.zeros((2, 3), np.float32)},
        {"w": np.zeros((3, 2), np.float32)},
        {"w": np.zeros((2, 3))},
        {"w": np.zeros((2, 3), np.float32), "x": np.zeros(0, np.float32)},
    ],
    ids=["name", "shape", "dtype", "extra"],
)
def test_another_layout_is_not_copied(arrays: dict[str, np.ndarray]) -> None:
    tree = from_arrays({"w": np.zeros((2, 3), np.float32)})
    with pytest.raises(ValueError, match="layouts differ"):
        tree.copy_from(from_arrays(arrays))


def test_two_leaves_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        Layout.of([("w", (1,), "float32"), ("w", (2,), "float32")])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("change", [lambda tree: tree, as_torch], ids=["numpy", "torch"])
def test_one_bad_value_is_found(value: float, change: Any) -> None:
    arrays = {"n": np.array([1, 2]), "w": np.zeros(5, np.float32)}
    assert change(from_arrays(arrays)).finite
    arrays["w"][3] = value
    assert not change(from_arrays(arrays)).finite


def test_a_hash_is_of_names_dtypes_shapes_and_bytes_in_any_order() -> None:
    w, n = np.zeros((2, 3), np.float32), np.array([1, 2])
    one = hash_arrays([("w", w), ("n", n)])
    assert len(one) == 64 and one == hash_arrays([("n", n), ("w", np.asfortranarray(w))])
    others = [w.T, w.astype(np.float64), w + 1]
    assert (
        len({one, hash_arrays([("v", w), ("n", n)]), *(hash_arrays([("w", o), ("n", n)]) for o in others)})
        == 5
    )
