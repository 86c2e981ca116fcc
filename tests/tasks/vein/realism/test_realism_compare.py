"""Sets made by hand, compared, and told as tables and JSON."""

import json
import math

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.vein.realism.compare import CURVES, compare, root_mean_square, spread
from isofed.tasks.vein.realism.levels import LEVELS
from isofed.tasks.vein.realism.numbers import MEASURES, Seen
from isofed.tasks.vein.realism.told import NOTE, json_of, markdown, misses, table


def seen(finger: int, value: float, kind: str = "Shift", level: int = 60) -> Seen:
    """Return a picture all of whose numbers are one value, and whose grey levels are one level."""
    curves = {name: np.full(20, 0.5) for name in CURVES}
    curves["inside"] = np.eye(LEVELS)[level]
    return Seen(finger, 1, kind, {measure.name: value for measure in MEASURES}, curves)


DRAWN = [seen(1, 1.0), seen(1, 3.0), seen(2, 6.0), seen(3, 8.0, level=64)]


def test_numbers_are_medians_over_pictures_and_fingers() -> None:
    group = compare([seen(9, 5.0), seen(9, 7.0)], DRAWN)["pose"]
    assert (group.published, group.drawn) == ((2, 1), (4, 3))
    row = group.rows[0]
    assert row.published.median == 6.0 and row.drawn.median == pytest.approx(4.5)
    # medians of the fingers are 2, 6 and 8, the published one's is 6
    assert row.below == pytest.approx((1 + 0.5) / 3)
    assert [compare([seen(9, v)], DRAWN)["pose"].rows[0].below for v in (0.0, 9.0)] == [0.0, 1.0]


def test_curves_are_means_over_pictures_and_then_over_fingers() -> None:
    group = compare([seen(9, 5.0, level=50)], DRAWN)["pose"]
    curve = group.curves["inside"]
    assert curve.distance == pytest.approx((10 + 10 + 14) / 3)
    # each of 60, 60 and 64 from the two others
    assert curve.usual.median == pytest.approx(2.0) and curve.drawn.shape == (3, LEVELS)
    assert group.curves["spectrum"].distance == 0
    assert math.isnan(compare([seen(9, 5.0)], DRAWN[:1])["pose"].curves["inside"].usual.median)


def test_only_groups_that_both_show_are_compared() -> None:
    published = [seen(9, 5.0), seen(9, 5.0, "Multi"), seen(9, 5.0, "Exposure")]
    assert list(compare(published, [*DRAWN, seen(1, 2.0, "Multi")])) == ["pose", "mixed"]
    with pytest.raises(DataError, match="no kind of variation in common"):
        compare([seen(9, 5.0, "Multi")], DRAWN)


def test_what_could_not_be_measured_is_left_out() -> None:
    found = compare([seen(9, math.nan), seen(9, 7.0)], [*DRAWN, seen(4, math.nan)])["pose"].rows[0]
    assert found.published.median == 7.0 and found.below == pytest.approx(2 / 3)
    assert math.isnan(spread(np.array([])).median)
    assert root_mean_square(np.array([1.0, math.nan, 3.0]), np.array([1.0, 2.0, 5.0])) == pytest.approx(
        2**0.5
    )


def test_the_table_marks_what_no_finger_reaches_and_what_the_plan_does_not_want() -> None:
    groups = compare([seen(9, 9.0), seen(9, 9.0, "Multi")], [*DRAWN, seen(1, 2.0, "Multi")])
    pose, mixed = table(groups).split("mixed (mixtures: Multi)")
    lines = {line.split("  ")[0]: line for line in pose.splitlines()}
    # 4.5 pixels wide veins are planned, and 4.5 vessels on the way across; a finger of level 4.5 is not
    assert lines["vein width, median, px"].endswith("4 – 8        *")
    assert lines["finger, mean, levels"].endswith("55 – 75      *!")
    assert "4.5 (1.3 – 7.7)" in lines["vein width, median, px"] and "1.00" in lines["vein width, median, px"]
    assert "2 pictures" not in pose and "1 pictures of 1 published finger and 4 of 3 drawn fingers" in pose
    # the plan speaks of plain pictures
    assert "55 – 75" not in mixed and NOTE in mixed
    rows = {row.measure.name: row for row in groups["pose"].rows}
    assert misses(rows["finger_mean"]) and not misses(rows["finger_mean"], planned=False)
    assert not misses(rows["vein_width"]) and not misses(rows["finger_std"])


def test_the_table_in_markdown() -> None:
    lines = markdown(compare([seen(9, 9.0)], DRAWN)["pose"]).splitlines()
    assert len(lines) == len(MEASURES) + 2
    assert {line.count("|") for line in lines} == {7}
    assert lines[2].endswith("| 1.00 | 55 – 75 | \\*! |")


def test_json_holds_everything_and_no_number_that_is_none() -> None:
    groups = compare([seen(9, math.nan)], DRAWN)
    told = json.loads(json.dumps(json_of(groups), allow_nan=False))
    assert told["pose"]["drawn"] == {"pictures": 4, "fingers": 3}
    assert told["pose"]["numbers"]["vein_width"]["published"] == {"median": None, "low": None, "high": None}
    assert told["pose"]["numbers"]["vein_width"]["drawn"]["median"] == 4.5
    assert told["pose"]["numbers"]["vein_width"]["plan"] == [4.0, 8.0]
    assert len(told["pose"]["curves"]["inside"]["drawn"]) == LEVELS
    assert set(told["pose"]["curves"]) == set(CURVES)
