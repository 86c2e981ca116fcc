"""Arithmetic of the memory rectification bank: the centres a client keeps and the losses toward them.

Reference: Jiang et al., "From laboratory to real world: a new benchmark towards privacy-preserved
visible-infrared person re-identification", CVPR 2025, section 3.3, eq. 3-5.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from isofed.errors import ConfigError


def cosine_rectification(features: Tensor, targets: Tensor) -> Tensor:
    """Return mean_i 1 - cos(features_i, targets_i), the paper's memory loss.

    A zero target gives exactly 1 and no gradient. Targets never receive a gradient.

    Args:
        features: (B, D) floats.
        targets: (B, D) floats, the global centre of each sample's identity.

    Example:
        >>> cosine_rectification(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 0.0]])).item()
        1.0
    """
    cosine = (F.normalize(features, dim=1) * F.normalize(targets.detach(), dim=1)).sum(1)
    return (1 - cosine).mean()


def mixed_rectification(features: Tensor, targets: Tensor) -> Tensor:
    """Return half the mean squared error over all entries plus half the cosine form (released code).

    Args:
        features: (B, D) floats.
        targets: (B, D) floats; they receive no gradient.
    """
    return 0.5 * F.mse_loss(features, targets.detach()) + 0.5 * cosine_rectification(features, targets)


def euclidean_rectification(features: Tensor, targets: Tensor) -> Tensor:
    """Return the mean squared error over all entries, the Euclidean form of the paper's ablation.

    Args:
        features: (B, D) floats.
        targets: (B, D) floats; they receive no gradient.
    """
    return F.mse_loss(features, targets.detach())


def _means(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Return the mean feature of each class, zero for a class without any: (classes, D)."""
    sums = features.new_zeros(classes, features.shape[1]).index_add_(0, labels, features)
    return sums / torch.bincount(labels, minlength=classes).clamp(min=1)[:, None]


def _nearest(distances: Tensor, labels: Tensor, classes: int, k: int) -> Tensor:
    """Mark the rows among the k smallest distances of their class; ties go to the earlier row: (N,)."""
    by_distance = torch.argsort(distances, stable=True)
    order = by_distance[torch.argsort(labels[by_distance], stable=True)]
    sizes = torch.bincount(labels, minlength=classes)
    first = (sizes.cumsum(0) - sizes)[labels[order]]
    keep = torch.zeros_like(labels, dtype=torch.bool)
    keep[order] = torch.arange(len(order), device=order.device) - first < k
    return keep


def _images_behind(labels: Tensor, images: Tensor, classes: int) -> Tensor:
    """Return floor(rows / rows of the image with most of them) of each class, 0 without rows: (classes,).

    A count of n says that no image makes up more than 1/n of the class's mean. The number of different
    images would not: four rows of which three are one image's lie near that image's own features.
    """
    pairs, times = torch.unique(torch.stack([labels, images]), dim=1, return_counts=True)
    most = torch.zeros(classes, dtype=torch.int64, device=labels.device)
    most.scatter_reduce_(0, pairs[0], times, "amax")
    return torch.bincount(labels, minlength=classes) // most.clamp(min=1)


@torch.no_grad()
def rectified_centres(
    features: Tensor, labels: Tensor, images: Tensor, classes: int, k: int
) -> tuple[Tensor, Tensor]:
    """Return each identity's centre, cleared of its outlying features.

    c = mean of the identity's features; with at least k of them, c becomes the mean of the k nearest
    (Euclidean) to c. Equal distances are taken in the order of the rows.

    Args:
        features: (N, D) floats, N >= 0.
        labels: (N,) int64, each in 0..classes-1.
        images: (N,) int64, index of the image each feature was made from.
        classes: number of identities, >= 1.
        k: features kept, K in the paper, >= 1.

    Returns:
        centres (classes, D), zero for an identity without features, and counts (classes,) int64, which
        say whether a centre may leave the site: features kept / most of them from one image, rounded
        down, so that no image makes up more than 1/count of its centre.

    Raises:
        ConfigError: k is below 1.
    """
    if k < 1:
        raise ConfigError(f"The memory bank was told to average {k} features; write a number of at least 1.")
    distances = (features - _means(features, labels, classes)[labels]).square().sum(1)
    keep = _nearest(distances, labels, classes, k)
    centres = _means(features[keep], labels[keep], classes)
    return centres, _images_behind(labels[keep], images[keep], classes)
