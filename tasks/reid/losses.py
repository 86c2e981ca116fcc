"""Losses of the re-identification task: identity, pair-wise circle loss, and two weighted triplet losses."""

import torch
from torch import Tensor
from torch.nn import functional as F

SQUARE_LIMIT = 88.0  # of the released code of CAJ; beyond it a square pulls no longer


def identity(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the mean softmax cross-entropy, without label smoothing.

    Args:
        logits: (B, C) floats.
        labels: (B,) int64, each in 0..C-1.
    """
    return F.cross_entropy(logits, labels)


def _masked_logsumexp(values: Tensor, mask: Tensor) -> Tensor:
    """Return log sum exp over the marked entries of each row, hugely negative where none is marked."""
    nothing = torch.finfo(values.dtype).min / 4  # finite, so that its gradient is 0 and not NaN
    return values.masked_fill(~mask, nothing).logsumexp(1)


def circle(features: Tensor, labels: Tensor, margin: float = 0.45, scale: float = 64.0) -> Tensor:
    """Return the mean pair-wise circle loss of a batch.

    With cosines s_ij, m the margin and g the scale, for anchor i
    P_i = lse_{j != i, same}  -g [1 + m - s_ij]_+ (s_ij - 1 + m),
    N_i = lse_{j different}    g [s_ij + m]_+ (s_ij - m),
    loss = mean_i log(1 + exp(P_i + N_i)); [.]_+ = max(0, .) carries no gradient.
    An anchor without a positive or without a negative adds 0.

    Args:
        features: (B, D) floats, normalised here.
        labels: (B,) int64.
        margin: m, 0 to 1.
        scale: g, > 0.

    Reference: Sun et al., "Circle loss: a unified perspective of pair similarity optimization", CVPR
    2020, eq. 6, in the form used by Jiang et al., CVPR 2025, section 3.3.
    """
    unit = F.normalize(features, dim=1)
    cosine = unit @ unit.T
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    weights = cosine.detach()
    pull = -scale * (1 + margin - weights).clamp(min=0) * (cosine - (1 - margin))
    push = scale * (weights + margin).clamp(min=0) * (cosine - margin)
    return F.softplus(_masked_logsumexp(pull, same & ~itself) + _masked_logsumexp(push, ~same)).mean()


def _gaps(features: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much further than its strangers each anchor finds its mates, and who has strangers: (B,).

    gap_i = sum_j p_ij d_ij - sum_k n_ik d_ik with d Euclidean, p_i the softmax of d_ij over the anchor's
    mates j, itself among them, and n_i the softmax of -d_ik over its strangers k.
    """
    # no product of matrices: the distance of an anchor to itself must be 0, and half precision would tell
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    same = labels[:, None] == labels[None, :]
    nothing = torch.finfo(distances.dtype).min
    near = distances.masked_fill(~same, nothing).softmax(1)
    far = (-distances).masked_fill(same, nothing).softmax(1) * ~same
    return ((near - far) * distances).sum(1), ~same.all(1)


def weighted_triplet(features: Tensor, labels: Tensor) -> Tensor:
    """Return the weighted regularised triplet loss of a batch, mean_i log(1 + exp(gap_i)).

    gap_i = sum_j p_ij d_ij - sum_k n_ik d_ik, where d is the Euclidean distance, the weights p_i are the
    softmax of d_ij over the anchor's mates (far ones count most) and n_i the softmax of -d_ik over its
    strangers (near ones count most). The weights carry gradient. An anchor without strangers adds 0.

    Args:
        features: (B, D) floats, as they are; AGW uses those before the neck.
        labels: (B,) int64.

    Reference: Ye et al., "Deep learning for person re-identification: a survey and outlook", TPAMI 2022,
    section 4. As in its released code an anchor is among its own mates, at distance 0.
    """
    gaps, counted = _gaps(features, labels)
    return (F.softplus(gaps) * counted).mean()


def squared_triplet(features: Tensor, labels: Tensor, gamma: float = 1.0) -> Tensor:
    """Return the enhanced squared difference loss of a batch, mean_i log(1 + exp(g sign(gap_i) gap_i^2)).

    Args:
        features: (B, D) floats, as they are; CAJ uses those before the neck.
        labels: (B,) int64.
        gamma: g, > 0; 1 in CAJ.

    Reference: Ye et al., "Channel augmented joint learning for visible-infrared recognition", ICCV 2021,
    section 3.3, with the gaps of :func:`weighted_triplet`. As in its released code g gap^2 ends at 88.
    """
    gaps, counted = _gaps(features, labels)
    squares = (gamma * gaps.square()).clamp(max=SQUARE_LIMIT)
    return (F.softplus(torch.where(gaps > 0, squares, -squares)) * counted).mean()
