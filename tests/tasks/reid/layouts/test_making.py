from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from isofed.errors import ConfigError
from isofed.tasks.reid.layouts import making


@dataclass(frozen=True)
class Amounts:
    images: int = 3
    share: float = 0.5


def test_bounds_belong_to_a_range() -> None:
    making.refuse_outside(Amounts(), images=(3, 3), share=(0.5, 1.0))
    with pytest.raises(ConfigError, match=r"images is 3; expected 4 to 9: choose"):
        making.refuse_outside(Amounts(), share=(0.0, 1.0), images=(4, 9))


def test_progress_counts_images_and_things_pass_unchanged() -> None:
    calls: list[tuple[int, int]] = []
    things = ["ab", "", "cde"]
    assert list(making.told(things, 5, lambda done, total: calls.append((done, total)))) == things
    assert calls == [(2, 5), (2, 5), (5, 5)]
    assert list(making.told(things, 5, None)) == things


def test_a_mark_says_what_was_drawn() -> None:
    assert making.mark("here", 7, Amounts(), {"images": 3}) == {
        "made_by": "isofed",
        "layout": "here",
        "seed": 7,
        "options": {"images": 3, "share": 0.5},
        "expected": {"images": 3},
    }


def test_nobody_is_drawn_for_two_layouts() -> None:
    starts = sorted(making.FIRST.values())
    assert all(b - a >= 10_000 for a, b in pairwise(starts))


def test_ascending_numbers_are_plain_integers() -> None:
    assert making.ascending(np.array([3, 1, 2])) == (1, 2, 3)
    assert {type(number) for number in making.ascending(np.array([3, 1]))} == {int}
