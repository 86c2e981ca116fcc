"""Losses of the vein recogniser: the combined angular margin, and the hardest triplets of a batch."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from isofed.config import within

NEARLY_ONE = 1 - 1e-6  # beyond it the slope of an angle in its cosine is no number any more


@dataclass(frozen=True)
class Margin:
    """The numbers of a combined angular margin.

    Args:
        m1: factor on the angle, >= 1; 1 in ArcFace and CosFace.
        m2: added to the angle, radians, 0 to pi / 2; 0.7 in the published recipe, 0.5 for few classes.
        m3: taken from the cosine, 0 to 1; CosFace's margin.
        scale: s, > 0; 64 in the published recipe, 32 for few classes.

    Raises:
        ConfigError: a number outside its range.
    """

    m1: float = 1.0
    m2: float = 0.5
    m3: float = 0.0
    scale: float = 32.0

    def __post_init__(self) -> None:
        within("margin_factor", self.m1, 1.0, 4.0)
        within("margin_angle", self.m2, 0.0, math.pi / 2)
        within("margin_cosine", self.m3, 0.0, 1.0)
        within("scale", self.scale, 1e-12, 1e6)


PUBLISHED = Margin(m2=0.7, scale=64.0)
PLAIN = Margin(m2=0.0)


def target(cosines: Tensor, margin: Margin) -> Tensor:
    """Return the true classes' logits: s (cos(m1 t + m2) - m3) with t = arccos of the cosine.

    Where m1 t + m2 > pi the cosine would rise again. There it is continued by cos(t) - m2 sin(m2) for
    m1 = 1, and by (-1)^k cos(m1 t + m2) - 2 k, k = floor((m1 t + m2) / pi), for a greater m1, so that the
    logit falls with the angle everywhere.

    Args:
        cosines: (B,) floats, -1 to 1, of each embedding and its own class centre.
        margin: the numbers.

    Source: Deng et al., "ArcFace: additive angular margin loss for deep face recognition", CVPR 2019, eq. 4
    (the combined margin) with its released guard; the continuation for m1 > 1 is that of Liu et al.,
    "SphereFace", CVPR 2017, eq. 7.
    """
    angles = torch.acos(cosines.clamp(-NEARLY_ONE, NEARLY_ONE))
    turned = margin.m1 * angles + margin.m2
    if margin.m1 == 1:
        beyond = angles.cos() - margin.m2 * math.sin(margin.m2)
    else:
        halves = (turned / math.pi).floor().detach()
        beyond = (1 - 2 * (halves % 2)) * turned.cos() - 2 * halves
    return margin.scale * (torch.where(turned > math.pi, beyond, turned.cos()) - margin.m3)


def angular(cosines: Tensor, labels: Tensor, margin: Margin) -> Tensor:
    """Return the mean cross-entropy of s cos(t), the true class by :func:`target`: a mean over examples.

    (1, m2, 0) is ArcFace, (1, 0, m3) CosFace, (1, 0, 0) the normalised softmax.

    Args:
        cosines: (B, C) floats of embeddings and class centres.
        labels: (B,) int64, each in 0..C-1.
        margin: the numbers.
    """
    own = cosines.gather(1, labels[:, None])
    logits = (margin.scale * cosines).scatter(1, labels[:, None], target(own, margin))
    return F.cross_entropy(logits, labels)


def batch_hard(features: Tensor, labels: Tensor, margin: float = 0.2) -> Tensor:
    """Return the batch-hard triplet loss, mean_i [margin + max_same d_ij - min_other d_ik]_+.

    d is the Euclidean distance of unit vectors. An anchor without a mate or without a stranger adds 0; where
    no anchor has both, the loss is 0.

    Args:
        features: (B, D) floats, normalised here.
        labels: (B,) int64.
        margin: >= 0; 0.2 with weight 4 in the nearest published open-set recipe.

    Source: Hermans et al., "In defense of the triplet loss for person re-identification", 2017, eq. 5; its
    use here follows Ou et al., "Fusion loss and inter-class data augmentation for deep finger vein
    feature learning", 2021.
    """
    unit = F.normalize(features, dim=1)
    distances = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")
    same = labels[:, None] == labels[None, :]
    mates = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    furthest = distances.masked_fill(~mates, -1.0).max(1).values
    nearest = distances.masked_fill(same, 3.0).min(1).values  # beyond 2, the largest there is
    counted = mates.any(1) & ~same.all(1)
    return (F.relu(margin + furthest - nearest) * counted).sum() / counted.sum().clamp(min=1)
