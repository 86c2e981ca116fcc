import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import CompositionError, ConfigError
from isofed.strategies.matching_math import Centres, Group, match, quality, spread, unit

NAMES = ("cam1", "cam10", "cam2", "cam3", "cam4")
SEEDS = st.integers(0, 10**6)
TAUS = st.sampled_from([-1.0, 0.0, 0.3, 0.7])


def drawn(seed: int, exact: bool = False) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Centres of two to five clients; with ``exact`` small whole numbers, which tie often and are zero."""
    rng = np.random.default_rng(seed)
    out = {}
    for name in NAMES[: rng.integers(2, 6)]:
        shape = (rng.integers(1, 8), 3)
        values = rng.integers(-1, 2, shape).astype(float) if exact else rng.standard_normal(shape)
        out[name] = (values.astype(np.float32), rng.random(shape[0]) < 0.8)
    return out


def slowly(centres: Centres, tau: float) -> tuple[Group, ...]:
    """The rule written out: every pair of identities looked at on its own, groups as sets."""

    def cosine(a: str, i: int, b: str, j: int) -> float:
        return float(unit(centres[a][0])[i] @ unit(centres[b][0])[j])

    def nearest(a: str, i: int, b: str) -> int:
        return max(there[b], key=lambda j: (cosine(a, i, b, j), -j))

    there = {
        name: [i for i in range(len(values)) if present[i] and values[i].any()]
        for name, (values, present) in centres.items()
    }
    edges = []
    for a in sorted(centres):
        for b in sorted(centres):
            for i in there[a] if a < b and there[b] else []:
                j = nearest(a, i, b)
                if nearest(b, j, a) == i and cosine(a, i, b, j) >= tau:
                    edges.append((-cosine(a, i, b, j), a, i, b, j))
    groups = [{(name, i)} for name in there for i in there[name]]
    for _, a, i, b, j in sorted(edges):
        one = next(group for group in groups if (a, i) in group)
        two = next(group for group in groups if (b, j) in group)
        if one is not two and not {name for name, _ in one} & {name for name, _ in two}:
            groups.remove(two)
            one |= two
    return tuple(sorted(tuple(sorted(group)) for group in groups if len(group) > 1))


@settings(max_examples=150, deadline=None)
@given(SEEDS, TAUS)
def test_match_agrees_with_the_rule_written_out(seed: int, tau: float) -> None:
    centres = drawn(seed)
    assert match(centres, tau) == slowly(centres, tau)


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.booleans(), TAUS, st.randoms(use_true_random=False))
def test_groups_hold_one_identity_of_a_client_whatever_the_order_of_clients(
    seed: int, exact: bool, tau: float, random: object
) -> None:
    centres = drawn(seed, exact)
    groups = match(centres, tau)
    members = [member for group in groups for member in group]
    assert len(members) == len(set(members))
    for group in groups:
        assert 1 < len(group) == len({name for name, _ in group})
    for name, row in members:
        assert centres[name][1][row] and centres[name][0][row].any()
    names = sorted(centres)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert match({name: centres[name] for name in names}, tau) == groups


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_renumbering_a_client_s_people_renumbers_the_groups(seed: int) -> None:
    centres = drawn(seed)
    values, present = centres["cam10"]
    order = np.random.default_rng(seed).permutation(len(values))
    renumbered = match({**centres, "cam10": (values[order], present[order])})
    back = (((n, int(order[i])) if n == "cam10" else (n, i) for n, i in group) for group in renumbered)
    assert tuple(sorted(tuple(group) for group in back)) == match(centres)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(2, 5), st.integers(1, 12))
def test_noisy_copies_of_orthogonal_prototypes_are_found(seed: int, clients: int, people: int) -> None:
    rng = np.random.default_rng(seed)
    prototypes = np.linalg.qr(rng.standard_normal((16, 16)))[0]
    truth = {name: rng.permutation(16)[:people] for name in NAMES[:clients]}
    centres = {
        name: (
            rng.uniform(0.1, 9) * (prototypes[known] + 0.02 * rng.standard_normal((people, 16))),
            np.ones(people, bool),
        )
        for name, known in truth.items()
    }
    groups = match(centres, tau=0.5)
    expected = [
        tuple(
            (name, int(np.flatnonzero(known == p)[0])) for name, known in sorted(truth.items()) if p in known
        )
        for p in range(16)
    ]
    assert groups == tuple(sorted(group for group in expected if len(group) > 1))
    assert quality(groups, truth) == ((1.0, 1.0) if groups else pytest.approx((math.nan,) * 2, nan_ok=True))


def test_a_worked_example() -> None:
    there = np.ones(2, bool)
    centres: Centres = {
        "a": (np.array([[1.0, 0.0], [0.0, 5.0]]), there),
        "b": (np.array([[0.6, 0.8], [2.0, 0.0]]), there),
        "c": (np.array([[0.0, 1.0], [0.0, 0.0]]), there),
    }
    # a1-c0 has cosine 1, a0-b1 1, a1-b0 and b0-c0 0.8; c1 is zero and matches nobody
    found = ((("a", 0), ("b", 1)), (("a", 1), ("b", 0), ("c", 0)))
    assert match(centres) == found
    assert match(centres, tau=0.9) == (found[0], (("a", 1), ("c", 0)))
    assert match({**centres, "c": (centres["c"][0], ~there)}) == (found[0], found[1][:2])


def test_an_edge_between_two_people_of_one_client_is_left_out() -> None:
    # at 0 and 90, 20, and 50 degrees: a0-b0 comes first, b0-c0 second, and a1-c0 would join a0 and a1
    def at(*degrees: float) -> tuple[np.ndarray, np.ndarray]:
        angles = np.radians(degrees)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1), np.ones(len(degrees), bool)

    centres = {"a": at(0, 90), "b": at(20), "c": at(50)}
    assert match({"a": centres["a"], "c": centres["c"]}) == ((("a", 1), ("c", 0)),)
    assert match(centres) == ((("a", 0), ("b", 0), ("c", 0)),)


def test_lengths_do_not_count_in_matching_but_do_in_the_means() -> None:
    there = np.ones(1, bool)
    centres: Centres = {
        "a": (np.array([[8.0, 0.0]], np.float32), there),
        "b": (np.array([[0.0, 2.0]]), there),
    }
    groups = match(centres)
    assert groups == ((("a", 0), ("b", 0)),)
    sent = spread({name: values for name, (values, _) in centres.items()}, groups)
    assert sent["a"].tolist() == sent["b"].tolist() == [[4.0, 1.0]] and sent["a"].dtype == np.float32
    units = spread({name: unit(values) for name, (values, _) in centres.items()}, groups)
    assert units["a"].tolist() == [[0.5, 0.5]]


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_spread_averages_groups_and_leaves_the_rest(seed: int) -> None:
    centres = drawn(seed)
    rng = np.random.default_rng(seed)
    heads = {name: rng.standard_normal((len(values), 4)) for name, (values, _) in centres.items()}
    before = {name: head.copy() for name, head in heads.items()}
    groups = match(centres)
    after = spread(heads, groups)
    expected = {name: head.copy() for name, head in heads.items()}
    for group in groups:
        for name, row in group:
            expected[name][row] = sum(before[n][r] for n, r in group) / len(group)
    assert after.keys() == heads.keys()
    for name, head in heads.items():
        np.testing.assert_allclose(after[name], expected[name], rtol=1e-12)
        assert np.array_equal(head, before[name])
        alone = [r for r in range(len(head)) if all((name, r) not in group for group in groups)]
        assert np.array_equal(after[name][alone], before[name][alone])


def test_quality_counts_pairs() -> None:
    truth = {"a": np.array([4, 7]), "b": np.array([7, 4]), "c": np.array([4, -1])}
    groups = ((("a", 0), ("b", 0), ("c", 0)),)
    assert quality(groups, truth) == (1 / 3, 1 / 4)
    assert quality((), truth) == pytest.approx((math.nan, 0.0), nan_ok=True)


def test_what_makes_no_sense_is_refused() -> None:
    there = np.ones(1, bool)
    centres: Centres = {"a": (np.ones((1, 2)), there), "b": (np.ones((1, 3)), there)}
    with pytest.raises(CompositionError, match=r"widths \[2, 3\]"):
        match(centres)
    with pytest.raises(ConfigError, match=r"'tau' is 1\.5"):
        match({}, tau=1.5)
    with pytest.raises(CompositionError, match="'b'"):
        spread({"a": np.ones((1, 2))}, ((("a", 0), ("b", 0)),))
    assert match({}) == () and spread({}, ()) == {}


@pytest.mark.slow
def test_llcm_s_nine_clients_are_matched_at_their_full_size() -> None:
    rng = np.random.default_rng(0)
    centres = {
        f"cam{c}": (rng.standard_normal((n, 2048)).astype(np.float32), np.ones(n, bool))
        for c, n in enumerate([21, 20, 345, 353, 661, 687, 72, 40, 24])
    }
    groups = match(centres)
    found = spread({name: values for name, (values, _) in centres.items()}, groups)
    rows = [row for group in groups for row in group]
    assert groups and len(rows) == len(set(rows)) and found.keys() == centres.keys()
