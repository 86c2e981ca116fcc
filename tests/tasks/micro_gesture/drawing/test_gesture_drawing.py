"""Bodies that are drawn: repeatable, of one piece, and with the signal that was planted and no other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from isofed.tasks.micro_gesture.drawing.body import acted, habits
from isofed.tasks.micro_gesture.drawing.film import filmed
from isofed.tasks.micro_gesture.drawing.gestures import GESTURES, mix, named
from isofed.tasks.micro_gesture.drawing.plan import Small, Video, planned
from isofed.tasks.micro_gesture.frames import places, prepared
from isofed.tasks.micro_gesture.joints import IMIGUE, SMG
from isofed.tasks.micro_gesture.layouts.layout import LAYOUTS

CLEAN: dict[str, Any] = {"noise": 0.0, "dropout": 0.0, "odd": False}


def video(gesture: str, length: int = 100) -> Video:
    """Return a video of one gesture alone."""
    numbers = [np.array([number]) for number in (12, length, GESTURES.index(named(gesture)))]
    return Video(1, 1, 1, "train", *numbers, 0.0)


def act(gesture: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return acted(video(gesture), habits(rng), 25, rng)


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return how often a clip of emotion 1 scores higher than one of 0."""
    ranks, ones = rankdata(scores), int(labels.sum())
    return float((ranks[labels == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(labels) - ones)))


