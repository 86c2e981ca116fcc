"""Each robust rule beside its oracle, and how many sites each bears."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robust_oracles import RULES, direction, updates_of

from isofed import ranges
from isofed.errors import CompositionError, ConfigError
from isofed.strategies.named import STRATEGIES
from isofed.strategies.robust import updates
from isofed.strategies.robust.coordinates import around_median, median, trimmed_mean
from isofed.strategies.robust.geometry import Geometry
from isofed.strategies.robust.rule import fewest
from isofed.strategies.robust.selection import bulyan, krum, multi_krum
from isofed.strategies.robust.trust import fltrust
from isofed.strategies.rules import uniform_mean

SOME = settings(max_examples=25, deadline=None)


def drawn(seed: int, n: int, d: int, spread: float = 1.0, drift: float = 1.0) -> np.ndarray:
    """Changes around a common drift."""
    rng = np.random.default_rng(seed)
    return drift * rng.normal(size=d) + spread * rng.normal(size=(n, d))


@SOME
@pytest.mark.parametrize("name", RULES)
@given(
    seed=st.integers(0, 2**32), n=st.integers(1, 16), d=st.integers(1, 9), drift=st.sampled_from([0, 1, 100])
)
def test_a_rule_is_its_oracle(name: str, seed: int, n: int, d: int, drift: float) -> None:
    make, slow = RULES[name]
    rule = make(-1)
    # on a line every point between two sites may be a geometric median
    changes = drawn(seed, n, max(d, 3) if name == "rfa" else d, drift=drift)
    wanted = slow(changes, rule.tolerated(n))
    # a distance that goes to 0 is the root of a difference: a geometric median is known to 1e-5
    tolerance = 1e-5 if name == "rfa" else 1e-9
    np.testing.assert_allclose(direction(rule, changes), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("cores", [1, 2, 5])
@pytest.mark.parametrize("name", RULES)
def test_blocks_and_cores_leave_no_trace(name: str, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    make, slow = RULES[name]
    changes = drawn(1, 11, 5000)
    monkeypatch.setattr(updates, "LARGE", 1)
    monkeypatch.setattr(ranges, "cores", lambda: cores)
    found = direction(make(2), changes)
    monkeypatch.setattr(ranges, "cores", lambda: 1)
    assert np.array_equal(found, direction(make(2), changes))
    monkeypatch.setattr(updates, "BLOCK", 64 * 11)
    np.testing.assert_allclose(direction(make(2), changes), slow(changes, make(2).tolerated(11)), atol=1e-9)


def test_krum_picks_the_right_site_where_float32_norms_do_not() -> None:
    # weights of size 1 and changes that differ by 1e-4 of it: |a|² + |b|² - 2 a·b in float32 is noise
    rng = np.random.default_rng(4)
    start = rng.normal(size=200_000)
    sites = (
        start
        + 1e-3 * rng.normal(size=200_000)
        + 1e-4 * rng.normal(size=(9, 1)) * rng.normal(size=(9, 200_000))
    )
    values = sites.astype(np.float32)
    squares = (values**2).sum(1)
    float32 = squares[:, None] + squares[None] - 2 * values @ values.T
    wanted = ((values.astype(float)[:, None, :1] - values.astype(float)[None, :, :1]) ** 2).sum(2) * 0
    for i in range(9):
        for j in range(9):
            wanted[i, j] = ((values[i].astype(float) - values[j].astype(float)) ** 2).sum()
    seen = Geometry.of(updates_of(values.astype(float) - start.astype(np.float32)))
    np.testing.assert_allclose(seen.squares[:9, :9], wanted, rtol=1e-10)
    score = lambda each: int(np.argmin(np.sort(each, axis=1)[:, 1:6].sum(1)))  # noqa: E731
    assert score(seen.squares[:9, :9]) == score(wanted) != score(float32.astype(float))


@SOME
@given(
    st.integers(0, 2**32), st.sampled_from([0.0, 1e-3, 1e3, 1e30, 1e160, 1e300]), st.sampled_from([1.0, 1e6])
)
def test_honest_distances_survive_whatever_others_send(seed: int, scale: float, drift: float) -> None:
    changes = drawn(seed, 9, 20, 1e-4, drift)
    changes[6:] *= scale
    seen = Geometry.of(updates_of(changes)).squares
    for i in range(6):
        for j in range(6):
            wanted = float(((changes[i] - changes[j]) ** 2).sum())
            assert seen[i, j] == pytest.approx(wanted, rel=1e-5 if drift > 1 else 1e-9)


@SOME
@given(st.integers(0, 2**32), st.integers(1, 9))
def test_neutral_values_are_the_uniform_mean(seed: int, n: int) -> None:
    changes = drawn(seed, n, 7)
    mean = changes.mean(axis=0)
    for rule in (trimmed_mean(0), multi_krum(0, n)):
        np.testing.assert_allclose(direction(rule, changes), mean, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_one_site_gives_its_change_bit_for_bit(name: str) -> None:
    changes = drawn(3, 1, 50)
    if "tau" not in name and ", M" not in name and name != "centred_clipping":
        assert np.array_equal(direction(RULES[name][0](-1), changes), changes[0])


@pytest.mark.parametrize(
    ("rule", "asked", "sites"),
    [
        (krum(), 7, 5),
        (krum(1), 7, 6),
        (krum(2), 7, 5),
        (bulyan(), 7, 6),
        (bulyan(), 6, 6),
        (trimmed_mean(1), 3, 2),
        (median, 5, 3),
        (krum(), 2, 2),
        (krum(3), 1, 1),
    ],
)
def test_a_round_bears_as_many_refusals_as_faulty_sites(rule: Any, asked: int, sites: int) -> None:
    assert fewest(rule, asked) == sites
    # with r refused, those that may be left among the rest are still borne
    for refused in range(asked - sites + 1):
        assert rule.tolerated(asked - refused) >= rule.tolerated(asked) - refused


def test_a_linear_rule_needs_all_that_are_asked() -> None:
    assert fewest(uniform_mean, 7) == 7


@pytest.mark.parametrize(
    ("rule", "asked", "said"),
    [
        (krum(2), 6, r"'krum\(f=2\)' needs n ≥ 2f \+ 3 sites, but a round asks 6 sites; write at most f=1"),
        (bulyan(1), 6, r"needs n ≥ 4f \+ 3 sites, but a round asks 6 sites; write at most f=0, or f=-1 for"),
        (trimmed_mean(2), 4, r"needs n ≥ 2f \+ 1 sites"),
        (krum(0), 2, r"write at most f=0"),
    ],
)
def test_too_few_sites_for_f_are_refused(rule: Any, asked: int, said: str) -> None:
    with pytest.raises(CompositionError, match=said):
        fewest(rule, asked)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("krum", {"f": -2}),
        ("multi_krum", {"m": 0}),
        ("multi_krum", {"m": -2}),
        ("rfa", {"nu": 0.0}),
        ("rfa", {"iterations": 0}),
        ("centred_clipping", {"tau": -1.0}),
        ("centred_clipping", {"iterations": 0}),
        ("norm_bounding", {"norm": -1.0}),
    ],
)
def test_an_option_out_of_its_range_is_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        STRATEGIES[name](**options)


@SOME
@given(st.integers(0, 2**32), st.integers(1, 9), st.sampled_from([1.0, 1e30, 1e200]))
def test_fltrust_is_its_equations(seed: int, n: int, scale: float) -> None:
    changes = drawn(seed, n, 6)
    changes[0] *= -scale
    root = drawn(seed + 1, 1, 6)[0]
    unit = changes / np.abs(changes).max(axis=1, keepdims=True)  # so that nothing overflows here
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    trust = np.maximum(unit @ root / np.linalg.norm(root), 0.0)
    if scale > 1e150:
        trust[0] = 0.0  # out of range: infinitely far
    wanted = (trust[:, None] * unit).sum(axis=0) * np.linalg.norm(root) / (trust.sum() or 1.0)
    found = direction(fltrust(), changes, root)
    np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=1e-9)
    assert np.linalg.norm(found) <= np.linalg.norm(root) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("values", "f", "mean"),
    [
        ([-1, 0, 0, 1], 1, 0.0),
        ([-2, -1, 1, 3], 1, 0.0),
        ([-1, 0, 1], 1, 0.0),
        ([-4, -4, 0, 4, 4], 2, 0.0),
        ([-4, -4, -4, 0, 1, 2, 9], 2, 1.0),
        ([-3, -1, 0, 1, 3], 1, 0.0),
        ([-1, -1, 0, 1, 1], 1, -2 / 3),
        ([5, 6, 7, 8], 0, 6.5),
    ],
)
def test_the_nearest_to_the_median_and_of_two_the_smaller(values: list[int], f: int, mean: float) -> None:
    assert around_median(np.array([values], float), f)[0] == pytest.approx(mean)


@SOME
@given(st.lists(st.integers(-3, 3), min_size=3, max_size=9), st.integers(1, 4))
def test_the_window_is_the_sort_by_distance(values: list[int], f: int) -> None:
    f = min(f, (len(values) - 1) // 2)
    ascending = sorted(map(float, values))
    centre = float(np.median(ascending))
    near = sorted(ascending, key=lambda v: (abs(v - centre), v))[: len(values) - 2 * f]
    assert around_median(np.array([ascending]), f)[0] == pytest.approx(sum(near) / len(near))


BITS = """
import hashlib, sys
import numpy as np
from isofed.strategies.robust.updates import Columns, products
rows = np.random.default_rng(0).normal(size=(13, 40_000))
read = lambda part, chosen, into: np.copyto(into, rows[:, part])
print(hashlib.sha256(products(Columns(40_000, read), range(13), 4)).hexdigest())
"""


def test_the_products_do_not_depend_on_blas_threads() -> None:
    found = set()
    for threads in ("1", "7"):
        given = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)}
        done = subprocess.run(
            [sys.executable, "-c", BITS], env=given, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1
