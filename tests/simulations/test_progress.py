import io

import pytest

from isofed.simulations.progress import Progress, duration


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A text file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_time_left_follows_from_the_speed_so_far() -> None:
    clock = Clock()
    progress = Progress(10, Terminal(), clock=clock)
    assert progress.left() == ""
    for _ in range(2):
        progress("reply", run="federated", round=1)
        clock.now += 3.0
    assert progress.left() == ", 24 s left"
    for _ in range(8):
        progress("reply", run="federated", round=2)
    assert progress.left() == ""


def test_a_terminal_has_one_line_that_is_kept_up_to_date() -> None:
    out, clock = Terminal(), Clock()
    progress = Progress(4, out, clock=clock)
    progress("reply", run="alone/cam1", round=10)
    clock.now += 100.0
    progress("reply", run="federated", round=2)
    progress.end()
    lines = out.getvalue().split("\r")
    assert "\n" not in out.getvalue()
    assert lines[1].startswith("alone/cam1, round 10")
    assert lines[2].startswith("federated, round 2, 1 min 40 s left")
    assert lines[-2].strip() == ""
    # a shorter line wipes out the longer one before it
    assert len(lines[2]) >= len(lines[1].rstrip())


def test_elsewhere_a_line_comes_now_and_then() -> None:
    out, clock = io.StringIO(), Clock()
    progress = Progress(100, out, clock=clock)
    for number in range(1, 13):
        progress("reply", run="federated", round=number)
        clock.now += 1.0
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("federated, round 6, ")
    assert "\r" not in out.getvalue()


def test_a_refused_site_is_told_at_once_on_a_line_that_stays() -> None:
    out = Terminal()
    progress = Progress(4, out)
    progress.step("drawing images", 3, 9)
    progress("refused", run="federated", round=3, site="cam2", reason="holds NaN")
    assert out.getvalue().endswith("\rfederated, round 3: cam2 holds NaN\n")
    assert "drawing images 3/9" in out.getvalue()


def test_it_can_be_silent() -> None:
    out = Terminal()
    progress = Progress(4, out, enabled=False)
    progress("reply", run="federated", round=1)
    progress.step("drawing images", 3, 9)
    progress.say("hello")
    progress.end()
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89.4, "89 s"), (90.0, "1 min 30 s"), (3599.0, "59 min 59 s")]
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_who_is_lost_and_back_is_worth_a_line_and_no_work_yet() -> None:
    out = io.StringIO()
    progress = Progress(4, out)
    progress("lost", site="cam3", run="federated")
    progress("back", site="cam3", run="federated")
    progress("attempt_failed", round=2, attempt=1, reason="round 2 got 5 usable reports", run="federated")
    assert out.getvalue().splitlines() == [
        "cam3 is lost: it has given no sign of life for a while",
        "cam3 is back",
        "round 2 is tried again: round 2 got 5 usable reports",
    ]
    assert progress.left() == ""
