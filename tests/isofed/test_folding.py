import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed import folding
from isofed.folding import BLOCK, Term, divided, fold, moved, no_sum
from isofed.trees import Tree, from_arrays, wide_zeros

SIZES = [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 3]
NUMBERS = st.sampled_from(["float16", "float32", "float64", "int8", "uint8", "int64", "bool"])


def pair(size: int) -> tuple[Tree, Tree]:
    rng = np.random.default_rng(size)
    one, two = (
        from_arrays({"w": rng.normal(size=size).astype(np.float32), "n": rng.integers(0, 9, 3)}) for _ in "ab"
    )
    return one, two


@pytest.fixture(params=[1, 2, 3, 0], ids=["1 core", "2 cores", "3 cores", "PyTorch"])
def _cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "LARGE", 2)
    monkeypatch.setattr(folding, "threaded", lambda: not request.param)
    monkeypatch.setattr(folding, "_cores", lambda: request.param or 1)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("apart", [True, False])
def test_folding_in_place_has_the_bits_of_whole_arrays(size: int, apart: bool) -> None:
    one, two = pair(size)
    total = one.map(lambda b: b * 0.1).wide()
    wanted = total.map(
        lambda t, a, b: t + 0.3 * (a.astype(np.float64) - b if apart else a.astype(np.float64)), one, two
    )
    fold(total, Term(0.3, one, two if apart else None))
    assert all(np.array_equal(total.buffers[d], wanted.buffers[d]) for d in wanted.buffers)


@pytest.mark.usefixtures("_cores")
def test_several_at_once_are_as_one_after_the_other() -> None:
    one, two = pair(BLOCK + 7)
    terms = [Term(0.3, one, two), Term(1.7, two), Term(-0.9, two, one)]
    together, apart = wide_zeros(one.layout), wide_zeros(one.layout)
    fold(together, *terms)
    for term in terms:
        fold(apart, term)
    assert all(np.array_equal(together.buffers[d], apart.buffers[d]) for d in apart.buffers)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_sum_that_begins_anew_has_the_bits_of_one_that_began_at_zero(size: int, count: int) -> None:
    one, two = pair(size)
    one.buffers["float32"][:1] = -0.0
    terms = [Term(1.0, one), Term(0.3, one, two), Term(-1.0, two, one)][:count]
    zeros, anew = wide_zeros(one.layout), no_sum(one.layout)
    for buffer in anew.buffers.values():
        buffer[:] = np.nan
    fold(zeros, *terms)
    fold(anew, *terms, begin=True)
    assert all(anew.buffers[d].tobytes() == zeros.buffers[d].tobytes() for d in zeros.buffers)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("size", SIZES)
def test_moving_has_the_bits_of_whole_arrays(size: int) -> None:
    one, two = pair(size)
    step = two.map(lambda b: b * 0.7).wide()
    wanted = step.map(lambda s, old: old + s, one).narrow()
    found = moved(one, step)
    assert found.layout == one.layout
    for dtype, buffer in wanted.buffers.items():
        assert found.buffers[dtype].dtype == buffer.dtype
        assert np.array_equal(found.buffers[dtype], buffer)


@given(old=NUMBERS.flatmap(lambda dtype: hnp.arrays(dtype, 5)), step=hnp.arrays("float64", 5))
def test_every_dtype_is_cast_as_a_tree_is(old: np.ndarray, step: np.ndarray) -> None:
    tree = from_arrays({"a": old})
    change = Tree(tree.layout, {str(old.dtype): step})
    with np.errstate(all="ignore"):
        wanted = change.map(lambda s, o: o + s, tree).narrow()
        found = moved(tree, change)
    assert found["a"].tobytes() == wanted["a"].tobytes()


def test_sums_begin_at_zero_in_float64() -> None:
    one, _ = pair(4)
    total = wide_zeros(one.layout)
    assert {str(buffer.dtype) for buffer in total.buffers.values()} == {"float64"}
    assert not any(buffer.any() for buffer in total.buffers.values())


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("size", SIZES)
def test_dividing_in_place_has_the_bits_of_whole_arrays(size: int) -> None:
    total = pair(size)[0].wide()
    wanted = total.map(lambda b: b / 3.7)
    found = divided(total, 3.7)
    assert found is total
    assert all(np.array_equal(found.buffers[d], wanted.buffers[d]) for d in wanted.buffers)
