"""F1 of units from counts: check 8 by hand, the protocol's two averages, sums of folds, the real table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.action_units import counts, evaluate
from isofed.tasks.action_units.labels import KEYS, TABLE, read_table, unpacked
from isofed.tasks.action_units.layouts.motions import Motions, TestClips
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.task import merge

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "cd6me" / TABLE
MARKS = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0]], bool)
LOGITS = np.array(
    [
        [2.1, -0.3, -1],
        [-0.5, 0.7, -0.2],
        [-1.2, 1.5, 0.4],
        [0.3, -0.8, -2],
        [1.7, 0.2, -0.1],
        [-0.9, -0.4, -3],
    ]
)
OPTIONS = ActionUnitOptions()


def clips_of(labels: Any, databases: Any) -> TestClips:
    nothing = Motions(np.zeros(0), np.zeros(0), np.zeros(len(labels), np.int64))
    return TestClips(nothing, np.array(labels), np.array(databases), np.zeros(len(labels), np.int64))


def test_check_08_six_clips_and_three_units() -> None:
    found = counts.counted(MARKS, LOGITS > 0)
    np.testing.assert_allclose(counts.f1(found), [2 / 3, 2 / 3, 0])
    np.testing.assert_allclose(counts.f1(found[:, ::-1]), [2 / 3, 2 / 3, 10 / 11])
    np.testing.assert_allclose(counts.macro(found), [0.6667, 0.6667, 0.4545], atol=5e-5)
    assert round(counts.f1(found).mean(), 4) == 0.4444
    assert round(counts.macro(found).mean(), 4) == 0.5960


def test_check_08_a_logit_of_zero_says_no() -> None:
    assert counts.counted(np.ones((1, 1), bool), np.zeros((1, 1)) > 0).tolist() == [[0, 0, 1, 0]]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_f1_against_the_definition(pairs: list[tuple[bool, bool]]) -> None:
    there, said = np.array(pairs).T[:, :, None]
    found = counts.counted(there, said)
    both = [
        2 * (there == k)[said == k].sum() / n if (n := (there == k).sum() + (said == k).sum()) else 0.0
        for k in (True, False)
    ]
    assert counts.f1(found)[0] == pytest.approx(both[0])
    assert counts.macro(found)[0] == pytest.approx(sum(both) / 2)


def answers(there: bool, labels: Any, databases: Any) -> dict[str, dict[str, float]]:
    return evaluate.result(evaluate.always(there)(clips_of(labels, databases), OPTIONS))


def test_pooled_and_by_fold_are_two_averages() -> None:
    """A unit on one of two clips in the first database and on none of two in the second."""
    found = answers(True, [1, 0, 0, 0], [0, 0, 1, 1])
    assert found["at AU1"]["binary F1"] == pytest.approx(2 / 5)
    assert found["at AU1"]["binary by fold"] == pytest.approx((2 / 3 + 0) / 2)
    assert found["mean"]["binary F1"] == pytest.approx(2 / 5 / 12)
    one = answers(True, [1, 0], [0, 0])["mean"]
    assert one["binary F1"] == one["binary by fold"] and one["macro F1"] == one["macro by fold"]


def test_who_finds_all_scores_no_unit_that_is_not_there() -> None:
    """As for unit 5 in CASME: a perfect detector has 11/12 binary there, and 23/24 macro."""
    labels = np.array([4095 - 8, 0])  # all but the fourth unit, and none
    marks = unpacked(labels) > 0
    named = {b: counts.named(counts.counted(marks, marks), "casme", b) for b in evaluate.BRANCHES}
    found = evaluate.result({name: n for each in named.values() for name, n in each.items()})["mean"]
    assert found["binary F1"] == pytest.approx(11 / 12) and found["macro F1"] == pytest.approx(23 / 24)


def test_folds_merge_to_the_whole() -> None:
    rng = np.random.default_rng(0)
    labels, databases = rng.integers(0, 4096, 30), rng.integers(0, 6, 30)
    whole = evaluate.always(True)(clips_of(labels, databases), OPTIONS)
    folds: dict[str, float] = {}
    for place in range(6):
        rows = databases == place
        folds = merge(folds, evaluate.always(True)(clips_of(labels[rows], databases[rows]), OPTIONS))
    assert folds == whole and len({frozenset(row) for row in evaluate.result(folds).values()}) == 1


def test_check_09_the_published_table_through_the_evaluation() -> None:
    if not REAL.is_file():
        pytest.skip(f"the published {TABLE} is not here; it is not part of the project")
    clips = read_table(REAL)
    labels, places = [c.label for c in clips], [KEYS.index(c.database) for c in clips]
    ones, zeros = (answers(there, labels, places) for there in (True, False))
    assert round(100 * ones["mean"]["binary F1"], 2) == 17.77
    assert round(100 * ones["mean"]["macro F1"], 2) == 8.89
    assert round(100 * ones["mean"]["binary by fold"], 1) == 17.8
    assert abs(100 * zeros["mean"]["macro F1"] - 47.16) < 0.006
    assert round(100 * ones["at AU4"]["binary F1"], 2) == 51.70


def test_other_sums_are_refused() -> None:
    with pytest.raises(DataError, match="no counts of action units"):
        evaluate.result({"clips_00": 1.0})
