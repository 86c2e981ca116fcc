"""The label table: its real counts, strings of annotators, folds, and what is refused."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.action_units.labels import (
    COLUMNS,
    KEYS,
    TABLE,
    Clip,
    differing,
    doubles,
    packed,
    parse,
    positives,
    read_table,
    sides,
    sizes,
    together,
    unknown,
    unpacked,
)
from isofed.tasks.action_units.model import UNITS

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "cd6me" / TABLE
POSITIVES = {
    "casme": (23, 17, 70, 0, 1, 4, 40, 3, 9, 23, 14, 13),
    "casme2": (26, 22, 130, 2, 13, 39, 13, 16, 34, 27, 16, 25),
    "samm": (6, 18, 23, 10, 3, 46, 5, 6, 28, 13, 4, 6),
    "fourd": (46, 54, 102, 8, 25, 89, 1, 2, 53, 4, 6, 11),
    "mmew": (50, 41, 109, 70, 10, 47, 8, 38, 37, 17, 6, 11),
    "casme3a": (153, 128, 274, 44, 8, 27, 50, 10, 15, 193, 6, 20),
}
TOTAL = (304, 280, 708, 134, 60, 252, 117, 75, 176, 277, 52, 86)
SIZES = {
    "casme": (189, 19),
    "casme2": (256, 26),
    "samm": (159, 29),
    "fourd": (267, 42),
    "mmew": (300, 30),
    "casme3a": (860, 94),
}


@pytest.fixture(scope="module")
def real() -> tuple[Clip, ...]:
    """The published table."""
    if not REAL.is_file():
        pytest.skip(f"the published {TABLE} is not here; it is not part of the project")
    return read_table(REAL)


def test_the_real_table_counts(real: tuple[Clip, ...]) -> None:
    assert sizes(real) == SIZES and len(real) == 2031
    assert {key: tuple(positives(c for c in real if c.database == key)) for key in KEYS} == POSITIVES
    assert tuple(positives(real)) == TOTAL
    marks = unpacked(np.array([clip.label for clip in real]))
    assert dict(Counter(marks.sum(1).astype(int).tolist())) == {0: 200, 1: 1269, 2: 442, 3: 112, 4: 8}
    pairs = together(real)
    assert [pairs[UNITS.index(a), UNITS.index(b)] for a, b in ((1, 2), (4, 7), (4, 9), (1, 5))] == [
        222,
        117,
        67,
        39,
    ]
    assert Counter(clip.database for clip in real if clip.still) == {"casme3a": 55}


def test_the_real_strings(real: tuple[Clip, ...]) -> None:
    """Five strings are a question mark and one adds a remark; one names a unit less than its columns."""
    assert unknown(real) == 6 and differing(real) == 1
    assert not doubles(real)


def test_check_09_all_ones_and_all_zeros(real: tuple[Clip, ...]) -> None:
    labels = np.array([clip.label for clip in real])
    databases = np.array([KEYS.index(clip.database) for clip in real])
    share = unpacked(labels).mean(0, dtype=np.float64)
    ones, zeros = 2 * share / (1 + share), 2 * (1 - share) / (2 - share)
    told = [26.04, 24.23, 51.70, 12.38, 5.74, 22.08, 10.89, 7.12, 15.95, 24.00, 4.99, 8.12]
    np.testing.assert_allclose(100 * ones, told, atol=0.005)
    assert round(100 * ones.mean(), 2) == 17.77 and round(100 * ones.mean() / 2, 2) == 8.89
    assert abs(100 * zeros.mean() / 2 - 47.16) < 0.006  # 47.15496
    folds = []
    for place in range(6):
        share = unpacked(labels[databases == place]).mean(0, dtype=np.float64)
        folds.append(100 * (2 * share / (1 + share)).mean())
    np.testing.assert_allclose(folds, [16.08, 19.40, 15.33, 20.16, 20.72, 15.12], atol=0.005)
    assert round(float(np.mean(folds)), 1) == 17.8


def test_check_10_folds(real: tuple[Clip, ...]) -> None:
    tested = 0
    for key, train in zip(KEYS, (1842, 1775, 1872, 1764, 1731, 1171), strict=True):
        first, second, left = sides(real, key)
        assert (len(first), len(second), left) == (train, SIZES[key][0], 0)
        assert not set(first) & set(second)
        tested += len(second)
    assert tested == 2031


@pytest.mark.parametrize(
    ("text", "units", "strange"),
    [
        ("4+7", {4, 7}, ()),
        ("R12", {12}, ()),
        ("AU5+45", {5, 45}, ()),
        ("A9E+ref(10)", {9, 10}, ()),
        ("10A/B", {10}, ()),
        ("AU4(k)+7(k)+4+24", {24}, ()),
        ("?", set(), ("?",)),
        ("soft focus+L1", {1}, ("soft focus",)),
        ("", set(), ()),
    ],
)
def test_strings(text: str, units: set[int], strange: tuple[str, ...]) -> None:
    assert parse(text) == (units, strange)


@given(st.sets(st.sampled_from(UNITS)))
def test_labels_are_numbers_of_sets(units: set[int]) -> None:
    marks = unpacked(np.array([packed(units | {43}), 0]))
    assert marks.dtype == np.float32 and marks.shape == (2, 12) and not marks[1].any()
    assert {unit for unit, mark in zip(UNITS, marks[0], strict=True) if mark} == units


def row(**changes: str) -> list[str]:
    told = dict.fromkeys(COLUMNS, "0") | {"subject": "01", "material": "a", "dataset": "samm", "emotion": "x"}
    told |= {"onset": "3", "apex": "5", "offset": "9", "AU": "4", "AU4": "1.0"}
    return list((told | changes).values())


def written(path: Path, rows: list[list[str]], columns: tuple[str, ...] = COLUMNS) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def test_a_row(tmp_path: Path) -> None:
    (clip,) = read_table(written(tmp_path / TABLE, [row()]))
    assert clip == Clip("samm", "01", "a", 3, 5, 9, "4", "x", frozenset({4}))
    assert (clip.frames, clip.label, clip.still) == (7, 4, False)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"onset": "6"}, "1 of 2 rows of .* cannot be read; expected one of casme, casme2"),
        ({"dataset": "casme4"}, "1 of 2 rows"),
        ({"AU4": "2"}, "1 of 2 rows"),
        ({"AU4": "nan"}, "1 of 2 rows"),
        ({"apex": "x"}, "1 of 2 rows"),
        ({"subject": "../01"}, "1 of 2 rows"),
        ({"subject": "01", "material": "a"}, "1 of 2 rows .* name a clip that another names"),
    ],
)
def test_rows_that_are_refused(tmp_path: Path, changes: dict[str, str], told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        read_table(written(tmp_path / TABLE, [row(), row(**{"material": "b", **changes})]))
    assert str(tmp_path) not in str(caught.value)


def test_other_columns_and_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", written(tmp_path / TABLE, [], COLUMNS[:-1])):
        with pytest.raises(DataError, match="is missing or has other columns; expected the 46 columns"):
            read_table(path)


def test_somebody_of_two_databases_is_not_trained_on(tmp_path: Path) -> None:
    rows = [
        row(),
        row(material="b"),
        row(dataset="fourd"),
        row(dataset="fourd", material="c"),
        row(dataset="mmew", material="d"),  # written alike, and nobody of the others
    ]
    clips = read_table(written(tmp_path / TABLE, rows))
    assert doubles(clips) == {("samm", "01"): {"fourd"}, ("fourd", "01"): {"samm"}}
    first, second, left = sides(clips, "samm")
    assert ([clip.database for clip in first], len(second), left) == (["mmew"], 2, 2)
    first, second, left = sides(clips, "mmew")
    assert (len(first), len(second), left) == (4, 1, 0)
