"""What a site can measure alone: clips of its own videos that it does not train on."""

from typing import Any

import numpy as np

from isofed.tasks.micro_gesture import votes
from isofed.tasks.micro_gesture.evaluate import ERROR, SPREAD, through
from isofed.tasks.micro_gesture.layouts.clips import UNLABELLED
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.task import OwnBenchmark, Samples, Statistics

WORDS = "own people, unseen videos; of sites without labels the reconstruction alone"
CLIPS = tuple(f"clips_{y}{p}" for y in (0, 1) for p in (0, 1))
SUMS = (*CLIPS, ERROR, SPREAD)


def measure(
    model: Any, trained: Samples, held: Samples, options: MicroGestureOptions, device: str
) -> Statistics:
    """Return the confusion matrix of held-out clips that have a label, and errors of rebuilding all of them.

    Args:
        model: in evaluation mode.
        trained: the site's other clips; not looked at.
        held: M clips, those of a video together; none of it is trained on.
        options: of the task.
        device: where the model lies.
    """
    predicted, squares = through(model, held.inputs, len(held))
    labels = np.asarray(held.labels)
    known = labels != UNLABELLED
    matrix = np.bincount(2 * labels[known] + predicted[known], minlength=4)
    return dict(zip(SUMS, [*map(float, matrix), *squares], strict=True))


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``own_clip_accuracy``, ``own_UAR``, of labelled clips, and ``own_rebuilt``; no spread.

    own_rebuilt = max(0, 1 - error / variance), the share of the normalised clips' sum of squares that the
    reconstruction explains. What a site has no clips for is left out.
    """
    matrix = np.array([statistics[name] for name in CLIPS]).astype(np.int64).reshape(2, 2)
    mean: dict[str, float] = {}
    if matrix.any():
        mean |= {"own_clip_accuracy": votes.accuracy(matrix), "own_UAR": votes.recall(matrix)}
    if statistics[SPREAD]:
        mean["own_rebuilt"] = max(0.0, 1 - statistics[ERROR] / statistics[SPREAD])
    return {"mean": mean, "spread": dict.fromkeys(mean, 0.0)}


OWN = OwnBenchmark(words=WORDS, sums=lambda options: SUMS, measure=measure, result=result)
