"""Small changes beside a model that is frozen."""

from collections.abc import Callable

from isofed.strategies.adapters import adapters
from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import mean


def lora(
    rank: int = 4,
    alpha: float = 4.0,
    train: str = "B",
    lr: float = 1.0,
    count: str = "images",
    head: bool = True,
    norms: bool = False,
    weights: str = "examples",
) -> Recipe:
    """Freeze the model, average low-rank changes of its layers: W + (α / r) B A, B ← B + η Σ (n_i / n) ΔB_i.

    A stays as the seed drew it, because the mean of the sites' A times the mean of their B is not the mean
    of the products; so a layer's change is exactly the weighted mean of the sites'. Running statistics
    travel. Nobody sends the frozen model, so everybody must begin with the same one: every site compares
    its digest with the server's.

    For ResNet-50 with its 23,512,128 parameters, the B of rank 4 have 106,240: with the running statistics
    0.65 MB a message instead of 94.28 MB, a 144th. A shared head comes on top of both.

    Args:
        rank: r; alpha: α, above 0, which with r scales the change.
        train: ``B``; or ``both``, where A and B are averaged apart: an approximation of the mean.
        lr: η, server learning rate, at least 0.
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.
        head: whether the task's head is trained, fully; it is shared unless heads are private.
        norms: whether scales and shifts of normalisation layers are trained and shared.
        weights: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, eq. 3; Sun et al.,
    Improving LoRA in Privacy-preserving Federated Learning, ICLR 2024 (FFA-LoRA). Both adapt
    transformers' linear layers; here convolutions, too.
    """
    share = adapters(rank, alpha, train, head, norms)
    return Recipe(rule=mean(weights), server=sgd(lr), share=share, count=count)


NAMED: dict[str, Callable[..., Recipe]] = {"lora": lora}
