"""Accounts of the server's noise: participations, secret draws, and the tree against a second library."""

import itertools
import math

import dp_accounting
import numpy as np
import pytest
from dp_accounting import rdp
from hypothesis import given
from hypothesis import strategies as st

from isofed.protocols.accounts.epsilon import RDP, epsilon
from isofed.protocols.accounts.library import Step, renyi
from isofed.protocols.accounts.sites import everybody, sensitivity, spends
from isofed.protocols.step import Promise

ORDERS = tuple(float(order) for order in range(2, 64))


def test_who_is_asked_in_public_counts_as_often_as_it_is() -> None:
    promise, schedule = Promise("gaussian", 2.0), {"a": [1, 2, 5], "b": [1, 3, 4, 5, 9]}
    assert spends(promise, 5, 2, 1, schedule) == (Step(1.0, 2.0, 4),)
    assert spends(promise, 7, 3, 0, everybody("abc", 9)) == (Step(1.0, 2.0, 7),)
    assert spends(promise, 0, 3, 0, everybody("abc", 9)) == ()


def test_only_secret_draws_amplify() -> None:
    secret = spends(Promise("gaussian", 1.0, sampling="secret"), 50, 100, 5, {})
    assert secret == (Step(0.05, 1.0, 50),)
    public = spends(Promise("gaussian", 1.0), 50, 100, 5, {"a": range(1, 4)})
    assert epsilon(secret, 1e-5, RDP) < epsilon(public, 1e-5, RDP)


def slow_sensitivity(asked: list[int], rounds: int) -> int:
    """Every dyadic interval, looked at one by one."""
    nodes = [(a, a + 2**k) for k in range(12) for a in range(1, rounds + 1, 2**k) if a + 2**k - 1 <= rounds]
    return sum(sum(a <= round < b for round in asked) ** 2 for a, b in nodes)


@given(st.integers(1, 40), st.sets(st.integers(1, 40)))
def test_a_site_moves_the_nodes_that_hold_its_rounds(rounds: int, asked: set[int]) -> None:
    inside = [round for round in sorted(asked) if round <= rounds]
    assert sensitivity(inside, rounds) == slow_sensitivity(inside, rounds)


def test_no_site_moves_the_trees_nodes_further_than_that() -> None:
    # the nodes' sums themselves, for every way in which a site of norm 1 may come in five of eight rounds
    for asked in itertools.combinations(range(1, 9), 5):
        leaves = np.isin(np.arange(1, 9), asked).astype(float)
        sums = [leaves.reshape(-1, 2**level).sum(1) for level in range(4)]
        assert float(sum(np.square(each).sum() for each in sums)) == sensitivity(asked, 8)


@pytest.mark.parametrize(("noise", "published"), [(1.13, 19.74), (8.83, 2.04)])
def test_dp_ftrl_on_stackoverflow(noise: float, published: float) -> None:
    # Kairouz et al., Practical and Private (Deep) Learning, 2021, StackOverflow: 1600 rounds, each client at
    # most once, δ = 1e-6; the values as github.com/tensorflow/privacy at 125f827 gives them, by the older
    # conversion, in privacy/analysis/tree_aggregation_accountant_test.py, test_compute_eps_tree
    made = spends(Promise("tree", noise), 1600, 1, 0, {"one": [1]})
    (step,) = made
    tenths = (*(1 + x / 10 for x in range(1, 100)), *range(12, 64))
    old = min(a / (2 * step.noise**2) + math.log(1e6) / (a - 1) for a in tenths)
    assert old == pytest.approx(published, abs=0.01)
    assert epsilon(made, 1e-6, RDP) < published
    theirs = rdp.RdpAccountant(ORDERS, dp_accounting.NeighboringRelation.REPLACE_SPECIAL)
    theirs.compose(dp_accounting.SingleEpochTreeAggregationDpEvent(noise, 1600))
    ours = renyi(made, 1e-6, ORDERS)
    assert ours == pytest.approx(theirs.get_epsilon(1e-6), rel=1e-6)


@pytest.mark.parametrize(
    ("times", "apart", "rounds", "published"), [(1, 7, 8, 4), (3, 3, 9, 11), (3, 2, 7, 9), (8, 2, 24, 88)]
)
def test_the_most_that_anybody_moves_a_tree(times: int, apart: int, rounds: int, published: int) -> None:
    # the same file, test_max_tree_sensitivity_square_sum_toy: at most so often, with so many rounds between
    worst = 0
    for chosen in itertools.combinations(range(1, rounds + 1 - apart * (times - 1)), times):
        asked = [round + apart * number for number, round in enumerate(chosen)]
        worst = max(worst, sensitivity(asked, rounds))
    assert worst == published


@pytest.mark.parametrize("rounds", [3, 8, 11, 19])
def test_who_comes_every_round_moves_every_node(rounds: int) -> None:
    # the same file, test_max_tree_sensitivity_square_sum_every_step: 2^d (2^(d+1) - 1) of each whole subtree
    depths = [d for d in range(rounds.bit_length()) if rounds >> d & 1]
    assert sensitivity(range(1, rounds + 1), rounds) == sum(2**d * (2 ** (d + 1) - 1) for d in depths)


def test_a_tree_is_for_those_who_come_seldom() -> None:
    tree, fresh = Promise("tree", 4.0), Promise("gaussian", 4.0)
    once, always = {"a": [5]}, everybody("a", 64)
    assert epsilon(spends(tree, 64, 1, 0, always), 1e-5, RDP) > epsilon(
        spends(fresh, 64, 1, 0, always), 1e-5, RDP
    )
    assert spends(tree, 64, 1, 0, once) == (Step(1.0, 4.0 / 7**0.5, 1),)
