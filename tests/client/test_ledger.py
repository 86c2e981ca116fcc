from pathlib import Path

import numpy as np

from isofed.client.ledger import enter, summed
from isofed.records import Report, Table, Value
from isofed.trees import from_arrays

MODEL = Value(from_arrays({"w": np.zeros(5, np.float32)}))


def report(round: int, attempt: int = 1, present: int = 2) -> Report:
    counts = np.array([9] * present + [0] * (4 - present))
    channels = {"model": MODEL, "centres": Table(np.zeros((4, 3), np.float32), counts)}
    return Report(round, attempt, f"{round}.{attempt}", channels, {"examples": 7, "loss": 0.5})


def test_sums_by_channel(tmp_path: Path) -> None:
    path = tmp_path / "site" / "left.jsonl"
    for number in (1, 2, 3):
        enter(path, report(number), {"centres": 3})
    assert summed(path) == {
        "model": {"kind": "value", "bytes": 60, "messages": 3},
        "centres": {
            "kind": "table",
            "bytes": 3 * (48 + 4),
            "rows_sent": 6,
            "rows_withheld": 3,
            "messages": 3,
        },
        "scalars": ["examples", "loss"],
    }


def test_nothing_left_yet(tmp_path: Path) -> None:
    assert summed(tmp_path / "left.jsonl") == {"scalars": []}


def test_an_attempt_written_twice_counts_once_and_a_new_attempt_counts(tmp_path: Path) -> None:
    path = tmp_path / "left.jsonl"
    for round, attempt in ((1, 1), (1, 1), (1, 2), (2, 1)):
        enter(path, report(round, attempt), {})
    assert summed(path)["model"] == {"kind": "value", "bytes": 60, "messages": 3}


def test_a_line_cut_short_swallows_nothing(tmp_path: Path) -> None:
    path = tmp_path / "left.jsonl"
    enter(path, report(1), {})
    whole = path.read_bytes()
    for cut in range(1, len(whole)):
        path.write_bytes(whole + whole[:cut])
        enter(path, report(2), {})
        messages = summed(path)["model"]["messages"]
        assert messages == 2, cut


def test_rows_are_never_withheld_below_none(tmp_path: Path) -> None:
    enter(tmp_path / "l", report(1, present=3), {"centres": 1})
    assert summed(tmp_path / "l")["centres"]["rows_withheld"] == 0


def test_no_value_is_written(tmp_path: Path) -> None:
    enter(tmp_path / "l", report(1), {"centres": 3})
    text = (tmp_path / "l").read_text()
    assert "0.5" not in text and "9" not in text
