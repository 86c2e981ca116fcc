"""The noise of a tree: its variance, what rounds share, and that nothing can be taken off again."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.protocols.step import Use
from isofed.protocols.steps.tree import NODES, tree, variance
from isofed.seeds import Secrets

SIZE, C, Z = 20_000, 0.5, 2.0


def noises(rounds: int, honaker: bool = False, size: int = SIZE, root: bytes = bytes(32)) -> list[np.ndarray]:
    """Each round's noise, over z C, with what a server keeps handed from round to round."""
    step, kept, found = tree(Z, honaker), {}, []
    assert step.total and step.keep
    for round in range(1, rounds + 1):
        use, sums = Use(round, 1, Secrets(root), C, kept), np.full(size, float(round))
        found.append((step.total(sums, use) - sums) / (Z * C))
        kept = dict(step.keep(sums, use))
    assert not kept or len(kept[NODES]) == rounds
    return found


@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 7, 8, 12])
def test_the_sum_of_all_rounds_has_the_noise_of_its_nodes(rounds: int) -> None:
    # an estimate of a variance from n normal numbers has the relative error √(2/n): five of them
    whole = np.sum(noises(rounds), axis=0)
    assert whole.var() == pytest.approx(rounds.bit_count(), rel=5 * math.sqrt(2 / SIZE))
    assert abs(whole.mean()) < 5 * math.sqrt(rounds.bit_count() / SIZE)


@pytest.mark.parametrize("rounds", [2, 4, 6, 8])
def test_completed_from_below_it_has_honakers_variance(rounds: int) -> None:
    levels = [level for level in range(4) if rounds >> level & 1]
    wanted = sum(variance(level) for level in levels)
    whole = np.sum(noises(rounds, honaker=True), axis=0)
    assert whole.var() == pytest.approx(wanted, rel=5 * math.sqrt(2 / SIZE)) and wanted < rounds.bit_count()


def test_honakers_variance_is_that_of_the_paper() -> None:
    # Honaker 2015: 2/3 after one level, and 1/2 in the end: 1 / (2 (1 - 2^-κ)) for a tree of κ levels
    assert variance(1) == pytest.approx(2 / 3)
    assert [variance(level) for level in range(8)] == pytest.approx(
        [1 / (2 * (1 - 2.0 ** -(level + 1))) for level in range(8)]
    )


def test_a_round_done_again_on_the_same_sum_has_the_same_noise_and_on_another_none_of_it() -> None:
    step, secrets = tree(Z), Secrets(bytes(32))
    assert step.total
    one, kept = np.zeros(SIZE), {NODES: ["00" * 8]}
    first = step.total(one, Use(2, 1, secrets, C, kept))
    assert np.array_equal(first, step.total(one, Use(2, 2, secrets, C, kept)))
    other = step.total(one + 1.0, Use(2, 1, secrets, C, kept)) - 1.0
    # both take off the noise of round 1's leaf, which each has seen; what is new is another node
    assert np.std(other - first) == pytest.approx(Z * C * math.sqrt(2), rel=0.05)


@given(st.integers(1, 40), st.booleans())
def test_every_round_takes_off_exactly_what_others_put_on(rounds: int, honaker: bool) -> None:
    whole = np.sum(noises(rounds, honaker, 3), axis=0)
    again = np.sum(noises(rounds, honaker, 3), axis=0)
    assert np.array_equal(whole, again) and not np.array_equal(
        whole, np.sum(noises(rounds, honaker, 3, bytes([1] * 32)), axis=0)
    )


def test_an_update_is_held_to_the_norm_and_a_noise_out_of_range_is_refused() -> None:
    step = tree(1.0)
    assert step.server
    assert np.linalg.norm(step.server(np.full(4, 9.0), Use(1, 1, None, C))) <= C
    with pytest.raises(ConfigError, match="'noise' is"):
        tree(0.0)
