"""Counts of clips and videos, worked by hand, and every tie's rule."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.tasks.micro_gesture import spread, votes
from isofed.tasks.micro_gesture.evaluate import ERROR, SPREAD, result
from isofed.tasks.task import merge

# A(1:1,1,0) B(0:1,0) C(1:0,0) D(0:0) E(1:1,0)
VIDEOS = np.array([0, 0, 0, 1, 1, 2, 2, 3, 4, 4])
LABELS = np.array([1, 1, 1, 0, 0, 1, 1, 0, 1, 1])
PREDICTED = np.array([1, 1, 0, 1, 0, 0, 0, 0, 1, 0])
COUNTS = votes.counted(LABELS, PREDICTED, VIDEOS)


def test_check_15_the_worked_videos() -> None:
    assert votes.accuracy(COUNTS.clips) == 0.5
    assert votes.accuracy(votes.decided(COUNTS.videos, "right")) == 0.8
    positive = votes.decided(COUNTS.videos, "one")
    assert positive.tolist() == [[1, 1], [1, 2]]
    assert votes.f1(positive) == pytest.approx(2 / 3)
    assert votes.accuracy(positive) == 0.6
    found = result({**COUNTS.numbers, ERROR: 0.0, SPREAD: 0.0})["mean"]
    assert (found["clip accuracy"], found["video accuracy"]) == (0.5, 0.8)
    assert found["video F1"] == pytest.approx(0.6667, abs=1e-4)
    assert found["strict video"] == 0.4


def test_every_tie_goes_where_its_rule_says() -> None:
    # B and E are ties
    shares = {tie: votes.accuracy(votes.decided(COUNTS.videos, tie)) for tie in votes.TIES}
    assert shares == {"right": 0.8, "wrong": 0.4, "one": 0.6, "zero": 0.6}
    with pytest.raises(ConfigError, match="did you mean 'right'"):
        votes.decided(COUNTS.videos, "rigth")


def test_of_clips_both_recalls_weigh_the_same() -> None:
    # negative 2 of 3, positive 3 of 7
    assert votes.recall(COUNTS.clips) == pytest.approx((2 / 3 + 3 / 7) / 2)
    # F1: negative 4 / (3 + 6), positive 6 / (7 + 4)
    assert votes.macro_f1(COUNTS.clips) == pytest.approx((4 / 9 + 6 / 11) / 2)


@pytest.mark.parametrize("label", [0, 1])
def test_a_single_emotion_has_its_measures(label: int) -> None:
    one = votes.counted(np.full(3, label), np.array([label, label, 1 - label]), np.zeros(3, np.int64))
    assert votes.recall(one.clips) == pytest.approx(2 / 3)
    assert all(np.isfinite(v) for v in result({**one.numbers, ERROR: 0.0, SPREAD: 0.0})["mean"].values())
    none = votes.counted(np.full(2, label), np.full(2, label), np.zeros(2, np.int64))
    assert votes.macro_f1(none.clips) == 1.0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), min_size=1, max_size=40))
def test_counts_of_disjoint_videos_add_up(clips: list[tuple[int, int]]) -> None:
    videos, predicted = map(np.array, zip(*clips, strict=True))
    labels = videos % 2
    whole = votes.counted(labels, predicted, videos).numbers
    parts = [
        votes.counted(labels[m], predicted[m], videos[m]).numbers
        for m in (videos < 3, videos >= 3)
        if m.any()
    ]
    together: dict[str, float] = {}
    for part in parts:
        together = dict(merge(together, part))
    assert together == whole
    again = votes.of(whole)
    assert again.numbers == whole and again.clips.sum() == len(clips)
    assert again.videos.sum() == len(set(videos.tolist()))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=12))
def test_videos_are_decided_as_one_by_one(clips: list[tuple[int, int]]) -> None:
    videos, predicted = map(np.array, zip(*clips, strict=True))
    found = votes.counted(videos % 2, predicted, videos).videos
    right = 0
    for video in set(videos.tolist()):
        share = Fraction(int(predicted[videos == video].sum()), int((videos == video).sum()))
        right += share == Fraction(1, 2) or (share > Fraction(1, 2)) == bool(video % 2)
    assert int(np.trace(votes.decided(found, "right"))) == right


def _of(videos: np.ndarray) -> np.ndarray:
    """Return the clip measures of videos, rows of emotion, clips and clips that are right."""
    matrix = np.zeros((2, 2), np.int64)
    for label, size, right in videos.tolist():
        matrix[label, label] += right
        matrix[label, 1 - label] += size - right
    return np.array([measure(matrix) for measure in (votes.accuracy, votes.recall, votes.macro_f1, votes.f1)])


def test_the_spread_is_that_of_videos_drawn_anew() -> None:
    """Against a bootstrap over videos; as if clips were independent it would be less than half as wide."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        size, skill = int(rng.integers(5, 40)), rng.beta(1, 1)
        rows.append((number % 2, size, rng.binomial(size, skill)))
    videos = np.array(rows)
    drawn = np.std([_of(videos[rng.integers(0, 60, 60)]) for _ in range(600)], axis=0)
    parts = [np.repeat(videos[:, at], videos[:, 1]) for at in (0, 2)]
    place = np.concatenate([np.arange(size) for size in videos[:, 1].tolist()])
    found = votes.counted(
        parts[0], np.where(place < parts[1], parts[0], 1 - parts[0]), np.repeat(np.arange(60), videos[:, 1])
    )
    slopes = [each(found.clips) for each in (spread.accuracy, spread.recall, spread.macro_f1, spread.f1)]
    errors = [spread.error(each, found.squares, 60) for each in slopes]
    assert errors == pytest.approx(drawn, rel=0.12)
    p, total = votes.accuracy(found.clips), int(found.clips.sum())
    assert errors[0] > 2 * np.sqrt(p * (1 - p) / total)


def test_of_videos_by_themselves_the_spread_is_the_binomial_one() -> None:
    matrix = np.array([[14, 6], [3, 17]])
    found = spread.error(spread.accuracy(matrix), spread.alone(matrix), 40)
    assert found == pytest.approx(np.sqrt(31 / 40 * 9 / 40 / 39))
    assert spread.error(spread.f1(np.array([[2, 0], [0, 0]])), np.zeros((2, 3)), 2) == 0.0
    assert (
        spread.error(spread.accuracy(np.array([[1, 0], [0, 0]])), np.array([[1, 1, 1], [0, 0, 0]]), 1) == 0.0
    )
