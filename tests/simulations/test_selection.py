from isofed.simulations.selection import LAST, described, reported
from isofed.tasks.task import Measure


def entry(round: int, r1: float | None) -> dict[str, object]:
    return {"round": round, "metrics": None if r1 is None else {"mean": {"R1": r1}}}


HISTORY = [entry(0, 0.9), entry(1, 0.3), entry(2, 0.5), entry(3, None), entry(4, 0.5), entry(5, 0.4)]


def test_the_last_round_is_reported_unless_a_flag_asks_for_more() -> None:
    assert reported(HISTORY, False) is HISTORY[-1] and described(HISTORY, False) == LAST


def test_the_best_round_on_the_test_set_is_the_first_of_equals_and_says_so() -> None:
    assert reported(HISTORY, True) is HISTORY[2]
    assert described(HISTORY, True).startswith(
        "round 2, the best by R1 on the test set (select_on_test=true)"
    )


def test_the_untrained_model_is_never_the_best_round() -> None:
    assert reported(HISTORY[:1], True) is HISTORY[0]
    assert reported([entry(0, 0.9), entry(1, 0.1)], True)["round"] == 1


def test_of_a_measure_of_errors_the_least_is_the_best() -> None:
    history = [entry(0, 0.1), entry(1, 0.3), entry(2, 0.2), entry(3, 0.2)]
    by = Measure("R1", "", lower=True)
    assert reported(history, True, by) is history[2]
    assert described(history, True, Measure("EER", "", lower=True)).startswith("round 1, the best by EER")