def clips(small: Small, place: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 52, 22, 3) and labels of all clips of a drawing."""
    videos = list(planned(1, place, small))
    films = [(filmed(1, place, each, IMIGUE, 25, small), each) for each in videos]
    cut = [film[each.starts[:, None] + places(each.lengths)] for film, each in films]
    return np.concatenate(cut), np.repeat([each.label for each in videos], [len(each) for each in videos])


def test_the_same_seed_gives_the_same_bytes_however_it_is_drawn(tmp_path: Path) -> None:
    small = Small(subjects=2, videos=1, clips=2)
    backwards = lambda draw, videos: reversed([draw(each) for each in reversed(videos)])  # noqa: E731
    for name in ("imigue", "smg_miga"):
        for folder, seed, spread in (("a", 5, map), ("b", 5, backwards), ("c", 6, map)):
            LAYOUTS[name].make(tmp_path / name / folder, seed, small, spread, None)
        one, same, other = (
            {path.name: path.read_bytes() for path in sorted((tmp_path / name / folder).rglob("*.*s*"))}
            for folder in "abc"
        )
        assert one == same and one != other


def test_bones_keep_their_lengths() -> None:
    points = act("folding the arms")
    for one, other in (("shoulder", "elbow"), ("elbow", "wrist")):
        for side in ("left", "right"):
            lengths = np.linalg.norm(points[f"{side} {one}"] - points[f"{side} {other}"], axis=1)
            assert lengths.std() < 1e-9 and 0.5 < lengths.mean() < 0.9


@pytest.mark.parametrize(
    ("gesture", "near"),
    [("touching the face", "nose"), ("touching the neck", "spine shoulder"), ("rubbing the eyes", "nose")],
)
def test_a_hand_goes_there_and_back(gesture: str, near: str) -> None:
    points = act(gesture)
    way = np.minimum(
        *(np.linalg.norm(points[f"{s} wrist"] - points[near], axis=1) for s in ("left", "right"))
    )
    assert way[62] < 0.55 and way[0] > 1 and way[-1] > 1


def test_folded_arms_cross_and_a_body_at_rest_breathes() -> None:
    points = act("folding the arms")
    assert points["right wrist"][62, 0] > points["left wrist"][62, 0]  # each hand on the other side
    still = act("crossing the fingers")["left shoulder"][:, 1]
    assert 0.01 < np.ptp(still) < 0.3


def test_gestures_are_as_often_as_said() -> None:
    for emotion in (0, 1):
        p = mix(emotion, 0.9)
        assert p.sum() == pytest.approx(1) and p.min() > 0
        small = Small(subjects=1, videos=8, clips=400, **CLEAN)
        drawn = [each.gestures for each in planned(0, "", small) if each.label == emotion]
        found = np.bincount(np.concatenate(drawn), minlength=len(GESTURES)) / sum(map(len, drawn))
        assert np.abs(found - p).max() < 0.04
    assert np.array_equal(mix(0, 0), mix(1, 0))
    assert mix(0, 0.9)[0] > 5 * mix(1, 0.9)[0]  # touching the face


def test_the_sides_and_the_odd_ones() -> None:
    videos = list(planned(0, "", Small(subjects=8, videos=4)))
    trained = {each.subject for each in videos if each.side == "train"}
    tested = {each.subject for each in videos if each.side == "test"}
    assert trained & tested and tested - trained and trained - tested
    for side in ("train", "test"):
        assert {each.label for each in videos if each.side == side} == {0, 1}
    assert {each.label for each in videos if each.subject == 1} == {1}
    assert sorted({(len(each), int(each.lengths.min())) for each in videos if len(each) == 1}) == [(1, 1)]
    assert not any(len(each) == 1 for each in planned(0, "", Small(odd=False)))


def test_joints_that_are_lost() -> None:
    x, _ = clips(Small(subjects=2, videos=2, clips=4, dropout=0.05))
    lost = x[..., 2] == 0
    assert 0.035 < lost.mean() < 0.065 and not x[lost].any() and x[~lost][:, 2].min() > 0.5


def test_subjects_are_seen_from_elsewhere() -> None:
    x, _ = clips(Small(subjects=6, videos=1, clips=2, **CLEAN))
    necks = x[::2, 0, 1, :2]
    assert np.ptp(necks, axis=0).min() > 60
    widths = np.linalg.norm(x[::2, 0, 2, :2] - x[::2, 0, 5, :2], axis=1)
    assert widths.max() > 1.15 * widths.min()


def test_a_body_is_the_same_for_both_sensors() -> None:
    small = Small(subjects=1, videos=1, clips=2, **CLEAN)
    each = next(planned(1, "", small))
    flat, deep = (filmed(1, "", each, body, 25, small) for body in (IMIGUE, SMG))
    for ours, theirs in ((4, 10), (7, 6), (3, 9)):  # wrists and an elbow
        one = flat[:, ours, :2] - flat[:, 1, :2]
        other = (deep[:, theirs, :2] - deep[:, 20, :2]) * [1, -1]
        assert np.corrcoef(one[:, 1], other[:, 1])[0, 1] > 0.98
    assert 2 < deep[..., 2].mean() < 3  # metres


def test_planted_fingers_tell_together_and_not_alone() -> None:
    x, labels = clips(Small(subjects=12, videos=3, clips=8, signal="fingers", dropout=0.0, odd=False))
    tips = prepared(x.astype(np.float32), IMIGUE)[:, 1, :, 12:]
    tips = tips - tips.mean(1, keepdims=True)
    alone = (tips**2).mean(1)
    together = np.stack([tips[..., :5].mean(-1), tips[..., 5:].mean(-1)]).var(2).max(0)
    assert abs(auc(alone[:, 0], labels) - 0.5) < 0.12 and abs(auc(alone.sum(1), labels) - 0.5) < 0.12
    assert auc(together, labels) > 0.99


def test_the_trap_tells_the_emotion_in_training_videos_alone() -> None:
    small = Small(subjects=12, videos=4, clips=1, shift=0.15, odd=False)
    videos = list(planned(2, "", small))
    told = {
        side: [each.label == (each.neck > 0) for each in videos if each.side == side]
        for side in ("train", "test")
    }
    assert all(told["train"]) and 0.2 < np.mean(told["test"]) < 0.8
    film, plain = (
        filmed(2, "", next(planned(2, "", Small(**{**vars(small), "shift": shift}))), IMIGUE, 25, small)
        for shift in (0.15, 0.0)
    )
    apart = np.abs(film - plain)
    assert apart[:, 1, 0].max() > 10 and not apart[:, [0, *range(2, 22)]].any()
