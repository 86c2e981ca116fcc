"""The file of spans: JSON that Chrome and Perfetto read, whole after every round, mended after a kill."""

import json
from pathlib import Path
from typing import Any

import pytest

from isofed.simulations import trace as traces
from isofed.simulations.trace import GAP, Trace, events
from isofed.spans import DATA, ENGINE, FORWARD, Stretch

KEYS = {"name", "ph", "pid", "tid"}


def stretch(begun: int, steps: int = 2) -> Stretch:
    """A site's turn of some steps, each of 40 ns after a wait of 10."""
    spans = [(FORWARD, FORWARD, begun + 50 * n + 10, 40) for n in range(steps)]
    took = 50 * steps + 7
    own = {FORWARD: 40 * steps, ENGINE: took - 40 * steps}
    return Stretch("site", begun, took, own, [*spans, ("site", ENGINE, begun, took)], 0)


def read(path: Path) -> list[dict[str, Any]]:
    """Return the events of a file that must be whole, as a viewer wants them."""
    found = json.loads(path.read_text())
    assert found["displayTimeUnit"] == "ms"
    for event in found["traceEvents"]:
        assert event.keys() >= KEYS and event["ph"] in ("X", "M")
        if event["ph"] == "X":
            assert event["dur"] >= 0 and event["ts"] >= 0 and event["cat"]
    return list(found["traceEvents"])


def crossing(found: list[dict[str, Any]]) -> list[str]:
    """Return the spans that begin in another of their track and end after it."""
    wrong, spans = [], [event for event in found if event["ph"] == "X"]
    for track in {event["pid"] for event in spans}:
        around: list[tuple[int, str]] = []
        mine = [(*(round(event[key] * 1000) for key in ("ts", "dur")), event["name"]) for event in spans
                if event["pid"] == track]  # fmt: skip
        for begun, took, name in sorted(mine, key=lambda each: (each[0], -each[1])):
            while around and around[-1][0] <= begun:
                around.pop()
            if around and begun + took > around[-1][0]:
                wrong.append(f"{name} in {around[-1][1]}")
            around.append((begun + took, name))
    return wrong


def test_a_file_is_whole_json_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace = Trace.open(path, lambda: 1000)
    assert read(path) == []
    trace.write()
    assert read(path) == []
    trace.add("main", stretch(1000))
    assert read(path) == []
    for begun in (2000, 3000):
        trace.write()
        trace.add("worker 1", stretch(begun))
    trace.write()
    found = read(path)
    assert [e["args"]["name"] for e in found if e["ph"] == "M"] == ["main", "worker 1"]
    assert [(e["pid"], e["ts"]) for e in found if e["name"] == "site"] == [(0, 0.0), (1, 1.0), (1, 2.0)]
    assert crossing(found) == []
    assert {(e["name"], e["cat"], e["dur"]) for e in found if e["ph"] == "X"} == {
        ("site", ENGINE, 0.107),
        ("forward", FORWARD, 0.04),
    }


def test_spans_that_cross_are_found() -> None:
    outer, inner = (
        {"ph": "X", "name": name, "pid": 0, "ts": ts, "dur": 1.0} for name, ts in (("a", 0.0), ("b", 0.5))
    )
    assert crossing([inner, outer]) == ["b in a"]
    assert crossing([inner, {**outer, "pid": 1}]) == []


def test_who_goes_on_begins_after_the_end_and_knows_the_tracks(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    for now in (5000, 100):  # after a restart of the machine its clock begins anew
        trace = Trace.open(path, lambda now=now: now)  # type: ignore[misc]
        trace.add("main", stretch(now))
        trace.write()
    found = read(path)
    assert [e["args"]["name"] for e in found if e["ph"] == "M"] == ["main"]
    assert [e["ts"] for e in found if e["name"] == "site"] == [0.0, (107 + GAP) / 1000]
    assert crossing(found) == []


@pytest.mark.parametrize("cut", [0, 1, 10, 39, 45, 150, 300])
def test_a_file_that_was_cut_short_is_mended(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    trace = Trace.open(path, lambda: 0)
    trace.add("main", stretch(0))
    trace.write()
    before = read(path)
    path.write_bytes(path.read_bytes()[:cut])
    again = Trace.open(path, lambda: 0)
    kept = read(path)
    assert kept == before[: len(kept)] == list(events(path))
    again.add("main", stretch(0))
    again.write()
    assert crossing(read(path)) == []
    assert len(read(path)) == len(kept) + 3 + (not kept)


def test_a_full_file_takes_outermost_spans_alone_if_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "MOST", 4)
    trace = Trace.open(tmp_path / "trace.json", lambda: 0)
    trace.add("main", stretch(0))
    trace.add("worker 1", stretch(0))
    trace.add("main", stretch(200), least=True)
    trace.write()
    assert [event["name"] for event in read(tmp_path / "trace.json")] == [
        *["process_name", "forward", "forward", "site", "site"]
    ]


def test_names_of_any_kind_are_one_line_each(tmp_path: Path) -> None:
    trace = Trace.open(tmp_path / "trace.json", lambda: 0)
    trace.add("main", Stretch("a\nb", 0, 1, {DATA: 1}, [('a\n"é\u2028', DATA, 0, 1)], 0))
    trace.write()
    again = Trace.open(tmp_path / "trace.json", lambda: 0)
    assert [event["name"] for event in read(again.path)] == ["process_name", 'a\n"é\u2028']
