from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.contracts import MOST_ROWS, Contract, NumberContract, TableContract, TreeContract
from isofed.errors import ContractError
from isofed.records import Delta, Report, Table, Value, empty_table
from isofed.trees import from_arrays

MODEL = from_arrays({"w": np.ones((2, 2), np.float32), "n": np.array(3)})
CENTRES = TableContract(3, 2, 2, "identity_centres")
CONTRACT = Contract(
    "camera",
    {"model": TreeContract("value", MODEL.layout, "model_state"), "centres": CENTRES},
    {"examples": NumberContract(True, 1, 100, ""), "loss": NumberContract(False, -10, 10, "")},
)


def table(values: Any, counts: Any) -> Table:
    return Table(np.array(values, np.float32), np.array(counts))


GOOD = table([[1, 2], [0, 0], [3, 4]], [2, 0, 9])
REPORT = Report(1, 1, "1.1", {"model": Value(MODEL), "centres": GOOD}, {"examples": 4, "loss": 0.5})


def with_model(**arrays: np.ndarray) -> dict[str, Any]:
    return {"model": Value(from_arrays(arrays)), "centres": GOOD}


def with_table(values: Any, counts: Any) -> dict[str, Any]:
    return {"model": Value(MODEL), "centres": table(values, counts)}


W, N = np.ones((2, 2), np.float32), np.array(3)


def test_what_was_agreed_passes() -> None:
    CONTRACT.check(REPORT)
    CONTRACT.check(replace(REPORT, channels={"model": Value(MODEL), "centres": empty_table(3, 2)}))


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        ({"model": Value(MODEL)}, "channel 'centres' is missing"),
        (
            {**REPORT.channels, "features": GOOD},
            "channel 'features' is in no contract; allowed: model, centres",
        ),
        ({"model": Delta(MODEL), "centres": GOOD}, "'model' is a delta, but the contract says value"),
        ({"model": GOOD, "centres": GOOD}, "'model' is a table, but the contract says value"),
        (
            {"model": Value(MODEL), "centres": Value(MODEL)},
            "'centres' is a value, but the contract says table",
        ),
        (with_model(w=W, n=N, x=N), "an entry 'x' that is in no contract"),
        (with_model(w=W), "no entry 'n'"),
        (with_model(w=W.astype(np.float64), n=N), r"'w' as float64\(2, 2\) instead of float32\(2, 2\)"),
        (with_model(w=W.reshape(4), n=N), r"'w' as float32\(4,\) instead of float32\(2, 2\)"),
        (with_model(n=N, w=W), "its entries in another order"),
        (
            with_model(w=W * np.float32("nan"), n=N),
            "'model' holds NaN or infinite values; lower the learning rate",
        ),
        (with_model(w=W * np.float32("inf"), n=N), "'model' holds NaN or infinite"),
        (with_table([[1, 2], [0, 0], [3, np.nan]], [2, 0, 9]), "'centres' holds NaN"),
        (with_table([[1, 2], [0, 0], [3, 4]], [1, 0, 9]), "a row of which one image makes up more than 1/2"),
        (with_table([[1, 2], [0, 0], [3, 4]], [-1, 0, 9]), "one image makes up more than 1/2"),
        (with_table([[1, 2], [0, 7], [3, 4]], [2, 0, 9]), "a row with values but no images behind it"),
        (with_table([[1, 2], [0, 0]], [2, 0]), r"shape \(2, 2\), but the contract says \(3, 2\)"),
        (with_table([[1, 2], [0, 0], [3, 4]], [2, 0]), "but the contract says"),
        (with_table([[1], [0], [3]], [2, 0, 9]), r"shape \(3, 1\)"),
    ],
)
def test_another_channel_is_refused(channels: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ContractError, match=sentence):
        CONTRACT.check(replace(REPORT, channels=channels))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"age": 3}, "number 'age' is in no contract; allowed: examples, loss"),
        ({"examples": 4.0}, "'examples' is not a whole number from 1 to 100"),
        ({"examples": True}, "'examples' is not a whole number"),
        ({"examples": 0}, "'examples' is not a whole number"),
        ({"examples": 10**400}, "'examples' is not a whole number"),
        ({"loss": 1}, "'loss' is not a finite number from -10 to 10, as float, but of type int"),
        ({"loss": float("nan")}, "'loss' is not a finite number"),
        ({"loss": float("inf")}, "'loss' is not a finite number"),
        ({"loss": [0.5]}, "'loss' is not a finite number"),
    ],
)
def test_another_number_is_refused(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ContractError, match=sentence):
        CONTRACT.check(replace(REPORT, scalars={**REPORT.scalars, **change}))


def test_a_missing_number_is_refused() -> None:
    with pytest.raises(ContractError, match="number 'loss' is missing"):
        CONTRACT.check(replace(REPORT, scalars={"examples": 4}))


@given(st.lists(st.integers(-3, 5), min_size=3, max_size=3), st.integers(1, 5))
def test_a_row_leaves_only_with_enough_images(counts: list[int], fewest: int) -> None:
    sent = table([[1, 1] if count else [0, 0] for count in counts], counts)
    if all(count == 0 or count >= fewest for count in counts):
        replace(CENTRES, min_count=fewest).check("centres", sent)
    else:
        with pytest.raises(ContractError, match=f"more than 1/{fewest}"):
            replace(CENTRES, min_count=fewest).check("centres", sent)


ANY_ROWS = replace(CENTRES, rows=None)
TWO = replace(CONTRACT, channels={"model": CONTRACT.channels["model"], "centres": ANY_ROWS, "rows": ANY_ROWS})


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_where_the_site_alone_knows_its_rows_any_number_passes(rows: int) -> None:
    ANY_ROWS.check("centres", table([[1, 2]] * rows, [2] * rows))


@pytest.mark.parametrize("shape", [(0, 2), (3, 3), (3,), (3, 2, 1)])
def test_even_then_no_other_width_and_not_nothing(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match="but the contract says"):
        ANY_ROWS.check("centres", Table(np.ones(shape, np.float32), np.full(shape[0], 4)))
    assert not ANY_ROWS.fits((MOST_ROWS + 1, 2)) and ANY_ROWS.fits((MOST_ROWS, 2))


def test_a_row_is_one_identity_in_every_table() -> None:
    sent = {"model": Value(MODEL), "centres": GOOD, "rows": GOOD}
    TWO.check(replace(REPORT, channels=sent))
    with pytest.raises(ContractError, match="tables have different numbers of rows"):
        TWO.check(replace(REPORT, channels={**sent, "rows": table([[1, 2]], [2])}))
