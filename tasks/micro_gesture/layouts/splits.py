"""Who is tested: the published lists of videos, of those the strangers alone, or folds of subjects."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.seeds import public
from isofed.tasks.micro_gesture.layouts.clips import NOBODY, TEST, TRAIN, UNLABELLED, Integers, Listing

FOLDS = 5
Split = Callable[[Listing, int], tuple[NDArray[np.bool_], NDArray[np.bool_]]]  # (clips, fold) to both sides


def sides(clips: Listing, options: Any) -> tuple[Integers, Integers]:
    """Return the rows that are trained on and those that are tested on.

    Args:
        clips: of a tree.
        options: ``split`` and ``fold`` are read.

    Raises:
        DataError: the tree has no lists, or does not say who is shown, where the split needs it.
    """
    train, test = SPLITS[options.split](clips, options.fold)
    return np.flatnonzero(train), np.flatnonzero(test & (clips.labels != UNLABELLED))


def kept(clips: Listing, rows: Integers, options: Any) -> Integers:
    """Return the labels of training clips, (n,), of which some are forgotten or exchanged.

    Of the labelled training videos of each emotion a share ``labelled`` keeps it, rounded, and at least one
    where that is not 0; a greater share keeps those of a smaller one.

    Args:
        clips: of the tree.
        rows: (n,) those that are trained on, all of them, so that every trainer knows the same labels.
        options: ``labels`` and ``labelled`` are read.
    """
    labels, videos = clips.labels[rows], clips.videos[rows]
    if options.labels == "shuffled":
        known = np.flatnonzero(labels != UNLABELLED)
        labels = labels.copy()
        labels[known] = labels[public(0, 0, "", "shuffled labels").permutation(known)]
    if options.labelled == 1:
        return labels
    every, first = np.unique(videos, return_index=True)
    order = public(0, 0, "", "known labels").permutation(len(every))
    known_videos: list[int] = []
    for emotion in (0, 1):
        mine = order[clips.labels[rows][first][order] == emotion]
        count = max(round(options.labelled * len(mine)), 1) if options.labelled else 0
        known_videos += every[mine[:count]].tolist()
    return np.where(np.isin(videos, known_videos), labels, UNLABELLED)


def _by_lists(clips: Listing, fold: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    train, test = clips.lists == TRAIN, clips.lists == TEST
    if not (train | test).any() and not (clips.labels != UNLABELLED).any():
        return ~train, test
    if not (train | test).any():
        raise DataError(
            f"{clips.title} lies here without lists of training and test clips; expected those of its "
            "protocol: add them, or write task.split=folds"
        )
    return train, test


def _strangers(clips: Listing, fold: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    refuse_unnamed(clips)
    train, test = _by_lists(clips, fold)
    return train, test & ~np.isin(clips.subjects, clips.subjects[train])


def _folds(clips: Listing, fold: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    refuse_unnamed(clips)
    everybody = np.unique(clips.subjects)
    order = public(0, 0, "", "folds of subjects").permutation(len(everybody))
    tested = np.isin(clips.subjects, everybody[order % FOLDS == fold])
    return ~tested, tested


def refuse_unnamed(clips: Listing) -> None:
    """Raise DataError where clips do not say whom they show."""
    unnamed = int((clips.subjects == NOBODY).sum())
    if unnamed:
        raise DataError(
            f"{unnamed} of {len(clips)} clips of {clips.title} do not say whom they show; expected a row for "
            "every video in labels.csv, with video_id and subject_id: add them"
        )


SPLITS: dict[str, Split] = {"videos": _by_lists, "subjects": _strangers, "folds": _folds}
