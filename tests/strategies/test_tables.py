import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.records import Table
from isofed.strategies.matching_math import match, spread
from isofed.strategies.tables import MatchRule, TableRule, TableSum


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


def test_over_nobody_sends_zeros_back_and_still_counts() -> None:
    table = mean([one((1, 0), 5), one((3, 0), 9), one((0, 0), 0)], "nobody")
    assert table.values.tolist() == [[0, 0]] and table.counts.tolist() == [2]


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 2**31))
def test_entities_share_nobody_so_a_global_centre_is_the_entitys_own(n: int, m: int, seed: int) -> None:
    """EI: the head has a block of rows for each entity, and the mean is over those that sent a row."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n + m, 3)).astype(np.float32)
    present = rng.random(n + m) < 0.7
    total = TableSum.empty(n + m, 3)
    for block in (np.arange(n + m) < n, np.arange(n + m) >= n):
        own = present & block
        total = total.add(Table(np.where(own[:, None], values, 0), own * 4))
    found = total.mean(TableRule("identity_centres"))
    assert np.array_equal(found.values, np.where(present[:, None], values, 0))
    assert found.counts.tolist() == present.astype(int).tolist()


CENTRES, ROWS = "centres", "rows"
EYE = np.eye(3, dtype=np.float32)


def table(values: np.ndarray, counts: list[int] | None = None) -> Table:
    return Table(values.astype(np.float32), np.array(counts or [4] * len(values)))


def test_each_site_gets_its_groups_mean_under_its_own_numbers() -> None:
    centres = {"a": table(EYE * 2), "b": table(np.stack([EYE[2] * 4, EYE[0] * 6]))}
    found = MatchRule("identity_centres", CENTRES).answer(CENTRES, {CENTRES: centres})
    assert found["a"].values.tolist() == [[4, 0, 0], [0, 2, 0], [0, 0, 3]]
    assert found["b"].values.tolist() == [[0, 0, 3], [4, 0, 0]]
    assert [t.values.dtype for t in found.values()] == [np.float32] * 2
    assert [t.counts.tolist() for t in found.values()] == [[4, 4, 4], [4, 4]]


def test_heads_are_averaged_by_what_the_centres_say() -> None:
    centres = {"a": table(EYE[:2]), "b": table(EYE[1::-1])}
    rows = {"a": table(np.array([[1.0], [2.0]])), "b": table(np.array([[30.0], [40.0]]))}
    found = MatchRule("identity_head_rows", CENTRES).answer(ROWS, {CENTRES: centres, ROWS: rows})
    assert found["a"].values.tolist() == [[20.5], [16]] and found["b"].values.tolist() == [[16], [20.5]]


def test_a_row_that_was_not_sent_is_in_no_mean_and_is_not_given() -> None:
    centres = {name: table(EYE[:2]) for name in "abc"}
    rows = {
        "a": table(np.array([[1.0], [2.0]])),
        "b": table(np.array([[3.0], [0.0]]), [4, 0]),
        "c": table(np.array([[0.0], [0.0]]), [0, 0]),
    }
    found = MatchRule("identity_head_rows", CENTRES).answer(ROWS, {CENTRES: centres, ROWS: rows})
    assert {site: t.values.tolist() for site, t in found.items()} == {
        "a": [[2], [2]],
        "b": [[2], [0]],
        "c": [[0], [0]],
    }
    assert found["b"].counts.tolist() == [4, 0] and found["c"].counts.tolist() == [0, 0]


def test_who_is_below_tau_keeps_its_own() -> None:
    near = np.array([[1, 0, 0]]), np.array([[1, 1, 0]])
    centres = {"a": table(near[0]), "b": table(near[1])}
    for tau, found in ((0.7, [[1, 0.5, 0]]), (0.71, [[1, 0, 0]])):
        answer = MatchRule("identity_centres", CENTRES, tau).answer(CENTRES, {CENTRES: centres})
        assert answer["a"].values.tolist() == found
    with pytest.raises(ConfigError, match=r"'tau' is 1\.5"):
        MatchRule("identity_centres", CENTRES, 1.5)


@given(st.integers(0, 2**31), st.integers(1, 4), st.randoms())
def test_answers_are_matching_spread_and_do_not_depend_on_the_order(
    seed: int, sites: int, random: object
) -> None:
    rng = np.random.default_rng(seed)
    sent = {}
    for number in range(sites):
        counts = rng.integers(0, 3, rng.integers(1, 6)) * 2
        values = rng.standard_normal((len(counts), 3)) * (counts > 0)[:, None]
        sent[f"cam{number}"] = Table(values.astype(np.float32), counts)
    names = list(sent)
    random.shuffle(names)  # type: ignore[attr-defined]
    rule = MatchRule("identity_centres", CENTRES)
    plain, shuffled = (
        rule.answer(CENTRES, {CENTRES: {name: sent[name] for name in order}}) for order in (sent, names)
    )
    groups = match({name: (t.values, t.counts > 0) for name, t in sent.items()})
    wanted = spread({name: t.values for name, t in sent.items()}, groups)
    for name in sent:
        assert np.array_equal(plain[name].values, wanted[name])
        assert np.array_equal(plain[name].values, shuffled[name].values)
        assert np.array_equal(plain[name].counts, sent[name].counts)
        absent = sent[name].counts == 0
        assert not plain[name].values[absent].any()


def test_rows_that_nobody_sent_stay_as_they_were_where_not_all_were_asked() -> None:
    before = Table(np.array([[1.0, 1.0], [2.0, 2.0]], np.float32), np.array([3, 1]))
    heard = TableSum.empty(2, 2).add(Table(np.array([[5.0, 7.0], [0.0, 0.0]], np.float32), np.array([4, 0])))
    rule = TableRule("identity_centres")
    kept, fresh = heard.mean(rule, before), heard.mean(rule)
    assert kept.values.tolist() == [[5.0, 7.0], [2.0, 2.0]] and kept.counts.tolist() == [1, 1]
    assert fresh.values.tolist() == [[5.0, 7.0], [0.0, 0.0]] and fresh.counts.tolist() == [1, 0]
