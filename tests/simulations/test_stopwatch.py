from pathlib import Path

import pytest

from isofed.simulations.stopwatch import Stopwatch


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def worked(watch: Stopwatch, clock: Clock, *events: tuple[float, str]) -> None:
    """Let time pass and events happen."""
    for seconds, event in events:
        clock.now += seconds
        if event == "ready":
            watch.ready()
        else:
            watch(event, round=1)


def test_times_go_on_in_the_next_process(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "seconds.json"
    first = Stopwatch.start(path, clock)
    worked(first, clock, (3, "ready"), (2, "reply"), (4, "reply"), (1, "round_done"))
    clock.now += 1000.0
    second = Stopwatch.start(path, clock)
    worked(second, clock, (5, "ready"), (2, "reply"), (4, "round_done"))
    assert (second.setup, second.first_reply) == (3.0, 2.0)
    assert second.total == 10.0 + 11.0


def test_a_process_killed_before_it_was_ready_does_not_count(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "seconds.json"
    Stopwatch.start(path, clock)
    clock.now += 20.0
    second = Stopwatch.start(path, clock)
    worked(second, clock, (5, "ready"), (2, "reply"))
    assert (second.setup, second.first_reply, second.total) == (5.0, 2.0, 7.0)


def test_what_came_before_the_file_was_read_counts(tmp_path: Path) -> None:
    clock = Clock()
    began = clock()
    clock.now += 4.0
    watch = Stopwatch.start(tmp_path / "seconds.json", clock, since=began)
    worked(watch, clock, (3, "ready"), (2, "reply"))
    assert (watch.setup, watch.first_reply, watch.total) == (7.0, 2.0, 9.0)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '"x"', "3"])
def test_a_file_that_cannot_be_read_counts_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "seconds.json").write_text(text)
    assert Stopwatch.start(tmp_path / "seconds.json").spent == 0.0


def test_what_has_no_rounds_saves_when_it_is_told(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "seconds.json"
    first = Stopwatch.start(path, clock)
    clock.now += 7.0
    first.save()
    assert Stopwatch.start(path, clock).total == 7.0
