"""Low-rank adapters beside the layers of a frozen model, and the share that lets only them travel."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from isofed.config import within
from isofed.errors import CompositionError
from isofed.strategies.share import HEAD, NORMS, Share
from isofed.suggest import pick

A, B = "lora_A", "lora_B"
TRAINED = {"B": (B,), "both": (A, B)}


def adapters(rank: int, alpha: float, train: str = "B", head: bool = True, norms: bool = False) -> Share:
    """Freeze a model and train low-rank changes beside its layers: W + ΔW with ΔW = (α / r) B A.

    W, m x n, is the weight of a linear layer, or of a convolution seen as (out, in · height · width); B is
    m x r and begins at zero, A is r x n and is drawn from the run's seed, alike at all sites, N(0, 1/n). The
    head has no adapters. What is frozen does not travel; running statistics do.

    Args:
        rank: r, at least 1; a layer with fewer inputs n than that has n.
        alpha: α, above 0.
        train: ``B`` leaves A as it was drawn, and then the mean of the sites' ΔW is that of their B, exactly;
            ``both`` averages A and B apart, which is not the mean of their products.
        head: whether the head's own parameters are trained, fully.
        norms: whether those of normalisation layers are.

    Raises:
        CompositionError: when the model is built, and it has no layer to adapt.

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, eq. 3; Sun et al.,
    Improving LoRA in Privacy-preserving Federated Learning, ICLR 2024, for A that stays. The variance of A,
    which neither gives, is such that its rows have a length of about one.
    """
    within("rank", rank, 1, 65_536)
    within("alpha", alpha, 1e-6, 1e6)
    names = pick("train", train, TRAINED)
    return Share(
        f"adapters(rank={rank}, alpha={alpha}, train='{train}', head={head}, norms={norms})",
        travels=lambda name: True,
        trains=lambda name: name.rpartition(".")[2] in names,
        fully=(*((HEAD,) if head else ()), *((NORMS,) if norms else ())),
        adapt=partial(adapt, rank=rank, alpha=alpha),
    )


def adapt(
    module: nn.Module, head: tuple[str, ...], generator: torch.Generator, rank: int, alpha: float
) -> None:
    """Put adapters beside every linear and convolutional layer outside the head; see :func:`adapters`.

    No forward method changes: a layer's ``weight`` is then the sum, computed where it is read, and its
    state-dict name is still the frozen W's. Layers of a derived type are left as they are, because whoever
    made them may read another attribute.

    Args:
        module: changed in place; says the same as before.
        head: state-dict prefixes of the layers that get none.
        generator: source of A, on the CPU.
        rank, alpha: as in :func:`adapters`.

    Raises:
        CompositionError: there is no such layer.
    """
    chosen = [
        layer
        for path, layer in module.named_modules()
        if type(layer) in _ADAPTED and not f"{path}.".startswith(head)
    ]
    if not chosen:
        raise CompositionError(
            f"adapters need linear or 2-d convolutional layers outside the head, but {type(module).__name__} "
            "has none; use strategy=fedavg"
        )
    for layer in chosen:
        _adapt(layer, generator, rank, alpha)


def _adapt(layer: Any, generator: torch.Generator, rank: int, alpha: float) -> None:
    weight = layer.weight.detach().flatten(1)
    outputs, inputs = weight.shape
    down = weight.new_empty(min(rank, inputs), inputs).normal_(0.0, inputs**-0.5, generator=generator)
    layer.register_parameter(A, nn.Parameter(down))
    layer.register_parameter(B, nn.Parameter(weight.new_zeros(outputs, len(down))))
    layer.lora_scale = alpha / rank
    layer.__class__ = _ADAPTED[type(layer)]


def _weight(layer: Any) -> Tensor:
    # read from the table of parameters: the attribute is this property
    frozen = layer._parameters["weight"]
    change: Tensor = torch.addmm(
        frozen.flatten(1), layer._parameters[B], layer._parameters[A], alpha=layer.lora_scale
    )
    return change.view(frozen.shape)


class AdaptedLinear(nn.Linear):
    """A linear layer whose weight is W + (α / r) B A."""

    weight = property(_weight)


class AdaptedConv2d(nn.Conv2d):
    """A convolution whose weight is W + (α / r) B A."""

    weight = property(_weight)


_ADAPTED: dict[type, type] = {nn.Linear: AdaptedLinear, nn.Conv2d: AdaptedConv2d}
