import pytest

from tests.pace import PACES, at_some_pace


def test_a_trial_that_holds_at_a_slower_pace_alone_passes() -> None:
    tried: list[int] = []

    def trial(pace: int) -> None:
        tried.append(pace)
        assert pace > 10

    at_some_pace(trial)
    assert tried == [1, 4, 16]


def test_one_that_holds_at_none_fails() -> None:
    tried: list[int] = []
    with pytest.raises(ZeroDivisionError):
        at_some_pace(lambda pace: [tried.append(pace), 1 / 0][0])
    assert tuple(tried) == PACES
