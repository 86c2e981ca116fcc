"""Running statistics under noise at the server: a part by themselves, with bound and share of their own."""

from dataclasses import replace

import numpy as np

from isofed.config import within
from isofed.protocols.step import STATISTICS, Half, Step, Use
from isofed.protocols.steps.clip import shortened
from isofed.seeds import Secrets
from isofed.trees import Tree

VARIANCE = "running_var"
LEAST = 0.5


def statistics(step: Step, norm: float) -> Step:
    """Do to the sum of running statistics what a step does to that of the model, with a bound of their own.

    A site sends s = b - b_0, by how much its statistics moved from those of the order, at ‖s‖₂ ≤ C_b, and the
    server adds the step's noise, of standard deviation z_b C_b, to the sum. One site so moves the pair of
    sums, each in units of its noise, by no more than √(z_m⁻² + z_b⁻²), whatever the two bounds are.

    What is no real number, such as the count of batches, stays as the server has it.

    Args:
        step: that draws on the sum of changes, such as ``gaussian(z_b)``.
        norm: C_b in the statistics' own units, above 0.

    Source: McMahan et al., A General Approach to Adding Differential Privacy to Iterative Training
    Procedures, 2018, section 2.2 (joint noise on parts with bounds of their own).
    """
    within("buffers_norm", norm, 1e-9, 1e9)
    keep = step.keep
    return replace(
        step,
        call=f"statistics(norm={norm}, {step.call})",
        client=lambda change, use: shortened(change, norm),
        server=_apart(step.server, norm),
        total=_apart(step.total, norm),
        keep=keep and (lambda total, use: {STATISTICS: keep(total, _own(use, norm))}),
        bounds=float(norm),
        needs_bound=False,
        part=STATISTICS,
    )


def shares(noise: float, share: float) -> tuple[float, float]:
    """Return z_m and z_b, of the model and of running statistics, that together are as one noise z.

    z_m⁻² = (1 - s) z⁻² and z_b⁻² = s z⁻²: the two Gaussian mechanisms on parts of one update are one with
    z⁻² = z_m⁻² + z_b⁻².

    Args:
        noise: z of both together.
        share: s, what the statistics take of z⁻², above 0 and below 1.
    """
    within("buffers_share", share, 1e-6, 1.0 - 1e-6)
    return noise / (1.0 - share) ** 0.5, noise / share**0.5


def usable(found: Tree, before: Tree) -> Tree:
    """Return running statistics as a network can use them: no variance below half of what it was.

    Noise may bring a variance below zero. Both trees are known to whoever sees the models, so that this
    tells nobody anything.

    Args:
        found: NumPy, changed in place.
        before: as the server had them.
    """
    for name, values in found.items():
        if name.endswith(VARIANCE):
            np.maximum(values, np.asarray(before[name]) * LEAST, out=values)
    return found


def _apart(half: Half | None, norm: float) -> Half | None:
    return half and (lambda vector, use: half(vector, _own(use, norm)))


def _own(use: Use, norm: float) -> Use:
    """Return a use with the statistics' bound, chance and what was kept of them."""
    own = use.secrets and Secrets(use.secrets.derive(0, 0, "running statistics"), use.secrets.simulated)
    return replace(use, secrets=own, bound=norm, kept=use.kept.get(STATISTICS, {}))
