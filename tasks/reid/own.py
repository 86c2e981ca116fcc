"""What a camera can measure alone: held-out images of its own people. No retrieval across cameras."""

from typing import Any

import numpy as np
import torch

from isofed.tasks.reid.benchmarks.distances import METRICS
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.train import undrawn
from isofed.tasks.task import OwnBenchmark, Samples, Statistics

CHUNK = 128  # pictures that go through the network at a time
SUMS = ("images", "nearest", "right")
WORDS = "own people, unseen images, same camera; no retrieval across cameras"


def measure(model: Any, trained: Samples, held: Samples, options: ReidOptions, device: str) -> Statistics:
    """Return counts of the site's held-out images (tracklets of films): ``images``, and of these

    ``nearest``: whose nearest image trained on, by the cosine of their features, shows the same person;
    ``right``: for whose person the head's logit is the greatest among the people of the site.

    It is a closed set of own people, seen by the same camera, often moments apart: a much easier question
    than the benchmark's, which asks for strangers across cameras. What both numbers share is that one model
    can be compared with another at the same site.

    Args:
        model: in evaluation mode; D features, C logits.
        trained: N samples, the gallery.
        held: M samples, the queries; nobody is among them who is not in the gallery.
        options: of the task.
        device: where the model lies.
    """
    if not len(held):
        return dict.fromkeys(SUMS, 0.0)
    gallery, _ = _outputs(model, trained, options, device)
    queries, logits = _outputs(model, held, options, device)
    known = np.unique(trained.labels)
    answers = known[np.argmax(logits[:, known], axis=1)]
    found = trained.labels[_nearest(queries, gallery)]
    hits, right = (int((given == held.labels).sum()) for given in (found, answers))
    return {"images": float(len(held)), "nearest": float(hits), "right": float(right)}


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``own_R1`` and ``own_accuracy``, shares of the held-out images, 0 to 1; their spread is 0."""
    if not statistics["images"]:
        return {"mean": {}, "spread": {}}
    named = {"own_R1": "nearest", "own_accuracy": "right"}
    mean = {name: statistics[key] / statistics["images"] for name, key in named.items()}
    return {"mean": mean, "spread": dict.fromkeys(mean, 0.0)}


def _outputs(
    model: Any, samples: Samples, options: ReidOptions, device: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, D) and logits (N, C) of all samples, a chunk at a time."""
    step = max(1, CHUNK // getattr(samples.inputs, "count", 1))  # a tracklet is as many pictures as frames
    features, logits = [], []
    with torch.inference_mode():
        for at in range(0, len(samples), step):
            rows = np.arange(at, min(at + step, len(samples)))
            output = model(undrawn(samples, rows, options, device).inputs)
            features.append(output.features.cpu().numpy())
            logits.append(output.logits.cpu().numpy())
    return np.concatenate(features), np.concatenate(logits)


def _nearest(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """Return for each query the row of the nearest in the gallery, of equal ones the first: (M,)."""
    cosine = METRICS["cosine"]
    prepared = cosine.prepare(gallery)
    parts = [
        np.argmin(cosine.between(queries[at : at + CHUNK], prepared), axis=1)
        for at in range(0, len(queries), CHUNK)
    ]
    return np.concatenate(parts)


OWN = OwnBenchmark(words=WORDS, sums=lambda options: SUMS, measure=measure, result=result)
