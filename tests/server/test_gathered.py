"""Rounds under rules that look at every model: what is kept of it where, and what becomes of statistics."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "strategies" / "robust"))

from robust_oracles import RULES
from test_rounds import begin, drive, report, weights

from isofed.errors import RoundError
from isofed.records import Delta
from isofed.server import gathered, rows
from isofed.server.asks import Refusal, Reply
from isofed.server.rounds import Outcome
from isofed.server.rows import InFile, Rows
from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.robust.coordinates import median, trimmed_mean
from isofed.strategies.robust.selection import bulyan, krum
from isofed.trees import Tree, from_arrays

D = 40


def models(n: int, seed: int = 0) -> tuple[Tree, list[Tree]]:
    """A start and n models near it, of two dtypes."""
    rng = np.random.default_rng(seed)

    def tree(spread: float, centre: Any) -> Tree:
        near = [c + spread * rng.normal(size=D) for c in centre]
        return from_arrays({"a": near[0].astype(np.float32), "b": near[1]})

    start = tree(1.0, (0.0, 0.0))
    return start, [tree(0.1, (start["a"], start["b"])) for _ in range(n)]


def vectors(start: Tree, trees: list[Tree]) -> np.ndarray:
    """The changes, (n, 2 D)."""
    return np.array([np.concatenate([t[k].astype(np.float64) - start[k] for k in ("a", "b")]) for t in trees])


def played(rule: Any, start: Tree, trees: list[Tree], **more: Any) -> Outcome:
    replies: list[Reply] = [(f"s{i}", report(tree, examples=10**i)) for i, tree in enumerate(trees)]
    return drive(begin(start), replies, Recipe("robust", rule=rule, **more))


def in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no row be kept in memory."""
    monkeypatch.setattr(gathered, "Rows", lambda most: Rows(most, bound=0))


@pytest.fixture(params=["memory", "file"])
def _held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "file":
        in_a_file(monkeypatch)


@pytest.mark.usefixtures("_held")
@pytest.mark.parametrize("name", RULES)
def test_a_round_is_its_oracle_and_examples_count_for_nothing(name: str) -> None:
    make, slow = RULES[name]
    start, trees = models(9)
    wanted = slow(vectors(start, trees), make(1).tolerated(9))
    found = played(make(1), start, trees).state.trees["model"]
    assert {key: str(array.dtype) for key, array in found.items()} == {"a": "float32", "b": "float64"}
    np.testing.assert_allclose(found["a"], start["a"] + wanted[:D], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found["b"], start["b"] + wanted[D:], rtol=1e-6, atol=1e-7)


def test_memory_and_file_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    start, trees = models(7)
    made = {name: make(1) for name, (make, _) in RULES.items()}
    kept = {name: played(rule, start, trees).state.trees["model"] for name, rule in made.items()}
    in_a_file(monkeypatch)
    for name, rule in made.items():
        again = played(rule, start, trees).state.trees["model"]
        assert all(np.array_equal(again[key], kept[name][key]) for key in again), name


def test_differences_do_the_same_as_values() -> None:
    start, trees = models(7)
    deltas: list[Reply] = [
        (f"s{i}", report(Delta(tree.wide().map(lambda a, b: a - b, start)))) for i, tree in enumerate(trees)
    ]
    found = drive(begin(start), deltas, Recipe("robust", rule=bulyan(1))).state.trees["model"]
    wanted = played(bulyan(1), start, trees).state.trees["model"]
    assert all(np.array_equal(found[key], wanted[key]) for key in found)


def test_one_site_is_taken_over_bit_for_bit() -> None:
    start, trees = models(1)
    for rule in (krum(), bulyan(), median, trimmed_mean()):
        found = played(rule, start, trees).state.trees["model"]
        assert all(np.array_equal(found[key], trees[0][key]) for key in found)


def test_a_server_optimiser_steps_along_the_direction() -> None:
    start, trees = models(5)
    one = played(median, start, trees).state.trees["model"]
    half = played(median, start, trees, server=sgd(0.5)).state.trees["model"]
    np.testing.assert_allclose(half["b"], (one["b"] + start["b"]) / 2, rtol=1e-12)


@pytest.mark.parametrize(
    ("rule", "statistic", "counted"),
    [(krum(1), 4.0, 30), (trimmed_mean(1), 4.0, 30), (bulyan(0), 2.0e29, 46)],
)
def test_statistics_go_entry_by_entry(rule: Any, statistic: float, counted: int) -> None:
    variances, counts = [3.0, 4.0, 5.0, 1e30, 0.0], [10, 20, 30, 40, 130]
    replies: list[Reply] = [
        (f"s{i}", report(weights([float(i)]), from_arrays({"v": np.array([v]), "n": np.array(n)})))
        for i, (v, n) in enumerate(zip(variances, counts, strict=True))
    ]
    state = begin(weights([0.0]), from_arrays({"v": np.zeros(1), "n": np.array(0)}))
    found = drive(state, replies, Recipe("robust", rule=rule)).state.trees["buffers"]
    assert found["v"][0] == pytest.approx(statistic) and found["n"].dtype == np.int64
    assert int(found["n"]) == counted


def test_the_rest_makes_the_round_with_as_many_faulty_ones_as_it_allows() -> None:
    start, trees = models(7)
    replies: list[Reply] = [(f"s{i}", report(tree)) for i, tree in enumerate(trees)]
    replies[2] = ("s2", Refusal("NaN"))
    outcome = drive(begin(start), replies, Recipe("robust", rule=krum(2)), fewest=5)
    rest = [tree for i, tree in enumerate(trees) if i != 2]
    wanted = RULES["krum"][1](vectors(start, rest), 1)
    assert outcome.refused == {"s2": "NaN"} and len(outcome.numbers) == 6
    np.testing.assert_allclose(outcome.state.trees["model"]["b"], start["b"] + wanted[D:], rtol=1e-12)


def test_what_is_not_finite_after_the_rule_ends_the_round() -> None:
    far = [from_arrays({"w": np.array([sign * 1.7e308])}) for sign in (-1, 1, 1)]
    with pytest.raises(RoundError, match="the direction of 'median' is NaN or infinite"):
        played(median, from_arrays({"w": np.array([-1.7e308])}), far)


class Full:
    """A disk without room."""

    def __call__(self, *_: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows.os, "pwrite", Full())
    kept = Rows(3, bound=0)
    with pytest.raises(RoundError, match=r"No space left on device; name a folder .* TMPDIR"):
        kept.add(weights([1.0]))


def test_a_file_is_gone_with_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = Rows(2, bound=0)
    kept.add(weights(range(9)))
    assert isinstance(kept._lies["float32"], InFile) and not any(tmp_path.iterdir())
    columns = kept.columns("float32")
    into = np.empty((1, 3))
    columns.read(slice(4, 7), [0], into)
    assert into.tolist() == [[4, 5, 6]]
    file = kept._lies["float32"].file
    kept.close()
    assert file.closed


def test_a_file_that_was_cut_is_said() -> None:
    kept = Rows(2, bound=0)
    kept.add(weights(range(9)))
    kept._lies["float32"].file.truncate(8)  # type: ignore[union-attr]
    read: Callable[..., None] = kept.columns("float32").read
    with pytest.raises(RoundError, match="shorter than what was written"):
        read(slice(0, 9), [0], np.empty((1, 9)))
