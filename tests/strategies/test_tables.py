import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.records import Table
from isofed.strategies.tables import TableRule, TableSum


def one(row: tuple[float, float], count: int) -> Table:
    return Table(np.array([row], np.float32), np.array([count]))


def mean(tables: list[Table], over: str) -> Table:
    total = TableSum.empty(1, 2)
    for table in tables:
        total = total.add(table)
    return total.mean(TableRule("identity_centres", over))


@pytest.mark.parametrize(("over", "wanted"), [("present", [2, 0]), ("all", [4 / 3, 0])])
def test_the_worked_centre_of_three_clients(over: str, wanted: list[float]) -> None:
    table = mean([one((1, 0), 5), one((3, 0), 9), one((0, 0), 0)], over)
    assert table.values.dtype == np.float32
    np.testing.assert_allclose(table.values[0], wanted, rtol=1e-7)
    assert table.counts.tolist() == [2]


@pytest.mark.parametrize("over", ["present", "all"])
def test_nobody_knows_the_identity(over: str) -> None:
    for tables in ([], [one((0, 0), 0)]):
        table = mean(tables, over)
        assert table.values.tolist() == [[0, 0]] and table.counts.tolist() == [0]


def test_what_an_absent_row_holds_does_not_count() -> None:
    assert mean([one((1, 0), 1), one((9, 9), 0)], "present").values.tolist() == [[1, 0]]


def test_a_row_weighs_the_same_however_many_images_made_it() -> None:
    assert mean([one((1, 0), 1), one((3, 0), 1000)], "present").values.tolist() == [[2, 0]]


@given(st.lists(st.tuples(st.floats(-4, 4, width=16), st.booleans()), min_size=1, max_size=6), st.randoms())
def test_the_order_of_clients_does_not_matter(rows: list[tuple[float, bool]], random: object) -> None:
    tables = [one((value, 1.0) if here else (0.0, 0.0), int(here)) for value, here in rows]
    shuffled = list(tables)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert np.array_equal(mean(tables, "present").values, mean(shuffled, "present").values)
