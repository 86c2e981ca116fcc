"""Marks in the code: nested times that add up, and nothing where nothing records."""

import sys
import timeit
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed import spans
from isofed.spans import (
    BACKWARD,
    CATEGORIES,
    DATA,
    ENGINE,
    EVALUATION,
    FORWARD,
    NOTHING,
    WAITING,
    Recorder,
    Stretch,
    Timed,
    recorded,
    span,
    spanned,
)

Plan = tuple[int, list["Plan"]]  # a category's number, and what is inside
NAMES = (*CATEGORIES, WAITING)
plans = st.recursive(
    st.tuples(st.integers(0, len(NAMES) - 1), st.just([])),
    lambda inner: st.tuples(st.integers(0, len(NAMES) - 1), st.lists(inner, max_size=3)),
    max_leaves=12,
)


def ticking(step: int = 1) -> spans.Clock:
    """A clock that goes on by ``step`` whenever somebody looks."""
    times: Iterator[int] = iter(range(0, 10**9, step))
    return lambda: next(times)


def play(plan: Plan) -> int:
    """Open the spans of a plan; return their number."""
    kind, inside = plan
    with span(NAMES[kind]):
        return 1 + sum(play(inner) for inner in inside)


def nested(found: list[Timed]) -> bool:
    """Whether of any two spans one holds the other or they have nothing in common."""
    ends = [(begun, begun + took) for _, _, begun, took in found]
    return all(
        a[1] <= b[0] or b[1] <= a[0] or (a[0] <= b[0] and b[1] <= a[1]) or (b[0] <= a[0] and a[1] <= b[1])
        for a in ends
        for b in ends
    )


@given(plans, st.integers(1, 50))
def test_own_times_add_up_and_spans_nest(plan: Plan, step: int) -> None:
    with recorded(Recorder(ticking(step))) as recorder:
        count = play(plan)
    (found,) = recorder.taken()
    assert sum(found.own.values()) == found.took == step * (2 * count - 1)
    assert len(found.spans) == count and found.left_out == 0
    assert all(own >= 0 for own in found.own.values())
    assert nested(found.spans)


def test_inner_time_is_not_the_outer_s_own() -> None:
    with recorded(Recorder(ticking())) as recorder, span(ENGINE, "site", "cam1"):
        with span(FORWARD):
            pass
        with span(BACKWARD, "gradients"):
            pass
    assert recorder.taken() == [
        Stretch(
            "site cam1",
            0,
            5,
            {FORWARD: 1, BACKWARD: 1, ENGINE: 3},
            [("forward", FORWARD, 1, 1), ("gradients", BACKWARD, 3, 1), ("site cam1", ENGINE, 0, 5)],
            0,
        )
    ]
    assert recorder.taken() == []


def test_an_exception_ends_its_spans_and_goes_on() -> None:
    with recorded(Recorder(ticking())) as recorder:
        with pytest.raises(ValueError, match="no"), span(ENGINE), span(DATA):
            raise ValueError("no")
        with span(FORWARD):
            pass
    failed, after = recorder.taken()
    assert failed.own == {DATA: 1, ENGINE: 2}
    assert (after.name, after.own) == (FORWARD, {FORWARD: 1})


def test_what_is_done_to_evaluate_is_evaluation_but_for_the_engine() -> None:
    with recorded(Recorder(ticking())) as recorder, span(EVALUATION):
        with span(FORWARD), span(DATA):
            pass
        with span(WAITING):
            pass
        with span(ENGINE), span(FORWARD):
            pass
    (found,) = recorder.taken()
    assert found.own == {EVALUATION: 7, WAITING: 1, ENGINE: 2, FORWARD: 1}


def test_where_there_is_no_room_sums_are_kept_and_the_outer_spans() -> None:
    with recorded(Recorder(ticking(), room=2)) as recorder:
        with span(ENGINE, "round"), span(ENGINE, "batch"), span(ENGINE, "site"):
            for _ in range(5):
                with span(FORWARD):
                    pass
        with span(ENGINE, "next"), span(FORWARD):
            pass
    first, second = recorder.taken()
    assert [name for name, *_ in first.spans] == ["forward", "forward", "site", "batch", "round"]
    assert (first.left_out, first.own[FORWARD], sum(first.own.values())) == (3, 5, first.took)
    assert (second.left_out, len(second.spans)) == (0, 2)


def test_a_marked_function_is_a_span_of_its_name() -> None:
    @spanned(DATA)
    def _open(value: int, more: int = 1) -> int:
        """Open it."""
        return value + more

    assert (_open(1, more=2), _open.__doc__) == (3, "Open it.")
    with recorded(Recorder(ticking())) as recorder:
        assert _open(1) == 2
    (found,) = recorder.taken()
    assert (found.name, found.own) == ("open", {DATA: 1})


def test_who_recorded_before_records_again_afterwards() -> None:
    outer, inner = Recorder(ticking()), Recorder(ticking())
    with recorded(outer):
        with pytest.raises(KeyError), recorded(inner):
            assert spans.clock() is inner.clock
            raise KeyError
        with span(DATA):
            pass
    assert spans.clock() is None
    assert (len(outer.taken()), inner.taken()) == (1, [])


def test_a_span_that_outlives_its_recorder_s_turn_is_still_told_to_it() -> None:
    recorder = Recorder(ticking())
    with recorded(recorder):
        left = span(DATA)
        left.__enter__()
    left.__exit__(None, None, None)
    assert [found.name for found in recorder.taken()] == [DATA]


def test_while_nothing_records_all_marks_are_one_object() -> None:
    assert span(FORWARD) is span(DATA, "open", 3) is NOTHING
    with span(FORWARD) as nothing:
        assert nothing is None
    with pytest.raises(ValueError, match="through"), span(FORWARD):
        raise ValueError("through")


def test_while_nothing_records_a_mark_allocates_nothing() -> None:
    def mark() -> None:
        with span(FORWARD):
            pass

    before = after = 0
    for _ in range(3):  # what the interpreter itself keeps, it keeps the first time
        before = sys.getallocatedblocks()
        for _ in range(1000):
            mark()
        after = sys.getallocatedblocks()
    assert after - before < 10


def test_while_nothing_records_a_mark_costs_a_few_calls_of_a_function() -> None:
    def mark() -> None:
        with span(FORWARD):
            pass

    def call() -> None:
        pass

    # the least of several turns: others may want this core, too
    marks, calls = (min(timeit.repeat(each, number=2000, repeat=20)) for each in (mark, call))
    assert marks < 30 * calls, f"{marks / 2000 * 1e9:.0f} ns"
