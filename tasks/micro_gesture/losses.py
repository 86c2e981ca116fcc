"""The hybrid loss: emotions of clips that have one, and the reconstruction of all."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from isofed.tasks.micro_gesture.layouts.clips import UNLABELLED

Distance = Callable[[Tensor, Tensor], Tensor]  # two (B, 3, T, V) to (B, T)


def squares(rebuilt: Tensor, reference: Tensor) -> Tensor:
    """Return the mean square of the differences in each frame, (B, T)."""
    return (rebuilt - reference).square().mean((1, 3))


def cosine(rebuilt: Tensor, reference: Tensor) -> Tensor:
    """Return (1 - cos)^2 of each frame as one vector of all joints' numbers, (B, T)."""
    one, other = (each.transpose(1, 2).flatten(2) for each in (rebuilt, reference))
    return (1 - F.cosine_similarity(one, other, dim=2)).square()


DISTANCES: Mapping[str, Distance] = {"squares": squares, "cosine": cosine}
OVER: Mapping[str, Callable[[Tensor], Tensor]] = {"sum": lambda x: x.sum(1), "mean": lambda x: x.mean(1)}
WEIGHTINGS: Mapping[str, Callable[[float], tuple[float, float]]] = {
    "sum": lambda balance: (1.0, 1.0),
    "convex": lambda balance: (balance, 1.0 - balance),
}


def rebuilding(rebuilt: Tensor, reference: Tensor, over: str = "sum", distance: str = "squares") -> Tensor:
    """Return the reconstruction's loss of each clip, (B,): sum or mean over frames t of d(x_t, x'_t).

    With squares d is mean_{c,v} (x_rec - x_ref)^2, so the sum is T times the ordinary mean square.

    Args:
        rebuilt: x', (B, 3, T, V).
        reference: x, (B, 3, T, V), the clips after the input's normalisation.
        over: of ``OVER``.
        distance: of ``DISTANCES``.

    Source: the released code of Xia et al., 2025: the sum of squares, the mean and a cosine among its
    options. Differs from it in: of which vectors the cosine is taken is our choice.
    """
    return OVER[over](DISTANCES[distance](rebuilt.float(), reference.float()))


def emotion(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each clip, (B,), 0 where the emotion is not known (-1)."""
    return F.cross_entropy(logits.float(), labels, ignore_index=UNLABELLED, reduction="none")


def hybrid(logits: Tensor, labels: Tensor, rebuilt: Tensor | None, weights: tuple[float, float]) -> Tensor:
    """Return (1/B) sum_n [a l_n CE_n + b rec_n], l_n being 1 where the emotion is known and 0 elsewhere.

    A mean over examples: clips without a label count in B, so that a site's loss has one scale however many
    of its clips have one.

    Args:
        logits: (B, 2).
        labels: (B,) 0, 1, or -1 where it is not known.
        rebuilt: (B,) reconstruction's loss of each clip, or None.
        weights: a and b.

    Source: Xia et al., 2025, training in one stage with both losses.
    """
    a, b = weights
    each = a * emotion(logits, labels)
    found: Tensor = torch.mean(each if rebuilt is None else each + b * rebuilt)
    return found
