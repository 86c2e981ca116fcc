"""Losses of the re-identification task: identity and pair-wise circle loss."""

import torch
from torch import Tensor
from torch.nn import functional as F


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
