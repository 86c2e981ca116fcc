"""What a client minimises, by name: the paper's baseline and the local objectives it is compared with."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from isofed.tasks.reid import losses
from isofed.tasks.reid.options import ReidOptions


def baseline(output: Any, labels: Tensor, options: ReidOptions) -> Tensor:
    """L_id + w · L_cir / divisor, the circle loss over the features after the neck.

    Source: L2RW, CVPR 2025, section 3.3; the released code divides the circle loss by the batch size.
    """
    total = losses.identity(output.logits, labels)
    if options.circle_weight == 0.0:
        return total
    circle = losses.circle(output.features, labels, options.circle_margin, options.circle_scale)
    return total + circle * (options.circle_weight / options.circle_divisor)


def identity(output: Any, labels: Tensor, options: ReidOptions) -> Tensor:
    """L_id alone: what the released entity-sharing baseline of L2RW trains with."""
    return losses.identity(output.logits, labels)


def agw(output: Any, labels: Tensor, options: ReidOptions) -> Tensor:
    """L_id + L_wrt, the weighted regularised triplet loss over the features before the neck.

    On one stream that is blind to modality this is the AGW-dagger of L2RW's comparison, as far as its text
    tells; the published AGW also has non-local blocks (``attention``) and a stem for each modality.

    Source: Ye et al., Deep learning for person re-identification: a survey and outlook, TPAMI 2022.
    """
    return losses.identity(output.logits, labels) + losses.weighted_triplet(output.pooled, labels)


def caj(output: Any, labels: Tensor, options: ReidOptions) -> Tensor:
    """L_id + L_sq, the enhanced squared difference over the features before the neck, γ = 1.

    Source: Ye et al., Channel augmented joint learning for visible-infrared recognition, ICCV 2021. Differs
    from L2RW's released run of CAJ, whose second term is that of :func:`agw`.
    """
    return losses.identity(output.logits, labels) + losses.squared_triplet(output.pooled, labels)


LOSSES: dict[str, Callable[[Any, Tensor, ReidOptions], Tensor]] = {
    "agw": agw,
    "baseline": baseline,
    "caj": caj,
    "identity": identity,
}


def loss(output: Any, labels: Tensor, options: ReidOptions) -> Tensor:
    """Return the loss that ``options.objective`` names, a scalar.

    Args:
        output: of the network, with ``features`` and ``pooled`` (B, D) and ``logits`` (B, C).
        labels: (B,) int64, each in 0..C-1.
    """
    return LOSSES[options.objective](output, labels, options)
