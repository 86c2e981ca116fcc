"""Unit-range infusion: motion that the flow does not support is attenuated."""

from torch import Tensor

EPSILON = 1e-6
SCOPES = ("sample", "batch")


def unit(x: Tensor, scope: str = "sample") -> Tensor:
    """Return n(x) = (x - min x) / (max x - min x + 1e-6), in 0 to 1; of a constant map, zeros.

    Args:
        x: (B, C, H, W).
        scope: ``"sample"``, extremes over channels and places of each sample; ``"batch"``, over the whole
            tensor, as released, so that what is said of a sample depends on those beside it.

    Source: Khor et al., 2025, and its released code; differs from the released code in the epsilon and in
    the default scope.
    """
    flat = x.flatten(1) if scope == "sample" else x.reshape(1, -1)
    shape = (-1,) + (1,) * (x.dim() - 1)
    low, high = flat.amin(1).view(shape), flat.amax(1).view(shape)
    return (x - low) / (high - low + EPSILON)


def infused(magnified: Tensor, flow: Tensor, scope: str) -> Tensor:
    """Return m n(f), place by place."""
    return magnified * unit(flow, scope)
