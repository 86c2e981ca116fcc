"""Who is tested, whose emotion is known, and that nobody meets who should not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.micro_gesture.joints import IMIGUE
from isofed.tasks.micro_gesture.layouts.clips import NOBODY, NONE, TEST, TRAIN, UNLABELLED, Listing, Span
from isofed.tasks.micro_gesture.layouts.layout import LAYOUTS
from isofed.tasks.micro_gesture.layouts.splits import FOLDS, kept, sides


def listing(count: int = 60, seed: int = 0, **changes: Any) -> Listing:
    """Return clips of 20 videos of 10 subjects, on lists by video."""
    videos = np.sort(np.r_[:20, np.random.default_rng(seed).integers(0, 20, count - 20)])
    lists = np.where(videos % 2 == 0, TRAIN, TEST)
    lists[videos // 2 == 9] = TEST
    columns = {"labels": videos // 2 % 2, "videos": videos, "subjects": videos // 2, "lists": lists} | changes
    spans = tuple(Span(Path(f"{number}.json")) for number in range(count))
    return Listing("iMiGUE", IMIGUE, spans, **columns)


def test_the_published_lists(gesture_options: Any) -> None:
    clips = listing()
    train, test = sides(clips, gesture_options())
    assert (clips.lists[train] == TRAIN).all() and (clips.lists[test] == TEST).all()
    assert not set(clips.videos[train]) & set(clips.videos[test])
    assert set(clips.subjects[train]) & set(clips.subjects[test])  # as published: no split by subject


def test_of_these_the_strangers(gesture_options: Any) -> None:
    clips = listing()
    train, test = sides(clips, gesture_options(split="subjects"))
    assert np.array_equal(train, sides(clips, gesture_options())[0])  # one model, two tests: the gap
    assert set(clips.subjects[test].tolist()) == {9} and not set(clips.subjects[train]) & {9}


@given(st.integers(0, 50))
def test_folds_test_everybody_once(seed: int) -> None:
    from types import SimpleNamespace

    clips, tested = listing(seed=seed, lists=np.full(60, NONE)), []
    for fold in range(FOLDS):
        train, test = sides(clips, SimpleNamespace(split="folds", fold=fold))
        assert not set(clips.subjects[train]) & set(clips.subjects[test])
        assert len(train) + len(test) == len(clips)
        tested += test.tolist()
    assert sorted(tested) == list(range(len(clips)))


def test_a_share_of_the_videos_keeps_its_labels(gesture_options: Any) -> None:
    clips = listing(400)
    rows, _ = sides(clips, gesture_options())
    known: list[set[int]] = []
    for share in (0.0, 0.01, 0.5, 1.0):
        labels = kept(clips, rows, gesture_options(labelled=share))
        there = labels != UNLABELLED
        assert np.array_equal(labels[there], clips.labels[rows][there])
        known.append(set(clips.videos[rows][there].tolist()))
        assert not known[-1] & set(clips.videos[rows][~there].tolist())  # whole videos
    assert not known[0] and len(known[1]) == 2 and known[0] <= known[1] <= known[2] <= known[3]
    assert len(known[2]) == pytest.approx(len(known[3]) / 2, abs=1)


def test_shuffled_labels_stay_as_many_and_unlabelled_clips_stay_so(gesture_options: Any) -> None:
    labels = listing(400).labels.copy()
    labels[::7] = UNLABELLED
    clips = listing(400, labels=labels)
    rows = sides(clips, gesture_options())[0]
    found = kept(clips, rows, gesture_options(labels="shuffled"))
    assert sorted(found) == sorted(labels[rows]) and (found != labels[rows]).sum() > 40
    assert np.array_equal(found == UNLABELLED, labels[rows] == UNLABELLED)


def test_every_trainer_knows_the_same_labels(
    gesture_trees: dict[str, Path], gesture_options: Any, tmp_path: Path
) -> None:
    layout, root, few = LAYOUTS["smg"], gesture_trees["smg"], gesture_options(labelled=0.4)
    pooled = layout.open_train(root, "pooled", tmp_path / "pooled", few).labels
    own = [
        layout.open_train(root, site.name, tmp_path / site.name, few).labels
        for site in layout.sites(root, "entity")  # type: ignore[union-attr]
    ]
    assert sorted(np.concatenate(own)) == sorted(pooled) and (pooled == UNLABELLED).any()


def test_lists_that_are_missing(gesture_options: Any) -> None:
    clips = listing(lists=np.full(60, NONE))
    with pytest.raises(DataError, match="without lists of training and test clips"):
        sides(clips, gesture_options())
    unlabelled = listing(lists=np.full(60, NONE), labels=np.full(60, UNLABELLED))
    train, test = sides(unlabelled, gesture_options())
    assert len(train) == 60 and not len(test)  # whoever knows no emotion has nobody to test


def test_people_that_are_not_told(gesture_options: Any) -> None:
    for split in ("subjects", "folds"):
        with pytest.raises(DataError, match="60 of 60 clips of iMiGUE do not say whom they show"):
            sides(listing(subjects=np.full(60, NOBODY)), gesture_options(split=split))


def test_a_person_who_is_tested_has_nothing_to_train_on(
    gesture_trees: dict[str, Path], gesture_options: Any, tmp_path: Path
) -> None:
    layout, root, refused = LAYOUTS["smg"], gesture_trees["smg"], 0
    for fold in range(FOLDS):
        for site in layout.sites(root, "entity"):
            try:
                name = site.name  # type: ignore[union-attr]
                layout.open_train(root, name, tmp_path / name, gesture_options(split="folds", fold=fold))
            except DataError as error:
                assert "holds no clip to train on" in str(error) and str(root) not in str(error)
                refused += 1
    assert refused == 3


def test_the_tested_are_not_trained_on(
    gesture_trees: dict[str, Path], gesture_options: Any, tmp_path: Path
) -> None:
    for name in ("smg", "micro_gesture_silos"):
        layout, root, home = LAYOUTS[name], gesture_trees[name], tmp_path / name
        trained = layout.open_train(root, "pooled", home / "train", gesture_options(split="subjects"))
        tested = layout.open_test(root, home / "test", gesture_options(split="subjects"))
        clips = {bytes(clip) for clip in trained.inputs[np.arange(len(trained))]}
        assert len(tested) and not clips & {bytes(clip) for clip in tested.inputs[np.arange(len(tested))]}
        assert len(tested) < len(layout.open_test(root, home / "all", gesture_options()))
