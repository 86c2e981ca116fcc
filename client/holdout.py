"""Which of a site's samples are never trained on, so that it can measure on them."""

from typing import Any

import numpy as np

from isofed.tasks.task import Samples


def split(
    samples: Samples, share: float, rng: np.random.Generator | None, several: bool = False
) -> tuple[Samples, Samples]:
    """Part a site's samples into those to train on and those held out, each in their old order.

    Of a class of m samples max(1, min(m - 1, floor(share m + 1/2))) are held out, and none of a single one;
    without classes that is of all samples. Samples of one scene (:class:`Samples`) count as one.

    Args:
        samples: all of the site's.
        share: of each class, 0 to 0.5; at 0 the first part is ``samples`` itself.
        rng: where the choice comes from; None where the share is 0.
        several: labels stand for sets of classes, of which too many are seen once: none is looked at.
    """
    if share == 0.0:
        return samples, samples.take(np.zeros(0, np.int64))
    count = len(samples)
    assert rng is not None
    held = chosen(
        _classes(None if several else samples.labels, count),
        getattr(samples.inputs, "scenes", None),
        share,
        rng,
    )
    return samples.take(np.flatnonzero(~held)), samples.take(np.flatnonzero(held))


def chosen(classes: np.ndarray, scenes: Any, share: float, rng: np.random.Generator) -> np.ndarray:
    """Return (N,) bool, which samples are held out.

    Args:
        classes: (N,) integers; what they are called does not matter.
        scenes: (N,) integers, equal for samples that stay together, or None.
        share: see :func:`split`.
        rng: one number is drawn for each scene.
    """
    own = np.arange(len(classes)) if scenes is None else scenes
    _, first, scene = np.unique(own, return_index=True, return_inverse=True)
    _, kind, sizes = np.unique(classes[first], return_inverse=True, return_counts=True)
    most = np.minimum(sizes - 1, np.maximum(1, np.floor(share * sizes + 0.5))).astype(np.int64)
    order = np.lexsort((rng.random(len(first)), kind))
    rank = np.empty(len(first), np.int64)
    rank[order] = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    held: np.ndarray = (rank < most[kind])[scene]
    return held


def _classes(labels: Any, count: int) -> np.ndarray:
    """Return the samples' classes; where labels are no class numbers, all are of one."""
    found = np.zeros(count, np.int64) if labels is None else np.asarray(labels)
    numbers = found.ndim == 1 and found.dtype.kind in "iub"
    return found if numbers else np.zeros(count, np.int64)
