"""The evaluator's measurement: emotions of clips and videos, and how well clips are rebuilt, as sums."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isofed.seeds import public
from isofed.tasks.micro_gesture import spread, votes
from isofed.tasks.micro_gesture.layouts.clips import TestClips
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.task import Measure, Statistics

CHUNK = 64  # clips that go through the network at a time
ERROR, SPREAD = "rebuilt_error", "rebuilt_spread"  # sums of squares: of the differences, and of the clips
TIE_ACCURACY, TIE_F1 = votes.RIGHT, "one"  # the released code's rules

MEASURES = (
    Measure("video accuracy", "video accuracy: share of videos of which most clips are right; a tie is"),
    Measure("clip accuracy", "clip accuracy: share of clips whose emotion is found"),
    Measure("video F1", "video F1: of positive videos; a tie between clips counts as positive"),
    Measure("macro F1", "macro F1: of clips, the mean of both emotions' F1"),
    Measure("UAR", "UAR: unweighted average recall of clips, chance is 50"),
    Measure("strict video", "strict video accuracy: as video accuracy, but a tie counts as wrong"),
    Measure("not rebuilt", "not rebuilt: share of the variance that reconstruction misses", True, False),
)


def measure(model: Any, test: TestClips, options: MicroGestureOptions) -> Statistics:
    """Return counts of clips and of videos' votes, and the squared errors of the reconstruction."""
    predicted, squares = through(model, test.inputs, len(test))
    found = votes.counted(test.labels, predicted, test.videos).numbers
    return {**found, **dict(zip((ERROR, SPREAD), squares, strict=True))}


def through(model: Any, clips: Any, count: int) -> tuple[NDArray[np.int64], tuple[float, float]]:
    """Return the emotions found, (N,), and the sums of squares of errors and of the normalised clips.

    Args:
        model: in evaluation mode; computed where it lies.
        clips: (N, 3, 52, V), indexable by an integer array.
        count: N.
    """
    device, found, squares = next(model.parameters()).device, [np.zeros(0, np.int64)], np.zeros(2)
    with torch.inference_mode():
        for at in range(0, count, CHUNK):
            rows = np.arange(at, min(at + CHUNK, count))
            output = model(torch.from_numpy(np.array(clips[rows], np.float32)).to(device))
            found.append(output.logits.argmax(1).cpu().numpy())
            squares += _squares(output)
    return np.concatenate(found), (float(squares[0]), float(squares[1]))


def _squares(output: Any) -> NDArray[np.float64]:
    if output.rebuilt is None:
        return np.zeros(2)
    error = (output.rebuilt - output.reference).double().square().sum()
    return np.array([float(error), float(output.reference.double().square().sum())])


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``mean``, and ``spread``, the standard error of each share where videos are drawn anew.

    Source: the released code of Xia et al., 2025, for video accuracy, where a tie is right, and video F1,
    where it is positive. Differs from it in: it divides by 100, the videos of its protocol; macro F1, UAR and
    the strict video are ours.
    """
    counts = votes.of(statistics)
    clips, right, positive = (
        counts.clips,
        votes.decided(counts.videos, TIE_ACCURACY),
        votes.decided(counts.videos, TIE_F1),
    )
    strict = votes.decided(counts.videos, votes.WRONG)
    mean = {
        "video accuracy": votes.accuracy(right),
        "clip accuracy": votes.accuracy(clips),
        "video F1": votes.f1(positive),
        "macro F1": votes.macro_f1(clips),
        "UAR": votes.recall(clips),
        "strict video": votes.accuracy(strict),
    }
    slopes = (
        (spread.accuracy(right), spread.alone(right)),
        (spread.accuracy(clips), counts.squares),
        (spread.f1(positive), spread.alone(positive)),
        (spread.macro_f1(clips), counts.squares),
        (spread.recall(clips), counts.squares),
        (spread.accuracy(strict), spread.alone(strict)),
    )
    videos = int(counts.videos.sum())
    around = {name: spread.error(*each, videos) for name, each in zip(mean, slopes, strict=True)}
    if statistics[SPREAD]:
        mean["not rebuilt"], around["not rebuilt"] = statistics[ERROR] / statistics[SPREAD], 0.0
    return {"mean": mean, "spread": around}


def measure_majority(test: TestClips, options: MicroGestureOptions) -> Statistics:
    """Measure who says of every clip that it is positive: what no learning gives."""
    return _guessed(test, np.ones(len(test), np.int64))


def measure_random(test: TestClips, options: MicroGestureOptions) -> Statistics:
    """Measure emotions drawn without looking at the clips, seeded: chance."""
    return _guessed(test, public(0, 0, "", "random emotions").integers(0, 2, len(test)))


def _guessed(test: TestClips, predicted: NDArray[np.int64]) -> Statistics:
    return {**votes.counted(test.labels, predicted, test.videos).numbers, ERROR: 0.0, SPREAD: 0.0}


def described(layout: str, options: MicroGestureOptions) -> Mapping[str, Any]:
    """Return what is evaluated: whose videos are tested, how ties are decided, and what spreads are."""
    return {
        "benchmark": layout,
        "split": f"folds, {options.fold}" if options.split == "folds" else options.split,
        "ties": f"{TIE_ACCURACY} in video accuracy, {TIE_F1} in video F1",
        "spread_over": "draws of videos",
    }
