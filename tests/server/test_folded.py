"""Sums of models less their start, with the start read once a round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.beside import COUNT
from isofed.server.folded import COUNTS, Folded
from isofed.strategies.rules import LinearRule, uniform_mean, weighted_mean
from isofed.trees import Tree, from_arrays

NUMBER = st.floats(-8, 8, width=32)
SITES = st.lists(st.tuples(st.integers(1, COUNT), st.lists(NUMBER, min_size=3, max_size=3)), min_size=1)


def tree(values: list[float], dtype: str = "float32") -> Tree:
    return from_arrays({"w": np.asarray(values, dtype)})


def folded(rule: LinearRule, like: Tree) -> Folded:
    return Folded.of(rule, like.layout, from_arrays({}).layout)


def put(total: Folded, examples: float, model: Tree, start: Tree) -> None:
    total.add({"examples": examples, "steps": 1.0}, model, start, from_arrays({}))


@given(SITES, st.lists(NUMBER, min_size=3, max_size=3))
def test_the_sum_is_that_of_the_differences(sites: list[tuple[int, list[float]]], begun: list[float]) -> None:
    start = tree(begun)
    total, wanted = folded(weighted_mean, start), np.zeros(3)
    for examples, values in sites:
        put(total, examples, tree(values), start)
        wanted += examples * (np.float64(np.float32(values)) - np.float64(start["w"]))
    whole = sum(examples for examples, _ in sites)
    found = total.total()["w"]
    assert np.abs(found - wanted).max() <= 8 * whole * 2.0**-52 * (len(sites) + 1)


@given(st.lists(st.integers(1, COUNT), min_size=1, max_size=300), st.lists(NUMBER, min_size=1, max_size=3))
def test_where_nobody_moved_the_sum_is_zero_to_the_last_bit(counts: list[int], values: list[float]) -> None:
    start = tree(values)
    total = folded(weighted_mean, start)
    for examples in counts:
        put(total, examples, tree(values), start)
    assert not total.total()["w"].any()


@pytest.mark.parametrize(
    ("examples", "dtype"),
    [(1 / 3, "float32"), (2.0 * COUNT, "float32"), (0.1 * COUNTS, "float32"), (7.0, "float64")],
)
def test_factors_that_are_no_counts_and_wide_models_are_subtracted_one_by_one(
    examples: float, dtype: str
) -> None:
    start = tree([0.1, 0.7], dtype)
    total = folded(weighted_mean, start)
    for _ in range(3):
        put(total, examples, tree([0.1, 0.7], dtype), start)
    put(total, examples, tree([0.1, 0.7 + 2**-20], dtype), start)
    found, moved = total.total()["w"], np.float64(tree([0.7 + 2**-20], dtype)["w"]) - start["w"][1]
    assert found[0] == 0.0 and found[1] == examples * moved[0]


def test_each_site_s_own_start_is_subtracted() -> None:
    one, other, local = tree([1.0]), tree([0.25]), tree([1.5])
    total = folded(uniform_mean, one)
    for start in (one, other, one):
        put(total, 5.0, local, start)
    assert total.total()["w"] == 0.5 + 1.25 + 0.5
    assert total.total()["w"] == 2.25  # asked for again
