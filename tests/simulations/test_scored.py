"""What a report shows of scores: which models stand at which test set."""

from typing import Any

from isofed.simulations.scored import described, parts
from isofed.tasks.task import Measure

MEASURES = (Measure("EER", "", lower=True), Measure("d'", "", fraction=False))


def result(*levels: float) -> dict[str, Any]:
    """Return a run whose EER at site a is as given by round, twice as much at an unseen sensor."""
    history = [
        {
            "round": n,
            "metrics": {"mean": {"EER": e}, "at a": {"EER": e}, "at unseen-b": {"EER": 2 * e}},
        }
        for n, e in enumerate(levels)
    ]
    return {"history": history}


RESULTS = {"federated": result(0.4, 0.1, 0.2), "alone/a": result(0.4, 0.3), "alone/z": result(0.4, 0.35)}
CURVES: dict[str, Any] = {"a": {}, "unseen-b": {}}


def test_a_site_alone_stands_at_its_own_sensor() -> None:
    found = described(CURVES, RESULTS, MEASURES, False)
    assert found is not None and found["columns"] == [["EER", True], ["d'", False]]
    assert found["rows"] == {
        "a": {"untrained": {"EER": 0.4}, "alone": {"EER": 0.3}, "federated": {"EER": 0.2}},
        "unseen-b": {"untrained": {"EER": 0.8}, "federated": {"EER": 0.4}},
    }


def test_the_round_is_the_one_that_is_reported() -> None:
    found = described(CURVES, RESULTS, MEASURES, True)
    assert found is not None and found["rows"]["a"]["federated"] == {"EER": 0.1}


def test_without_scores_nothing_is_said() -> None:
    assert described(None, RESULTS, MEASURES, False) is None


def test_parts_stand_beside_the_mean_of_those_alone() -> None:
    found = parts(RESULTS, MEASURES, False)
    assert found is not None and found["columns"] == ["EER"]
    assert found["rows"]["a"]["untrained"] == {"EER": 0.4} and found["rows"]["a"]["federated"] == {"EER": 0.2}
    assert abs(found["rows"]["a"]["alone"]["EER"] - 0.325) < 1e-9
    whole = {"federated": {"history": [{"round": 0, "metrics": {"mean": {"EER": 0.1}}}]}}
    assert parts(whole, MEASURES, False) is None
